/** An hour of calls that the tests know: some all the time, one that ends, one that begins. */
import type { Server } from './server';

const MINUTE = 60_000;

interface Call {
  from: string;
  /** A service, or a database when it is named like "db:…". */
  to: string;
  /** Minutes ago from which and until which there are calls. */
  since: number;
  until: number;
  failed?: boolean;
  /** Calls each half minute, 4 unless told. */
  each?: number;
}

export const CALLS: readonly Call[] = [
  { from: 'web', to: 'cart', since: 50, until: 0 },
  { from: 'web', to: 'search', since: 50, until: 0 },
  { from: 'cart', to: 'db:orders', since: 50, until: 0 },
  { from: 'search', to: 'ranking', since: 50, until: 0, failed: true },
  { from: 'cart', to: 'pay', since: 50, until: 16 },
  { from: 'cart', to: 'stock', since: 8, until: 0 },
];

/** Services and calls of the last hour; the user calls web. */
export const SERVICES = 8;
export const EDGES = 7;
/** Of them those that are inferred: the user and the database, with a call each. */
export const INFERRED = 2;

const EVERY = 30_000;
let last = 1_000_000;

const hex = (v: number, digits: number): string => v.toString(16).padStart(digits, '0');
const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });

/** One call a trace; the user is behind what web does. */
function trace(c: Call, startMs: number): object[] {
  const n = ++last;
  const start = BigInt(Math.round(startMs)) * 1_000_000n;
  const span = (id: number, parent: number, kind: number, name: string, attributes: object[] = []): object => ({
    traceId: hex(n, 32), spanId: hex(id, 16), ...(parent === 0 ? {} : { parentSpanId: hex(parent, 16) }), kind, name, attributes,
    startTimeUnixNano: String(start), endTimeUnixNano: String(start + 5_000_000n), status: c.failed ? { code: 2 } : {},
  });
  const of = (service: string, ...spans: object[]): object => ({
    resource: { attributes: [text('service.name', service), text('service.namespace', 'shop')] }, scopeSpans: [{ spans }],
  });
  const root = c.from === 'web' ? [span(3 * n, 0, 2, 'GET /')] : [];
  const parent = c.from === 'web' ? 3 * n : 0;
  if (c.to.startsWith('db:')) {
    const name = c.to.slice(3);
    return [of(c.from, ...root, span(3 * n + 1, parent, 3, `SELECT ${name}`, [text('db.system', 'postgresql'), text('db.name', name), text('server.address', 'db.internal')]))];
  }
  return [of(c.from, ...root, span(3 * n + 1, parent, 3, `call ${c.to}`)), of(c.to, span(3 * n + 2, 3 * n + 1, 2, `POST /${c.to}`))];
}

/** Sends all of it. */
export const sendTopology = (server: Server): Promise<void> => sendCalls(server, CALLS);

/** Sends the spans of calls. */
export async function sendCalls(server: Server, calls: readonly Call[]): Promise<void> {
  const now = Date.now();
  const resourceSpans: object[] = [];
  for (const c of calls) {
    for (let t = now - c.since * MINUTE; t < now - c.until * MINUTE - 1_000; t += EVERY) {
      for (let k = 0; k < (c.each ?? 4); k++) resourceSpans.push(...trace(c, t + k * 700));
    }
  }
  await server.send(JSON.stringify({ resourceSpans }));
}
