/** Sends the spans that a made-up or recorded fleet would, at the rates that it has. */
import { numbers } from '../mock/fleet';
import type { Server } from './server';

export interface FedService {
  label: string;
  namespace: string;
}

export interface FedCall {
  from: number;
  to: number;
  /** How often, compared with the others. */
  rate: number;
  error_rate: number;
  p50_ms: number;
  /** Minutes ago from which and until which it is made; by default ever and still. */
  since?: number;
  until?: number;
}

const MINUTE = 60_000;
/** Calls in one request: its JSON stays below the server's limit and keeps memory low. */
const PER_REQUEST = 2_000;

/** A feed makes calls in proportion to their rates; the same seed makes the same. */
export class Feed {
  private readonly random = numbers(7);
  private readonly attributes: object[];
  private readonly cumulative: Float64Array;
  private last = 0;

  constructor(private readonly server: Server, services: readonly FedService[], private readonly calls: readonly FedCall[]) {
    this.attributes = services.map((s) => ({
      attributes: [
        { key: 'service.name', value: { stringValue: s.label } },
        ...(s.namespace === '' ? [] : [{ key: 'service.namespace', value: { stringValue: s.namespace } }]),
      ],
    }));
    this.cumulative = new Float64Array(calls.length);
    calls.reduce((sum, c, i) => (this.cumulative[i] = sum + c.rate), 0);
  }

  /** Every call that is made then once, within a minute that began so many minutes ago. */
  async tour(ago: number): Promise<void> {
    const begin = Date.now() - ago * MINUTE;
    await this.send(this.calls.flatMap((c, i) => (this.made(c, ago) ? [[i, begin + this.random() * MINUTE * 0.9] as const] : [])));
  }

  /** So many calls within a minute, or a part of it, that began so many minutes ago. */
  async stretch(ago: number, count: number, minutes = 1): Promise<void> {
    const begin = Date.now() - ago * MINUTE;
    const drawn: (readonly [number, number])[] = [];
    for (let k = 0; k < count; k++) {
      const i = this.draw();
      if (this.made(this.calls[i], ago)) drawn.push([i, begin + this.random() * MINUTE * minutes * 0.98]);
    }
    await this.send(drawn);
  }

  private made(c: FedCall, ago: number): boolean {
    return ago <= (c.since ?? Infinity) && ago >= (c.until ?? 0);
  }

  private draw(): number {
    const x = this.random() * this.cumulative[this.cumulative.length - 1];
    let low = 0;
    let high = this.cumulative.length - 1;
    while (low < high) {
      const m = (low + high) >> 1;
      if (this.cumulative[m] < x) low = m + 1;
      else high = m;
    }
    return low;
  }

  private async send(drawn: readonly (readonly [number, number])[]): Promise<void> {
    for (let at = 0; at < drawn.length; at += PER_REQUEST) {
      const spans = new Map<number, object[]>();
      for (const [i, ms] of drawn.slice(at, at + PER_REQUEST)) this.add(spans, this.calls[i], ms);
      const resourceSpans = [...spans].map(([s, list]) => ({ resource: this.attributes[s], scopeSpans: [{ spans: list }] }));
      await this.server.send(JSON.stringify({ resourceSpans }));
    }
  }

  /** The two spans of one call. */
  private add(spans: Map<number, object[]>, c: FedCall, ms: number): void {
    const n = ++this.last;
    const hex = (v: number, digits: number): string => v.toString(16).padStart(digits, '0');
    const took = c.p50_ms * (0.4 + this.random() ** 3 * 4);
    const status = this.random() < c.error_rate ? { code: 2 } : {};
    const at = (t: number): string => String(BigInt(Math.round(t * 1000)) * 1000n);
    const put = (service: number, span: object): void => {
      const list = spans.get(service);
      if (list === undefined) spans.set(service, [span]);
      else list.push(span);
    };
    const trace = { traceId: hex(n, 32), name: 'call', status, startTimeUnixNano: at(ms), endTimeUnixNano: at(ms + took) };
    put(c.from, { ...trace, spanId: hex(2 * n, 16), kind: 3 });
    put(c.to, { ...trace, spanId: hex(2 * n + 1, 16), parentSpanId: hex(2 * n, 16), kind: 2 });
  }
}
