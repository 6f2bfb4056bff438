/** What panels show beside the live numbers: curves over time, operations, both sides of a call. */
import './side.css';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../ask';
import { ago, count, latency, percent, rate } from '../model/format';
import { CALL_KINDS } from '../model/frame';
import { NONE } from '../model/graph';
import { healthOf } from '../model/health';
import { historyOf, stepOf, WINDOW_MS, type History } from '../model/history';
import { isObject } from '../model/json';
import { momentText } from '../model/url';
import { Figure } from './overview';
import { Spark } from './spark';
import type { AppState } from './state';
import { traceLink } from './trace-link';

/** How often what is shown of the present is asked for again. */
const EVERY_MS = 10_000;
/** In a graph of more calls than this the server has more to read: ask six times as seldom. */
const MANY_CALLS = 5_000;
const MAX_OPERATIONS = 8;

type Raw = { readonly [key: string]: unknown };

/** Asks now and, while the picture is live, again and again. The answer is null until there is one. */
function useAnswer<T>(state: AppState, path: string, query: Readonly<Record<string, string>>, read: (v: unknown) => T | null): T | null {
  const key = JSON.stringify([path, query]);
  const [answer, setAnswer] = useState<{ key: string; value: T | null }>({ key: '', value: null });
  const live = state.live.value;
  useEffect(() => {
    const abort = new AbortController();
    const load = (): void => {
      ask(path, query, abort.signal).then(
        (v) => { if (!abort.signal.aborted) setAnswer({ key, value: read(v) }); },
        () => undefined, // the numbers above stand without it
      );
    };
    load();
    const timer = live ? window.setInterval(() => { if (!document.hidden && state.link.value.state === 'live') load(); }, state.graph.totals.calls > MANY_CALLS ? 6 * EVERY_MS : EVERY_MS) : 0;
    return () => {
      window.clearInterval(timer);
      abort.abort();
    };
  }, [key, live]);
  return answer.key === key ? answer.value : null;
}

/** The history of the timeline's range, of a part of the graph. */
function useHistoryOf(state: AppState, part: Readonly<Record<string, string>>): History | null {
  const { range } = state.url.value;
  return useAnswer(state, 'v1/history', { from: range === 'all' ? '' : `-${range}`, to: 'now', step: stepOf(range, state.graph.totals.calls), ...part }, historyOf);
}

function perSecond(h: History): Float64Array {
  return h.calls.map((n) => n / (h.stepMs / 1_000));
}

/** Failed shares; where nothing was called there is none. */
function shares(h: History): Float64Array {
  return h.errors.map((n, i) => (h.calls[i] > 0 ? n / h.calls[i] : NaN));
}

function most(values: Float64Array): number {
  let m = 0;
  for (const v of values) if (v > m) m = v;
  return m;
}

function Curves({ history, range }: { history: History; range: string }): JSX.Element {
  const calls = perSecond(history);
  const errors = shares(history);
  const worst = most(errors);
  const slow = most(history.p99);
  const over = range === 'all' ? 'over all that is kept' : `over the last ${range}`;
  return (
    <div class="curves">
      <div><span class="sub">Calls/s <b class="num">{rate(most(calls))}</b></span><Spark values={calls} height={30} tone="calls" label={`Calls a second ${over}, at most ${rate(most(calls))}`} /></div>
      <div><span class="sub">Errors <b class="num">{percent(worst)}</b></span><Spark values={errors} height={30} tone={worst > 0 ? 'errors' : 'calm'} top={Math.max(worst, 0.05)} label={`Failed share ${over}, at most ${percent(worst)}`} /></div>
      <div><span class="sub">p99 <b class="num">{latency(slow > 0 ? slow : NaN)}</b></span><Spark values={history.p99} height={30} tone="slow" label={`99th percentile of latency ${over}, at most ${latency(slow)}`} /></div>
    </div>
  );
}

interface Operation {
  name: string;
  spans: number;
}

function operationsOf(v: unknown): Operation[] | null {
  if (!isObject(v) || !Array.isArray(v.operations)) return null;
  return v.operations.filter(isObject).map((o: Raw) => ({ name: String(o.name), spans: Number(o.spans) }));
}

