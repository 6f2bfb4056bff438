/** A graph of the past, as /api/v1/graph tells it, in the form of a frame of the stream. */
import { CALL_KINDS, GONE, LESS, MORE, NEW, SAME, SERVICE_KINDS, type CallRows, type DataFrame, type ServiceRows } from './frame';
import { isObject } from './json';

type Raw = { readonly [key: string]: unknown };

/** PastError: the server's answer is not what it should be. */
export class PastError extends Error {
  constructor(what: string) {
    super(`the past: ${what}`);
    this.name = 'PastError';
  }
}

const num = (v: unknown): number => (typeof v === 'number' ? v : NaN);
const text = (v: unknown): string => (typeof v === 'string' ? v : '');
const objects = (v: unknown): Raw[] => (Array.isArray(v) ? v.filter(isObject) : []);
const timeOf = (v: unknown): number => {
  const ms = Date.parse(text(v));
  return Number.isFinite(ms) ? ms : 0;
};

interface Call {
  from: string;
  to: string;
  kind: string;
  calls: number;
  errors: number;
  rate: number;
  p50: number;
  p95: number;
  p99: number;
  /** As the callee timed them. */
  serverP50: number;
  serverP99: number;
  firstSeen: number;
  lastSeen: number;
  change: number;
}

function timed(client: unknown, server: unknown): Raw {
  if (isObject(client) && num(client.count) > 0) return client;
  return isObject(server) && num(server.count) > 0 ? server : {};
}

function callOf(e: Raw, seconds: number, change: number): Call {
  const near = timed(e.client, e.server);
  const far = timed(e.server, e.client);
  const calls = num(e.calls) || 0;
  return {
    from: text(e.from), to: text(e.to), kind: text(e.kind), calls, errors: num(e.errors) || 0, rate: calls / seconds,
    p50: num(near.p50_ms), p95: num(near.p95_ms), p99: num(near.p99_ms), serverP50: num(far.p50_ms), serverP99: num(far.p99_ms),
    firstSeen: timeOf(e.first_seen), lastSeen: timeOf(e.last_seen), change,
  };
}

/** A call of a comparison that the graph itself does not hold. */
function goneCall(e: Raw): Call {
  const base = isObject(e.base) ? e.base : {};
  return {
    from: text(e.from), to: text(e.to), kind: text(e.kind), calls: num(base.calls) || 0, errors: num(base.errors) || 0, rate: num(base.rate) || 0,
    p50: num(base.p50_ms), p95: NaN, p99: num(base.p99_ms), serverP50: num(base.p50_ms), serverP99: num(base.p99_ms), firstSeen: 0, lastSeen: 0, change: GONE,
  };
}

const keyOf = (e: Raw): string => JSON.stringify([e.from, e.to, e.kind]);

/** How the calls of a comparison changed, by key. */
function changesOf(diff: Raw): Map<string, number> {
  const out = new Map<string, number>();
  for (const e of objects(diff.added)) out.set(keyOf(e), NEW);
  for (const e of objects(diff.changed)) {
    const base = isObject(e.base) ? num(e.base.rate) : NaN;
    const now = isObject(e.now) ? num(e.now.rate) : NaN;
    const what: unknown[] = Array.isArray(e.what) ? e.what : [];
    if (what.includes('rate')) out.set(keyOf(e), now > base ? MORE : LESS);
  }
  return out;
}

interface Sum {
  rate: number;
  failed: number;
  p50: number;
  p99: number;
  /** Calls whose latency is known. */
  timed: number;
}

/** What goes into each service. Its latency is the mean of its calls' weighted by their number: close to that of all calls together. */
function sums(calls: readonly Call[]): Map<string, Sum> {
  const out = new Map<string, Sum>();
  for (const c of calls) {
    if (c.change === GONE) continue;
    let s = out.get(c.to);
    if (s === undefined) out.set(c.to, s = { rate: 0, failed: 0, p50: 0, p99: 0, timed: 0 });
    s.rate += c.rate;
    s.failed += c.calls > 0 ? c.rate * (c.errors / c.calls) : 0;
    if (!Number.isFinite(c.serverP99)) continue;
    s.p50 += c.calls * c.serverP50;
    s.p99 += c.calls * c.serverP99;
    s.timed += c.calls;
  }
  return out;
}

function texts(v: unknown): string[] {
  return Array.isArray(v) ? v.filter((t) => typeof t === 'string') : [];
}

