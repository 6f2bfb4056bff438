/** What the server says about itself in /api/v1/status. */
import { isObject } from './json';

export interface About {
  /** Text for people: what an acknowledged span survives. */
  durability: string;
  /** Seconds a late span may take to join its trace, and a guess to show; 0: not known. */
  horizonS: number;
  settleS: number;
  /** A link to traces with {service}, {from} and {to}, or empty. */
  traceUrl: string;
  /** The ports of the receivers. */
  ports: { grpc: string; http: string };
}

export const NOTHING_KNOWN: About = { durability: '', horizonS: 0, settleS: 0, traceUrl: '', ports: { grpc: '4317', http: '4318' } };

/** The port of "4317", 4317 or "127.0.0.1:4317"; the fallback of anything else. */
export function portOf(v: unknown, fallback: string): string {
  const text = typeof v === 'number' ? String(v) : typeof v === 'string' ? v : '';
  return /(?:^|:)(\d{1,5})$/.exec(text)?.[1] ?? fallback;
}

/** aboutOf reads an answer; what is missing is as when nothing is known. */
export function aboutOf(v: unknown): About {
  const s = isObject(v) ? v : {};
  const durability = isObject(s.durability) ? s.durability.text : '';
  const ports = isObject(s.ports) ? s.ports : {};
  return {
    durability: typeof durability === 'string' ? durability : '',
    horizonS: typeof s.horizon_s === 'number' ? s.horizon_s : 0,
    settleS: typeof s.settle_s === 'number' ? s.settle_s : 0,
    traceUrl: typeof s.trace_url === 'string' ? s.trace_url : '',
    ports: { grpc: portOf(ports.otlp_grpc, NOTHING_KNOWN.ports.grpc), http: portOf(ports.otlp_http, NOTHING_KNOWN.ports.http) },
  };
}