function Operations({ state, name }: { state: AppState; name: string }): JSX.Element | null {
  const list = useAnswer(state, 'v1/operations', { service: name, limit: String(MAX_OPERATIONS) }, operationsOf);
  if (list === null || list.length === 0) return null;
  return (
    <>
      <h3>Operations</h3>
      <table class="mini operations">
        <thead><tr><th scope="col">Span name</th><th scope="col">In a day</th></tr></thead>
        <tbody>{list.map((o) => <tr key={o.name}><th scope="row" title={o.name}><bdi>{o.name}</bdi></th><td class="num">{count(o.spans)}</td></tr>)}</tbody>
      </table>
    </>
  );
}

/** The curves of a service. */
export function ServiceCurves({ state, name }: { state: AppState; name: string }): JSX.Element | null {
  const history = useHistoryOf(state, { service: name });
  return history === null ? null : <Curves history={history} range={state.url.value.range} />;
}

/** What follows the tables of a service. */
export function ServiceExtras({ state, name, label }: { state: AppState; name: string; label: string }): JSX.Element {
  return (
    <>
      <Operations state={state} name={name} />
      <TraceButton state={state} service={label} />
    </>
  );
}

function TraceButton({ state, service }: { state: AppState; service: string }): JSX.Element | null {
  const w = state.window.value;
  const toMs = w?.toMs ?? state.now();
  const fromMs = w?.fromMs ?? toMs - WINDOW_MS[state.url.value.range];
  const href = traceLink(state.about.value.traceUrl, service, fromMs, toMs);
  if (href === '') return null;
  return <p class="actions"><a class="plain" href={href} target="_blank" rel="noopener noreferrer"><span>Traces of <bdi>{service}</bdi> ↗</span></a></p>;
}

interface Side {
  count: number;
  errors: number;
  p50: number;
  p90: number;
  p95: number;
  p99: number;
  meanMs: number;
}

interface Edge {
  client: Side;
  server: Side;
  networkMs: number;
  firstMs: number;
  lastMs: number;
  seconds: number;
  calls: number;
}

const number = (v: unknown): number => (typeof v === 'number' ? v : NaN);

function sideOf(v: unknown): Side {
  const s: Raw = isObject(v) ? v : {};
  const n = number(s.count) || 0;
  const q = (key: string): number => (n > 0 ? number(s[key]) : NaN);
  return { count: n, errors: number(s.errors) || 0, p50: q('p50_ms'), p90: q('p90_ms'), p95: q('p95_ms'), p99: q('p99_ms'), meanMs: n > 0 ? number(s.sum_ms) / n : NaN };
}

function edgeOf(v: unknown, from: string, to: string, kind: string): Edge | null {
  if (!isObject(v) || !Array.isArray(v.edges)) return null;
  const e = v.edges.filter(isObject).find((x: Raw) => x.from === from && x.to === to && x.kind === kind);
  if (e === undefined) return null;
  const network: Raw = isObject(e.network) ? e.network : {};
  const pairs = number(network.count) || 0;
  return {
    client: sideOf(e.client), server: sideOf(e.server), networkMs: pairs > 0 ? number(network.sum_ms) / pairs : NaN,
    firstMs: Date.parse(String(e.first_seen)), lastMs: Date.parse(String(e.last_seen)),
    seconds: (Date.parse(String(v.to)) - Date.parse(String(v.from))) / 1_000, calls: number(e.calls) || 0,
  };
}

function Sides({ edge }: { edge: Edge }): JSX.Element {
  const row = (name: string, value: (s: Side) => ComponentChildren): JSX.Element => (
    <tr><th scope="row">{name}</th><td class="num">{value(edge.client)}</td><td class="num">{value(edge.server)}</td></tr>
  );
  return (
    <table class="mini sides">
      <thead><tr><th scope="col"><span class="unseen">Figure</span></th><th scope="col">As the caller saw it</th><th scope="col">As the callee saw it</th></tr></thead>
      <tbody>
        {row('calls', (s) => count(s.count))}
        {row('errors', (s) => <span class={healthOf(s.count > 0 ? s.errors / s.count : 0)}>{s.count > 0 ? `${count(s.errors)} · ${percent(s.errors / s.count)}` : '–'}</span>)}
        {row('p50', (s) => latency(s.p50))}
        {row('p90', (s) => latency(s.p90))}
        {row('p95', (s) => latency(s.p95))}
        {row('p99', (s) => latency(s.p99))}
        {row('mean', (s) => latency(s.meanMs))}
      </tbody>
    </table>
  );
}

