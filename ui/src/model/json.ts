import {
  CALL_KINDS, FrameError, SERVICE_KINDS,
  type CallFigures, type CallRows, type DataFrame, type Frame, type Hello, type Mark, type ServiceFigures, type ServiceRows, type Status,
} from './frame';

/** A JSON object whose members have not been looked at yet. */
type Raw = { readonly [key: string]: unknown };

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new FrameError('text frame is not JSON');
  }
}

export function isObject(v: unknown): v is Raw {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function num(v: unknown, fallback: number): number {
  return typeof v === 'number' ? v : fallback;
}

function str(v: unknown): string {
  return typeof v === 'string' ? v : '';
}

function idOf(v: unknown, what: string): number {
  if (typeof v !== 'number' || !Number.isInteger(v) || v < 0 || v > 0xffffffff) throw new FrameError(`${what} is not a number of the stream`);
  return v;
}

function objects(v: unknown, what: string): Raw[] {
  if (v === undefined || v === null) return [];
  if (!Array.isArray(v)) throw new FrameError(`${what} is not a list`);
  for (const item of v) if (!isObject(item)) throw new FrameError(`${what} holds something that is no object`);
  return v as Raw[];
}

function ids(v: unknown, what: string): Uint32Array {
  if (v === undefined || v === null) return new Uint32Array(0);
  if (!Array.isArray(v)) throw new FrameError(`${what} is not a list`);
  return Uint32Array.from(v, (x) => idOf(x, what));
}

/** statusOf reads a status object; what is missing is 0 or empty. */
export function statusOf(v: unknown): Status | null {
  if (!isObject(v)) return null;
  const marks: Mark[] = objects(v.marks, 'marks').map((m) => ({
    reason: str(m.reason), text: str(m.text) || str(m.reason), sinceMs: num(m.since_ms, 0),
  }));
  return { lagMs: num(v.lag_ms, 0), marks };
}

function f32(rows: Raw[], key: string, fallback: number): Float32Array {
  return Float32Array.from(rows, (r) => num(r[key], fallback));
}

function f64(rows: Raw[], key: string): Float64Array {
  return Float64Array.from(rows, (r) => num(r[key], 0));
}

function kinds(rows: Raw[], names: readonly string[]): Uint8Array {
  return Uint8Array.from(rows, (r) => Math.max(0, names.indexOf(str(r.kind))));
}

function serviceFigures(rows: Raw[]): ServiceFigures {
  return { rate: f32(rows, 'rate', 0), errorRate: f32(rows, 'error_rate', 0), p50: f32(rows, 'p50_ms', NaN), p99: f32(rows, 'p99_ms', NaN) };
}

function callFigures(rows: Raw[]): CallFigures {
  return {
    rate: f32(rows, 'rate', 0), errorRate: f32(rows, 'error_rate', 0),
    p50: f32(rows, 'p50_ms', NaN), p95: f32(rows, 'p95_ms', NaN), p99: f32(rows, 'p99_ms', NaN),
    calls: f64(rows, 'calls'), errors: f64(rows, 'errors'), lastSeen: f64(rows, 'last_seen_ms'),
  };
}

function numbers(rows: Raw[], key: string, what: string): Uint32Array {
  return Uint32Array.from(rows, (r) => idOf(r[key], `${what} ${key}`));
}

function serviceRows(rows: Raw[]): ServiceRows {
  return {
    id: numbers(rows, 'id', 'service'),
    name: rows.map((r) => str(r.name)),
    namespace: rows.map((r) => str(r.namespace)),
    label: rows.map((r) => str(r.label) || str(r.name)),
    team: rows.map((r) => str(r.team)),
    environment: rows.map((r) => str(r.environment)),
    kind: kinds(rows, SERVICE_KINDS),
    ...serviceFigures(rows),
  };
}

function callRows(rows: Raw[]): CallRows {
  return {
    id: numbers(rows, 'id', 'call'), from: numbers(rows, 'from', 'call'), to: numbers(rows, 'to', 'call'),
    kind: kinds(rows, CALL_KINDS), firstSeen: f64(rows, 'first_seen_ms'), ...callFigures(rows),
  };
}

function dataFrame(message: 'snapshot' | 'delta', o: Raw): DataFrame {
  const services = objects(o.services, 'services');
  const calls = objects(o.calls, 'calls');
  const newServices = services.filter((r) => typeof r.name === 'string');
  const newCalls = calls.filter((r) => r.from !== undefined);
  const oldServices = services.filter((r) => typeof r.name !== 'string');
  const oldCalls = calls.filter((r) => r.from === undefined);
  const seq = idOf(o.seq, 'seq');
  return {
    message, seq,
    epoch: str(o.epoch),
    base: message === 'snapshot' ? seq : idOf(o.base ?? seq - 1, 'base'),
    timeMs: num(o.time_ms, 0),
    lagMs: num(o.lag_ms, 0),
    status: statusOf(o.status),
    services: serviceRows(newServices),
    serviceChanges: { id: numbers(oldServices, 'id', 'service'), ...serviceFigures(oldServices) },
    calls: callRows(newCalls),
    callChanges: { id: numbers(oldCalls, 'id', 'call'), ...callFigures(oldCalls) },
    removedServices: ids(o.removed_services, 'removed_services'),
    removedCalls: ids(o.removed_calls, 'removed_calls'),
  };
}

function hello(o: Raw): Hello {
  return {
    message: 'hello', protocol: num(o.protocol, 0), version: str(o.version), epoch: str(o.epoch),
    windowS: num(o.window_s, 3600), rateS: num(o.rate_s, 60), serverTimeMs: num(o.server_time_ms, 0), status: statusOf(o.status),
  };
}

/** decodeText reads a JSON frame. Null: a type this reader does not know, to be ignored. Throws FrameError. */
export function decodeText(text: string): Frame | null {
  const o = parseJson(text);
  if (!isObject(o) || typeof o.type !== 'string') throw new FrameError('text frame has no type');
  switch (o.type) {
    case 'hello': return hello(o);
    case 'snapshot': return dataFrame('snapshot', o);
    case 'delta': return dataFrame('delta', o);
    case 'resync': return { message: 'resync', reason: str(o.reason) };
    case 'bye': return { message: 'bye', reason: str(o.reason), text: str(o.text), retryMs: num(o.retry_ms, 0) };
    case 'pong': return { message: 'pong', timeMs: num(o.time_ms, 0), lagMs: num(o.lag_ms, 0) };
    default: return null;
  }
}
