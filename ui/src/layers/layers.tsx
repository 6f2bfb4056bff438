/** The Layers view: a service with those around it as cards in columns, calls as ribbons from left to right. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { count } from '../model/format';
import { NONE } from '../model/graph';
import { MAX_HOPS } from '../model/url';
import type { AppState } from '../panels/state';
import { Tooltip } from '../panels/tooltip';
import { Card } from './card';
import './layers.css';
import '../panels/choice.css';
import { Invitation } from './invitation';
import { MINIMAP_HEIGHT, MINIMAP_WIDTH, MiniMap } from './minimap';
import { MAX_WHOLE, neighbourhood, whole, type Picture } from './neighbourhood';
import { placeLayers, type LayerLayout } from './place';
import { RibbonLabels, Ribbons } from './ribbons';

/** Cards a column shows before it says how many more there are, by the height of the view. */
const CARD_ROOM_PX = 92;
const FEWEST = 4;
const MOST = 10;
/** On cards narrower than this the group is told by its hue alone. */
const NARROW_CARD = 200;
/** The columns are chosen anew for changed traffic no more often than this. */
const RECHOOSE_MS = 5_000;

interface Size {
  width: number;
  height: number;
}

/** The version of the graph that decides what is shown: each change of structure, else one now and then. */
function useChoice(state: AppState): number {
  const version = state.version.value;
  const structure = state.structure.value;
  const last = useRef({ version: -1, structure: -1, at: -Infinity });
  const now = performance.now();
  if (structure !== last.current.structure || now - last.current.at >= RECHOOSE_MS) last.current = { version, structure, at: now };
  return last.current.version;
}

/** The size of an element, followed; the callback is for its ref. */
function useSize(): [(e: HTMLDivElement | null) => void, Size, { current: HTMLDivElement | null }] {
  const box = useRef<HTMLDivElement | null>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const attach = useMemo(() => {
    let observer: ResizeObserver | null = null;
    return (e: HTMLDivElement | null): void => {
      observer?.disconnect();
      box.current = e;
      if (e === null) return;
      observer = new ResizeObserver(() => setSize({ width: e.clientWidth, height: e.clientHeight }));
      observer.observe(e);
    };
  }, []);
  return [attach, size, box];
}

/** What a column is called. */
export function headingOf(picture: Picture, depth: number): string {
  if (picture.focus === NONE) return depth === 0 ? 'Enters here' : depth === 1 ? '1 call in' : `${depth} calls in`;
  switch (depth) {
    case 0: return 'Focus';
    case -1: return 'Called by';
    case 1: return 'Calls';
    default: return `${Math.abs(depth)} hops ${depth < 0 ? 'up' : 'down'}`;
  }
}

function Hops({ state }: { state: AppState }): JSX.Element {
  const { up, down } = state.url.value;
  const choice = (name: string, key: 'up' | 'down', value: number): JSX.Element => (
    <div role="group" aria-label={`Hops ${name}`}>
      <span class="sub">{name}</span>
      {Array.from({ length: MAX_HOPS + 1 }, (_, n) => (
        <button type="button" key={n} class={`num${n === value ? ' on' : ''}`} aria-pressed={n === value} aria-label={`${n} ${n === 1 ? 'hop' : 'hops'} ${name}`}
          onClick={() => state.go({ [key]: n }, false)}>{n}</button>
      ))}
    </div>
  );
  return <div class="choice">{choice('up', 'up', up)}{choice('down', 'down', down)}</div>;
}

/** Moves the keyboard from card to card: up and down a column, left and right to the nearest. */
function walk(e: KeyboardEvent, layout: LayerLayout): void {
  if (!(e.target instanceof HTMLElement) || e.target.dataset.slot === undefined) return;
  const here = layout.cards.find((c) => String(c.slot) === (e.target as HTMLElement).dataset.slot);
  if (here === undefined) return;
  const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
  const side = e.key === 'ArrowDown' ? 1 : e.key === 'ArrowUp' ? -1 : 0;
  if (step === 0 && side === 0) return;
  const reachable = layout.cards.filter((c) => (step !== 0 ? c.column === here.column + step : c.column === here.column && (c.y - here.y) * side > 0));
  reachable.sort((a, b) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y));
  e.preventDefault();
  e.stopPropagation();
  if (reachable.length > 0) document.querySelector<HTMLElement>(`.layers [data-slot="${reachable[0].slot}"]`)?.focus();
}

interface PlaneProps {
  state: AppState;
  picture: Picture;
  layout: LayerLayout;
  /** What the layout is of: with another, ribbons are drawn anew. */
  shape: string;
  open(depth: number): void;
}

