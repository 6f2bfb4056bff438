/** The calls of the Layers view: ribbons as wide as the square root of their rate, red where they fail. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { placeNames, type NameAnchor } from '../layout/labels';
import { percent, rate } from '../model/format';
import { CHANGES } from '../model/frame';
import { NONE } from '../model/graph';
import type { AppState } from '../panels/state';
import { CARD_HEIGHT, type LayerLayout, type Route } from './place';

const NARROWEST = 1.5;
const WIDEST = 13;
/** Busier calls than this share of the busiest flow faster. */
const FAST_SHARE = 0.25;
const LABEL_HEIGHT = 20;
const LABELS_PER_CARD = 0.75;

export function widthOf(perSecond: number, most: number): number {
  return NARROWEST + (WIDEST - NARROWEST) * (most > 0 ? Math.sqrt(Math.max(0, perSecond) / most) : 0);
}

function busiest(state: AppState, layout: LayerLayout): number {
  return layout.routes.reduce((m, r) => Math.max(m, state.graph.calls.rate[r.call]), 0);
}

/** A small arrowhead at the end of what does not run from left to right. */
function Head({ route }: { route: Route }): JSX.Element | null {
  if (route.kind === 'forward') return null;
  const ends = /(-?[\d.]+),(-?[\d.]+)$/.exec(route.d);
  if (ends === null) return null;
  const [x, y] = [Number(ends[1]), Number(ends[2])];
  const d = route.kind === 'self' ? `M${x - 4},${y + 7}L${x},${y + 1}L${x + 4},${y + 7}` : route.kind === 'side' ? `M${x + 8},${y - 4}L${x + 1},${y}L${x + 8},${y + 4}` : `M${x - 8},${y - 4}L${x - 1},${y}L${x - 8},${y + 4}`;
  return <path class="head" d={d} />;
}

interface RibbonProps {
  state: AppState;
  route: Route;
  most: number;
  tone: string;
}

function Ribbon({ state, route, most, tone }: RibbonProps): JSX.Element {
  const c = state.graph.calls;
  const s = state.graph.services;
  const width = widthOf(c.rate[route.call], most);
  const hue = (slot: number): number => state.grouping.groups[state.grouping.of[slot]]?.hue ?? 0;
  // In a comparison the colour says how a call changed, not whose it is.
  const change = state.graph.comparing ? ` compared ${CHANGES[c.change[route.call]]}` : '';
  const failing = change === '' && c.rate[route.call] > 0 && c.errorRate[route.call] > state.thresholds.degraded;
  const silent = c.rate[route.call] <= 0;
  const id = `ribbon${c.id[route.call]}`;
  const stroke = tone !== '' || failing || change !== '' ? 'currentColor' : `url(#${id})`;
  const speed = c.rate[route.call] > most * FAST_SHARE ? 'fast' : 'slow';
  const show = (e: PointerEvent): void => {
    const box = (e.currentTarget as Element).closest('.layers')?.getBoundingClientRect();
    if (box !== undefined) state.tip.value = { x: e.clientX - box.left, y: e.clientY - box.top, kind: 'call', ref: route.call };
  };
  return (
    <g class={`ribbon ${route.kind}${failing ? ' fails' : ''}${silent ? ' silent' : ''}${route.direct ? '' : ' aside'}${tone}${change}`} data-call={`${s.name[route.from]}→${s.name[route.to]}`}
      onPointerEnter={show} onPointerLeave={() => { state.tip.value = null; }} onClick={() => state.pinCall(route.call)}>
      <linearGradient id={id} gradientUnits="userSpaceOnUse" x1={route.x1} x2={route.x2} y1="0" y2="0">
        <stop class={`hue-${hue(route.from)}`} offset="0.15" stop-color="currentColor" /><stop class={`hue-${hue(route.to)}`} offset="0.85" stop-color="currentColor" />
      </linearGradient>
      <path class="reach" d={route.d} />
      <path class="band" d={route.d} stroke={stroke} stroke-width={width.toFixed(1)} />
      <path class="core" d={route.d} stroke={stroke} stroke-width={Math.max(1.3, width * 0.3).toFixed(1)} />
      {!silent && <path class={`flow ${speed}`} d={route.d} stroke-width={Math.max(2, width * 0.34).toFixed(1)} />}
      <Head route={route} />
    </g>
  );
}

interface RibbonsProps {
  state: AppState;
  layout: LayerLayout;
  /** The service whose calls are lit, or NONE. */
  lit: number;
}

export function Ribbons({ state, layout, lit }: RibbonsProps): JSX.Element {
  state.version.value;
  const most = busiest(state, layout);
  const alive = layout.routes.filter((r) => state.graph.calls.alive[r.call] === 1);
  const tone = (r: Route): string => (lit === NONE ? '' : r.to === lit ? ' up' : r.from === lit ? ' down' : ' dim');
  return (
    <svg class="ribbons" width={layout.width} height={layout.height} aria-hidden="true">
      {alive.map((r) => <Ribbon key={state.graph.calls.id[r.call]} state={state} route={r} most={most} tone={tone(r)} />)}
    </svg>
  );
}

interface LabelsProps {
  state: AppState;
  layout: LayerLayout;
  /** Something is lit; the labels step back. */
  quiet: boolean;
}

/** Figures on the calls that matter: those that fail, then the busiest, where there is room. */
export function RibbonLabels({ state, layout, quiet }: LabelsProps): JSX.Element {
  state.version.value;
  const c = state.graph.calls;
  const failing = (i: number): boolean => c.rate[i] > 0 && c.errorRate[i] > state.thresholds.degraded;
  const text = (r: Route): string => (failing(r.call) ? `${percent(c.errorRate[r.call])} err` : `${rate(c.rate[r.call])}/s`);
  const placed = useMemo(() => {
    const routes = layout.routes.filter((r) => c.alive[r.call] === 1 && c.rate[r.call] > 0 && (r.kind === 'forward' || failing(r.call)));
    routes.sort((a, b) => Number(failing(b.call)) - Number(failing(a.call)) || c.rate[b.call] - c.rate[a.call] || a.call - b.call);
    const anchors: NameAnchor[] = routes.flatMap((r, ref) => {
      const width = text(r).length * 6.2 + 16;
      return r.spots.map(([x, y]) => ({ ref, x: x - width / 2, y: y - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT }));
    });
    const blocked = layout.cards.map((k) => ({ x: k.x - 2, y: k.y - CARD_HEIGHT / 2, width: layout.cardWidth + 4, height: CARD_HEIGHT }));
    return placeNames(anchors, Math.ceil(layout.cards.length * LABELS_PER_CARD), blocked).map((a) => ({ ...a, route: routes[a.ref] }));
  }, [layout, state.version.value]);
  return (
    <div class={`ribbon-labels${quiet ? ' quiet' : ''}`} aria-hidden="true">
      {placed.map((p) => (
        <span key={c.id[p.route.call]} class={`num${failing(p.route.call) ? ' bad' : ''}`} style={{ width: `${p.width.toFixed(0)}px`, transform: `translate(${p.x.toFixed(1)}px, ${p.y.toFixed(1)}px)` }}>{text(p.route)}</span>
      ))}
    </div>
  );
}
