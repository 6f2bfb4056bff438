/** The side panel of a service, or of a team, in focus. */
import './side.css';
import type { JSX } from 'preact';
import { CALL_KINDS, SERVICE_KINDS } from '../model/frame';
import { count, latency, percent, rate } from '../model/format';
import { NONE } from '../model/graph';
import { flowOf, healthOf } from '../model/health';
import { lazy } from './lazy';
import { Figure } from './overview';
import type { AppState } from './state';

const MAX_ROWS = 9;

const ServiceCurves = lazy(async () => (await import('./details')).ServiceCurves);
const ServiceExtras = lazy(async () => (await import('./details')).ServiceExtras);

interface CallsProps {
  state: AppState;
  title: string;
  tone: 'up' | 'down';
  /** Slots of calls. */
  calls: number[];
  /** Which end is listed. */
  end: 'from' | 'to';
  /** Filter that finds them all in the table. */
  filter: string;
}

function Calls({ state, title, tone, calls, end, filter }: CallsProps): JSX.Element | null {
  if (calls.length === 0) return null;
  const c = state.graph.calls;
  const s = state.graph.services;
  const sorted = calls.sort((a, b) => c.rate[b] - c.rate[a] || a - b);
  return (
    <>
      <h3><i class={`dot ${tone}`} />{title} <q class="num">{count(calls.length)}</q></h3>
      <table class="mini">
        <thead><tr><th scope="col">Service</th><th scope="col">Calls/s</th><th scope="col">Errors</th><th scope="col">p99</th></tr></thead>
        <tbody>
          {sorted.slice(0, MAX_ROWS).map((i) => (
            <tr key={c.id[i]}>
              <th scope="row"><button type="button" title={s.name[c[end][i]]} onClick={() => state.pin(c[end][i])}
                onPointerEnter={() => { state.hovered.value = c[end][i]; }} onPointerLeave={() => { state.hovered.value = NONE; }}>
                <bdi>{s.label[c[end][i]]}</bdi>{c.kind[i] !== 0 && <span class="via">{CALL_KINDS[c.kind[i]]}</span>}</button></th>
              <td class="num"><button type="button" class="open" aria-label={`Call between ${s.label[c.from[i]]} and ${s.label[c.to[i]]}`} onClick={() => state.pinCall(i)}>{rate(c.rate[i])}</button></td>
              <td class={`num ${healthOf(c.errorRate[i], state.thresholds)}`}>{percent(c.errorRate[i])}</td>
              <td class="num">{latency(c.p99[i])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {calls.length > MAX_ROWS && <button type="button" class="more" onClick={() => state.go({ view: 'table', filter })}>{count(calls.length - MAX_ROWS)} more: show all in the table</button>}
    </>
  );
}

export function FocusPanel({ state, slot }: { state: AppState; slot: number }): JSX.Element {
  state.version.value;
  const { graph, grouping } = state;
  const s = graph.services;
  const into = [...graph.callsTo(slot)];
  const out = [...graph.callsFrom(slot)];
  const group = grouping.groups[grouping.of[slot]];
  const neighbours = new Set([...into.map((c) => graph.calls.from[c]), ...out.map((c) => graph.calls.to[c])]);
  neighbours.delete(slot);
  const health = s.rate[slot] > 0 ? healthOf(s.errorRate[slot], state.thresholds) : 'healthy';
  return (
    <section aria-label="Service in focus">
      <div class="title"><h2><bdi>{s.label[slot]}</bdi></h2><button type="button" class="icon" aria-label="Leave the focus" onClick={() => state.pin(NONE)}>✕</button></div>
      <p class="sub">{s.kind[slot] === 0 ? <bdi>{group?.name ?? ''}</bdi> : SERVICE_KINDS[s.kind[slot]]}{health !== 'healthy' && <span class={`badge ${health}`}>{health}</span>}</p>
      <div class="figures">
        <Figure value={rate(flowOf(graph, slot))} unit="calls / s" />
        <Figure value={percent(s.rate[slot] > 0 ? s.errorRate[slot] : 0)} unit="errors" tone={health} />
        <Figure value={latency(s.p99[slot])} unit="p99" />
        <Figure value={count(neighbours.size)} unit={neighbours.size === 1 ? 'neighbour' : 'neighbours'} />
      </div>
      <ServiceCurves state={state} name={s.name[slot]} />
      <Calls state={state} title="Called by" tone="up" calls={into} end="from" filter={s.name[slot]} />
      <Calls state={state} title="Calls" tone="down" calls={out} end="to" filter={s.name[slot]} />
      {into.length + out.length === 0 && <p class="sub calm">No calls {state.live.value ? 'in the last hour' : 'in this window'}.</p>}
      <p class="actions">
        {state.url.value.view !== 'layers' && <button type="button" class="primary" onClick={() => state.go({ view: 'layers' })}>Open neighbourhood</button>}
        <button type="button" class="plain" onClick={() => { state.pathSearch.value = true; document.getElementById('search')?.focus(); }}>Path to…</button>
      </p>
      <ServiceExtras key={s.name[slot]} state={state} name={s.name[slot]} label={s.label[slot]} />
    </section>
  );
}

export function TeamPanel({ state, group }: { state: AppState; group: number }): JSX.Element {
  state.version.value;
  const { graph, grouping } = state;
  const g = grouping.groups[group];
  const into: number[] = [];
  const out: number[] = [];
  for (const c of graph.callList()) {
    const a = grouping.of[graph.calls.from[c]] === group;
    const b = grouping.of[graph.calls.to[c]] === group;
    if (a && !b) out.push(c);
    if (b && !a) into.push(c);
  }
  return (
    <section aria-label="Team in focus">
      <div class="title"><h2><bdi>{g.name}</bdi></h2><button type="button" class="icon" aria-label="Leave the focus" onClick={() => state.pin(NONE)}>✕</button></div>
      <p class="sub">team</p>
      <div class="figures">
        <Figure value={count(g.count)} unit={g.count === 1 ? 'service' : 'services'} />
        <Figure value={rate(g.rate)} unit="calls / s" />
        <Figure value={percent(g.errorRate)} unit="errors" tone={healthOf(g.errorRate, state.thresholds)} />
      </div>
      <p class="actions"><button type="button" class="plain" aria-pressed={state.url.value.folded.includes(g.key)} onClick={() => state.fold(group)}>{state.url.value.folded.includes(g.key) ? 'Unfold' : 'Fold into one'}</button></p>
      <Calls state={state} title="Called from outside" tone="up" calls={into} end="from" filter={g.name} />
      <Calls state={state} title="Calls outside" tone="down" calls={out} end="to" filter={g.name} />
    </section>
  );
}