function End({ state, slot, tone, what }: { state: AppState; slot: number; tone: 'up' | 'down'; what: string }): JSX.Element {
  const s = state.graph.services;
  const group = state.grouping.groups[state.grouping.of[slot]];
  return (
    <button type="button" class="row" onClick={() => state.pin(slot)} onPointerEnter={() => { state.hovered.value = slot; }} onPointerLeave={() => { state.hovered.value = NONE; }}>
      <i class={`dot ${tone}`} />
      <span class="who"><bdi>{s.label[slot]}</bdi><span class="sub">{what} · <bdi>{group?.name ?? ''}</bdi></span></span>
    </button>
  );
}

/** The side panel of a call in focus. */
export function CallPanel({ state, call }: { state: AppState; call: number }): JSX.Element {
  state.version.value;
  const c = state.graph.calls;
  const s = state.graph.services;
  const [from, to, kind] = [s.name[c.from[call]], s.name[c.to[call]], CALL_KINDS[c.kind[call]]];
  const w = state.window.value;
  const live = w === null;
  const windowMs = WINDOW_MS['1h'];
  const query = { focus: from, hops: '1', direction: 'down', kind, ...(live ? { from: `-${windowMs / 60_000}m`, to: 'now' } : { from: momentText(w.fromMs), to: momentText(w.toMs) }) };
  const edge = useAnswer(state, 'v1/graph', query, (v) => edgeOf(v, from, to, kind));
  const history = useHistoryOf(state, { edge: `${from},${to}` });
  const health = healthOf(c.errorRate[call], state.thresholds);
  return (
    <section aria-label="Call in focus">
      <div class="title"><h2 class="call-name"><bdi>{s.label[c.from[call]]}</bdi> <span aria-hidden="true">→</span><span class="unseen">calls</span> <bdi>{s.label[c.to[call]]}</bdi></h2>
        <button type="button" class="icon" aria-label="Leave the call" onClick={() => state.pinCall(NONE)}>✕</button></div>
      <p class="sub">{kind === 'link' ? 'span link' : `${kind} call`}{health !== 'healthy' && <span class={`badge ${health}`}>{health}</span>}</p>
      <div class="figures">
        <Figure value={rate(c.rate[call])} unit="calls / s" />
        <Figure value={percent(c.errorRate[call])} unit="errors" tone={health} />
        <Figure value={latency(c.p50[call])} unit="p50" />
        <Figure value={latency(c.p99[call])} unit="p99" />
      </div>
      {history !== null && <Curves history={history} range={state.url.value.range} />}
      <End state={state} slot={c.from[call]} tone="up" what="caller" />
      <End state={state} slot={c.to[call]} tone="down" what="callee" />
      <h3>Both sides{live && <q>last {windowMs / 60_000} min</q>}</h3>
      {edge === null ? <p class="sub calm">No call {live ? 'in the last minutes' : 'in this window'}.</p> : <Sides edge={edge} />}
      <dl class="facts num">
        {edge !== null && Number.isFinite(edge.networkMs) && <><dt>on the network</dt><dd>{latency(Math.max(0, edge.networkMs))} on average</dd></>}
        {c.lastSeen[call] > 0 && <><dt>first seen</dt><dd>{ago(state.graph.timeMs - c.firstSeen[call])}</dd><dt>last seen</dt><dd>{ago(state.graph.timeMs - c.lastSeen[call])}</dd></>}
        <dt>in this picture</dt><dd>{count(c.calls[call])} calls, {count(c.errors[call])} failed</dd>
      </dl>
      <TraceButton state={state} service={s.label[c.to[call]]} />
    </section>
  );
}