function Plane({ state, picture, layout, shape, open }: PlaneProps): JSX.Element {
  state.version.value;
  const lit = state.hovered.value;
  const { from, to } = state.graph.calls;
  const near = useMemo(() => {
    if (lit === NONE) return null;
    const out = new Set([lit]);
    for (const c of picture.calls) {
      if (from[c] === lit) out.add(to[c]);
      if (to[c] === lit) out.add(from[c]);
    }
    return out.size > 1 || layout.cards.some((c) => c.slot === lit) ? out : null;
  }, [lit, picture]);
  return (
    <div class={layout.cardWidth < NARROW_CARD ? 'plane narrow' : 'plane'} style={{ width: `${layout.width}px`, height: `${layout.height}px` }} onKeyDown={(e) => walk(e, layout)}>
      <Ribbons key={shape} state={state} layout={layout} lit={near === null ? NONE : lit} />
      <ul class="cards">
        {layout.cards.map((c) => (
          <Card key={state.graph.services.id[c.slot]} state={state} place={c} width={layout.cardWidth} focused={c.slot === picture.focus} dim={near !== null && !near.has(c.slot)} />
        ))}
        {picture.columns.map((c, i) => c.hidden > 0 && (
          <li key={`more${c.depth}`} class="more-of" style={{ width: `${layout.cardWidth}px`, transform: `translate(${layout.columns[i]}px, ${layout.more[i]}px) translateY(-50%)` }}>
            <button type="button" onClick={() => open(c.depth)}>{count(c.hidden)} more</button>
          </li>
        ))}
      </ul>
      <RibbonLabels key={`labels ${shape}`} state={state} layout={layout} quiet={near !== null} />
    </div>
  );
}

/** When not all columns fit, the focus is in the middle. */
function useCentred(layout: LayerLayout, focus: number, box: { current: HTMLDivElement | null }): void {
  useLayoutEffect(() => {
    const card = layout.cards.find((c) => c.slot === focus);
    if (card === undefined || box.current === null) return;
    box.current.scrollTo(Math.round(card.x + (layout.cardWidth - box.current.clientWidth) / 2), Math.round(card.y - box.current.clientHeight / 2));
  }, [focus, layout.width, layout.height]);
}

/** Tells the stage behind where the cards are, so that services fly to them and from them. */
function usePlaces(state: AppState, layout: LayerLayout | null, box: { current: HTMLDivElement | null }): void {
  useLayoutEffect(() => {
    if (layout === null || box.current === null) return;
    const { scrollLeft, scrollTop } = box.current;
    state.places.value = new Map(layout.cards.map((c) => [c.slot, [c.x + layout.cardWidth / 2 - scrollLeft, c.y - scrollTop]]));
  }, [layout]);
  useEffect(() => () => { state.places.value = null; }, []);
}

export function LayersView({ state }: { state: AppState }): JSX.Element {
  const [attach, size, box] = useSize();
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const choice = useChoice(state);
  const focus = state.pinned.value;
  const { up, down } = state.url.value;
  const invite = focus === NONE && state.graph.serviceCount > MAX_WHOLE;
  const most = Math.max(FEWEST, Math.min(MOST, Math.floor((size.height - 170) / CARD_ROOM_PX)));
  const last = useRef<Picture>({ focus: NONE, columns: [], calls: [] });
  const picture = useMemo<Picture>(() => {
    if (invite) return { focus: NONE, columns: [], calls: [] };
    const already = last.current.focus === focus ? last.current.columns.flatMap((c) => c.slots) : [];
    return focus === NONE ? whole(state.graph) : neighbourhood(state.graph, focus, { up, down }, most, opened, new Set(already));
  }, [choice, focus, up, down, most, opened, invite]);
  last.current = picture;
  const mapped = focus !== NONE && state.starLayout.value !== null;
  const shape = `${picture.columns.map((c) => `${c.depth}:${c.slots.join(',')}+${c.hidden > 0 ? 1 : 0}`).join(';')}|${picture.calls.join(',')}|${size.width}x${size.height}${mapped ? 'm' : ''}`;
  const layout = useMemo(() => placeLayers({
    columns: picture.columns.map((c) => c.slots), more: picture.columns.map((c) => c.hidden > 0),
    edges: picture.calls.map((call) => ({ call, from: state.graph.calls.from[call], to: state.graph.calls.to[call] })),
    width: size.width, height: size.height, corner: mapped ? { width: MINIMAP_WIDTH, height: MINIMAP_HEIGHT } : { width: 0, height: 0 },
  }), [shape]);
  useEffect(() => setOpened(new Set()), [focus]);
  useCentred(layout, focus, box);
  usePlaces(state, size.width > 0 && !invite ? layout : null, box);
  const empty = state.ready.value && state.graph.serviceCount === 0;
  return (
    <section class="layers view" aria-label="Layers" onAnimationEnd={(e) => { if (e.target === e.currentTarget) state.staging.value = false; }}>
      {invite ? <Invitation state={state} /> : (
        <div class="layers-scroll" ref={attach}>
          {size.width > 0 && (
            <>
              <div class="headings" style={{ width: `${layout.width}px` }}>
                {picture.columns.map((c, i) => (
                  <h2 key={c.depth} style={{ width: `${layout.cardWidth}px`, transform: `translateX(${layout.columns[i]}px)` }}>{headingOf(picture, c.depth)}</h2>
                ))}
              </div>
              <Plane state={state} picture={picture} layout={layout} shape={shape} open={(depth) => setOpened(new Set([...opened, depth]))} />
            </>
          )}
        </div>
      )}
      {empty && <p class="sub none">No services yet.</p>}
      {mapped && <MiniMap state={state} slot={focus} />}
      {focus !== NONE && <Hops state={state} />}
      <Tooltip state={state} />
    </section>
  );
}

