/** Everything on the page but the wiring. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { count } from '../model/format';
import { NONE } from '../model/graph';
import { Banner } from './banner';
import { Header } from './header';
import { lazy } from './lazy';
import { Overview } from './overview';
import type { AppState } from './state';

const LayersView = lazy(async () => (await import('../layers/layers')).LayersView);
const MatrixView = lazy(async () => (await import('../matrix/matrix')).MatrixView);
const ComparePanel = lazy(async () => (await import('./compare')).ComparePanel);
const Empty = lazy(async () => (await import('./empty')).Empty);
const Nothing = lazy(async () => (await import('./empty')).Nothing);
const FocusPanel = lazy(async () => (await import('./focus')).FocusPanel);
const TeamPanel = lazy(async () => (await import('./focus')).TeamPanel);
const Help = lazy(async () => (await import('./help')).Help);
const TableView = lazy(async () => (await import('./table')).TableView);
const GroupingChoice = lazy(async () => (await import('./grouping')).GroupingChoice);
const Timeline = lazy(async () => (await import('./timeline')).Timeline);
const Tooltip = lazy(async () => (await import('./tooltip')).Tooltip);
const FilterBar = lazy(async () => (await import('./filters')).FilterBar);
const PathPanel = lazy(async () => (await import('./path-panel')).PathPanel);
const CallPanel = lazy(async () => (await import('./details')).CallPanel);

export interface Actions {
  /** The canvas and the element for the names over it exist now. */
  mount(canvas: HTMLCanvasElement, overlay: HTMLElement): void;
  retry(): void;
}

function Legend({ state }: { state: AppState }): JSX.Element {
  state.structure.value;
  if (state.graph.comparing) {
    return <ul class="legend" aria-hidden="true"><li><i class="dot new" />new</li><li><i class="dot gone" />vanished</li><li><i class="dot size s" /><i class="dot size m" /><i class="dot size l" />calls/s</li></ul>;
  }
  const focused = state.lit.value !== NONE || state.call.value !== NONE || state.hovered.value !== NONE || state.team.value >= 0;
  return (
    <ul class="legend" aria-hidden="true">
      {focused
        ? <><li><i class="dot up" />calls it</li><li><i class="dot down" />it calls</li></>
        : <><li><i class="dot healthy" />healthy</li><li><i class="dot degraded" />&gt; 2.5 %</li><li><i class="dot failing" />&gt; 10 %</li></>}
      <li><i class="dot size s" /><i class="dot size m" /><i class="dot size l" />calls/s</li>
    </ul>
  );
}

/** The words beside the pointer, once there are any. */
function Tip({ state }: { state: AppState }): JSX.Element | null {
  return state.tip.value === null ? null : <Tooltip state={state} />;
}

function StarArea({ state, actions }: { state: AppState; actions: Actions }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (canvas.current !== null && overlay.current !== null) actions.mount(canvas.current, overlay.current);
  }, []);
  const { view } = state.url.value;
  const shown = view === 'star' || view === 'force';
  const arranging = state.arranging.value;
  const empty = state.ready.value && state.graph.serviceCount === 0;
  const nothingYet = empty && state.live.value && state.graph.totals.services === 0;
  state.structure.value;
  return (
    <div class={`star${shown ? '' : state.staging.value ? ' staging' : ' away'}${state.link.value.state === 'waiting' ? ' stale' : ''}`}>
      <canvas ref={canvas} role="application" tabIndex={shown && !empty ? 0 : -1} aria-label={view === 'force' ? 'Services and calls, placed by forces' : 'Star of services and calls'} aria-describedby="star-summary" />
      <div ref={overlay} class="overlay" aria-hidden="true" />
      {!empty && state.noStar.value === '' && <Legend state={state} />}
      {view === 'force' && arranging !== null && <p class="arranging num" role="status">Arranging {count(state.graph.serviceCount)} services: {Math.round(arranging * 100)} %</p>}
      {shown && !empty && state.noStar.value === '' && state.calm.value && <GroupingChoice state={state} />}
      {shown && <Tip state={state} />}
      {shown && nothingYet && <Empty state={state} />}
      {shown && empty && !nothingYet && <Nothing state={state} />}
      {shown && state.noStar.value !== '' && (
        <section class="empty" aria-label="No star">
          <h2>The star cannot be drawn here</h2>
          <p>{state.noStar.value}. The layers, the matrix and the table show the same calls.</p>
          <button type="button" class="primary" onClick={() => state.go({ view: 'table' })}>Open the table</button>
        </section>
      )}
    </div>
  );
}

function Side({ state }: { state: AppState }): JSX.Element {
  const pinned = state.pinned.value;
  const team = state.team.value;
  const call = state.call.value;
  if (call !== NONE) return <aside aria-label="Details"><CallPanel state={state} call={call} /></aside>;
  if (state.paths.value !== null) return <aside aria-label="Details"><PathPanel state={state} /></aside>;
  if (pinned === NONE && team < 0 && state.url.value.base !== '') return <aside aria-label="Details"><ComparePanel state={state} /></aside>;
  return (
    <aside aria-label="Details">
      {pinned !== NONE ? <FocusPanel state={state} slot={pinned} /> : team >= 0 ? <TeamPanel state={state} group={team} /> : <Overview state={state} />}
    </aside>
  );
}

export function App({ state, actions }: { state: AppState; actions: Actions }): JSX.Element {
  return (
    <>
      <Header state={state} />
      {state.filterOpen.value && <FilterBar state={state} />}
      <main>
        <Banner state={state} retry={() => actions.retry()} />
        <StarArea state={state} actions={actions} />
        {state.url.value.view === 'layers' && <LayersView state={state} />}
        {state.url.value.view === 'matrix' && <MatrixView state={state} />}
        {state.url.value.view === 'table' && <TableView state={state} />}
      </main>
      {state.calm.value && <Timeline state={state} />}
      <Side state={state} />
      {state.helpOpen.value && <Help state={state} />}
    </>
  );
}
