/** The paths between two services, in the side panel. */
import './side.css';
import type { JSX } from 'preact';
import { count, percent, rate } from '../model/format';
import { NONE, type Graph } from '../model/graph';
import { healthOf } from '../model/health';
import { MAX_PATHS, type Path } from '../model/paths';
import type { AppState } from './state';

/** The busiest call from one service to another, in sight or not. */
function callBetween(graph: Graph, from: number, to: number): number {
  let best = NONE;
  for (const c of graph.callsFrom(from)) if (graph.calls.to[c] === to && (best === NONE || graph.calls.rate[c] > graph.calls.rate[best])) best = c;
  return best;
}

/** What a whole path carries at most, and how much of it fails on its worst call. */
function figures(graph: Graph, path: Path): { rate: number; errors: number } {
  let least = Infinity;
  let worst = 0;
  for (let i = 1; i < path.length; i++) {
    const c = callBetween(graph, path[i - 1], path[i]);
    if (c === NONE) continue;
    least = Math.min(least, graph.calls.rate[c]);
    worst = Math.max(worst, graph.calls.errorRate[c]);
  }
  return { rate: Number.isFinite(least) ? least : 0, errors: worst };
}

function Steps({ state, path }: { state: AppState; path: Path }): JSX.Element {
  const s = state.graph.services;
  return (
    <ol class="steps">
      {path.map((slot, i) => {
        const call = i === 0 ? NONE : callBetween(state.graph, path[i - 1], slot);
        return (
          <li key={s.id[slot]}>
            {call !== NONE && <button type="button" class="via num" aria-label={`Call from ${s.label[path[i - 1]]} to ${s.label[slot]}`} onClick={() => state.pinCall(call)}>{rate(state.graph.calls.rate[call])}/s ↓</button>}
            <bdi onPointerEnter={() => { state.hovered.value = slot; }} onPointerLeave={() => { state.hovered.value = NONE; }}>{s.label[slot]}</bdi>
          </li>
        );
      })}
    </ol>
  );
}

export function PathPanel({ state }: { state: AppState }): JSX.Element {
  state.version.value;
  const { graph } = state;
  const { focus, part } = state.url.value;
  const label = (name: string): string => {
    const slot = graph.findPresent(name);
    return slot === NONE ? name : graph.services.label[slot];
  };
  const paths = state.paths.value ?? [];
  const shortest = paths.length > 0 ? paths[0].length - 1 : 0;
  return (
    <section aria-label="Paths between two services">
      <div class="title"><h2 class="call-name"><bdi>{label(focus)}</bdi> <span aria-hidden="true">⇝</span><span class="unseen">to</span> <bdi>{label(part.to)}</bdi></h2>
        <button type="button" class="icon" aria-label="Leave the paths" onClick={() => state.filter({ to: '' })}>✕</button></div>
      <p class="sub num">{paths.length === 0 ? 'No path leads there along calls.'
        : `${paths.length >= MAX_PATHS ? `The first ${MAX_PATHS}` : count(paths.length)} ${paths.length === 1 ? 'path' : 'paths'}, the shortest of ${shortest} ${shortest === 1 ? 'call' : 'calls'}`}</p>
      <p class="actions">
        <button type="button" class={`chip${part.viaInferred ? ' on' : ''}`} aria-pressed={part.viaInferred} onClick={() => state.filter({ viaInferred: !part.viaInferred })}>Through inferred nodes too</button>
        <button type="button" class="chip" onClick={() => state.go({ focus: part.to, part: { ...part, to: focus } })}>The other way</button>
      </p>
      <ul class="paths">
        {paths.map((p) => {
          const f = figures(graph, p);
          return (
            <li key={p.join()}>
              <p class="sub num">{p.length - 1} {p.length === 2 ? 'call' : 'calls'} · at most {rate(f.rate)}/s{f.errors > 0 && <> · <span class={healthOf(f.errors)}>{percent(f.errors)} err</span></>}</p>
              <Steps state={state} path={p} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
