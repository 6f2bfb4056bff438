/** The bar at the top: name, search, views, counts, the state of the stream. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { behind, count } from '../model/format';
import { VIEWS, type View } from '../model/url';
import { lazy } from './lazy';
import { Logo, Moon, Sun } from './icons';
import { Search } from './search';
import type { AppState } from './state';
import { compare } from './time';

const Marks = lazy(async () => (await import('./notices')).Marks);
const Past = lazy(async () => (await import('./notices')).Past);
const ExportMenu = lazy(async () => (await import('./export')).ExportMenu);

/** The key that chooses each view. */
export const VIEW_KEYS: Readonly<Record<View, string>> = { star: '1', layers: '2', force: '3', matrix: '4', table: '5' };
const VIEW_NAMES: Readonly<Record<View, string>> = { star: 'Star', layers: 'Layers', force: 'Force', matrix: 'Matrix', table: 'Table' };

function connectionText(state: AppState): string {
  const l = state.link.value;
  if (l.state === 'waiting') return 'reconnecting';
  return l.state;
}

function Live({ state }: { state: AppState }): JSX.Element {
  const l = state.link.value;
  if (!state.live.value && l.state !== 'waiting') return <Past state={state} />;
  return (
    <div class={`live ${l.state}`}>
      <i class="dot" />
      <span class="word" data-testid="connection">{connectionText(state)}</span>
      {l.state === 'live' && <span class="lag num">{behind(state.lagMs.value)}</span>}
    </div>
  );
}

/** The files that the graph can be had as. */
function Export({ state }: { state: AppState }): JSX.Element {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const leave = (e: FocusEvent): void => {
    if (!(e.relatedTarget instanceof Node && menu.current?.contains(e.relatedTarget) === true)) setOpen(false);
  };
  const key = (e: KeyboardEvent): void => {
    if (e.key !== 'Escape' || !open) return;
    setOpen(false);
    menu.current?.querySelector('button')?.focus();
    e.stopPropagation();
  };
  return (
    <div class="menu" ref={menu} onFocusOut={leave} onKeyDown={key}>
      <button type="button" class="chip" aria-expanded={open} onClick={() => setOpen(!open)}>Export</button>
      {open && <ExportMenu state={state} close={() => setOpen(false)} />}
    </div>
  );
}

export function Header({ state }: { state: AppState }): JSX.Element {
  state.version.value;
  const view = state.url.value.view;
  const { graph } = state;
  return (
    <header>
      <div class="logo"><Logo /><h1>graphctl</h1></div>
      <Search state={state} />
      <nav aria-label="Views">
        {VIEWS.map((v) => (
          <button type="button" key={v} class={v === view ? 'on' : ''} aria-pressed={v === view} onClick={() => state.go({ view: v })}>
            {VIEW_NAMES[v]}<kbd>{VIEW_KEYS[v]}</kbd>
          </button>
        ))}
      </nav>
      <div class="chips">
        <button type="button" class={`chip${state.filters.value > 0 ? ' on' : ''}`} aria-expanded={state.filterOpen.value} aria-controls="filters"
          onClick={() => { state.filterOpen.value = !state.filterOpen.value; }}>Filter{state.filters.value > 0 && <q class="num">{state.filters.value}</q>}</button>
        <button type="button" class={`chip${state.url.value.base !== '' ? ' on' : ''}`} aria-pressed={state.url.value.base !== ''} onClick={() => compare(state)}>Compare</button>
        <Export state={state} />
      </div>
      <div class="space" />
      <div class="counts num">
        <span><b data-testid="service-count">{count(graph.serviceCount)}</b> {graph.serviceCount === 1 ? 'service' : 'services'}</span>
        <span><b data-testid="call-count">{count(graph.callCount)}</b> {graph.callCount === 1 ? 'call' : 'calls'}</span>
      </div>
      {state.marks.value.length > 0 && <Marks state={state} />}
      <Live state={state} />
      <button type="button" class="icon" aria-label={state.theme.value === 'dark' ? 'Light theme' : 'Dark theme'}
        onClick={() => state.go({ theme: state.theme.value === 'dark' ? 'light' : 'dark' }, false)}>
        {state.theme.value === 'dark' ? <Sun /> : <Moon />}
      </button>
      <button type="button" class="icon" aria-label="Keys" onClick={() => { state.helpOpen.value = true; }}>?</button>
      <p class="unseen" aria-live="polite">{state.announcement.value}</p>
      <p class="unseen" id="star-summary">{state.summary.value}</p>
    </header>
  );
}