function serviceRows(nodes: readonly Raw[], calls: readonly Call[], changes: ReadonlyMap<string, number>): ServiceRows {
  const into = sums(calls);
  const of = (id: string): Sum => into.get(id) ?? { rate: 0, failed: 0, p50: NaN, p99: NaN, timed: 0 };
  const f32 = (value: (n: Raw) => number): Float32Array => Float32Array.from(nodes, value);
  return {
    id: Uint32Array.from(nodes, (_, i) => i),
    name: nodes.map((n) => text(n.id)),
    namespace: nodes.map((n) => text(n.namespace)),
    label: nodes.map((n) => text(n.name) || text(n.id)),
    team: nodes.map((n) => texts(n.teams)[0] ?? ''),
    environment: nodes.map((n) => texts(n.environments).join(', ')),
    kind: Uint8Array.from(nodes, (n) => Math.max(0, SERVICE_KINDS.findIndex((k) => k === n.kind))),
    rate: f32((n) => of(text(n.id)).rate),
    errorRate: f32((n) => { const s = of(text(n.id)); return s.rate > 0 ? s.failed / s.rate : 0; }),
    p50: f32((n) => { const s = of(text(n.id)); return s.timed > 0 ? s.p50 / s.timed : NaN; }),
    p99: f32((n) => { const s = of(text(n.id)); return s.timed > 0 ? s.p99 / s.timed : NaN; }),
    change: Uint8Array.from(nodes, (n) => changes.get(text(n.id)) ?? SAME),
  };
}

function callRows(calls: readonly Call[], numbers: ReadonlyMap<string, number>): CallRows {
  const f32 = (value: (c: Call) => number): Float32Array => Float32Array.from(calls, value);
  const f64 = (value: (c: Call) => number): Float64Array => Float64Array.from(calls, value);
  return {
    id: Uint32Array.from(calls, (_, i) => i),
    from: Uint32Array.from(calls, (c) => numbers.get(c.from) ?? 0), to: Uint32Array.from(calls, (c) => numbers.get(c.to) ?? 0),
    kind: Uint8Array.from(calls, (c) => Math.max(0, CALL_KINDS.findIndex((k) => k === c.kind))),
    rate: f32((c) => c.rate), errorRate: f32((c) => (c.calls > 0 ? c.errors / c.calls : 0)),
    p50: f32((c) => c.p50), p95: f32((c) => c.p95), p99: f32((c) => c.p99),
    calls: f64((c) => c.calls), errors: f64((c) => c.errors), firstSeen: f64((c) => c.firstSeen), lastSeen: f64((c) => c.lastSeen),
    change: Uint8Array.from(calls, (c) => c.change),
  };
}

/**
 * pastFrame makes a snapshot of an answer of /api/v1/graph; with an answer of
 * /api/v1/diff each call says how it changed, and what vanished is in it too.
 * nowMs is the present: what lies ahead of it has no calls yet. Throws PastError.
 */
export function pastFrame(graph: unknown, diff: unknown, nowMs: number): DataFrame {
  if (!isObject(graph) || !Array.isArray(graph.nodes) || !Array.isArray(graph.edges)) throw new PastError('the answer is no graph');
  const from = timeOf(graph.from);
  const to = timeOf(graph.to);
  const seconds = Math.max(1, (Math.min(to, nowMs) - from) / 1_000);
  const changes = isObject(diff) ? changesOf(diff) : new Map<string, number>();
  const calls = objects(graph.edges).map((e) => callOf(e, seconds, changes.get(keyOf(e)) ?? SAME));
  const nodes = objects(graph.nodes);
  const nodeChanges = new Map<string, number>();
  if (isObject(diff)) {
    calls.push(...objects(diff.removed).map(goneCall));
    nodes.push(...objects(diff.removed_nodes));
    for (const n of objects(diff.added_nodes)) nodeChanges.set(text(n.id), NEW);
    for (const n of objects(diff.removed_nodes)) nodeChanges.set(text(n.id), GONE);
  }
  const numbers = new Map(nodes.map((n, i) => [text(n.id), i]));
  const known = calls.filter((c) => numbers.has(c.from) && numbers.has(c.to));
  return {
    message: 'snapshot', epoch: '', seq: 0, base: 0, timeMs: to, lagMs: 0, status: null,
    services: serviceRows(nodes, known, nodeChanges),
    serviceChanges: { id: new Uint32Array(0), rate: new Float32Array(0), errorRate: new Float32Array(0), p50: new Float32Array(0), p99: new Float32Array(0) },
    calls: callRows(known, numbers),
    callChanges: {
      id: new Uint32Array(0), rate: new Float32Array(0), errorRate: new Float32Array(0), p50: new Float32Array(0), p95: new Float32Array(0), p99: new Float32Array(0),
      calls: new Float64Array(0), errors: new Float64Array(0), lastSeen: new Float64Array(0),
    },
    removedServices: new Uint32Array(0), removedCalls: new Uint32Array(0),
    comparing: isObject(diff),
  };
}
