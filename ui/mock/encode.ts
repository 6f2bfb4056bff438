/** The binary form of a data message, from its JSON form. See docs/protocol.md. */
import { CALL_KINDS, SERVICE_KINDS } from '../src/model/frame';
import type { FleetCall, FleetService } from './fleet';

export interface DataMessage {
  type: 'snapshot' | 'delta';
  epoch?: string;
  seq: number;
  base?: number;
  time_ms: number;
  lag_ms: number;
  status?: { lag_ms: number; marks: { reason: string; text: string; since_ms: number }[] };
  services?: Partial<FleetService>[];
  calls?: Partial<FleetCall>[];
  removed_services?: number[];
  removed_calls?: number[];
}

type Column = { number: number; type: 1 | 2 | 3 | 4; values: ArrayLike<number> };

const BYTES = [0, 1, 4, 4, 8];

class Builder {
  readonly columns: Column[] = [];
  private readonly strings: string[] = [];
  private readonly places = new Map<string, number>();

  add(number: number, type: 1 | 2 | 3 | 4, values: ArrayLike<number>): void {
    if (values.length > 0) this.columns.push({ number, type, values });
  }

  string(s: string): number {
    const known = this.places.get(s);
    if (known !== undefined) return known;
    this.places.set(s, this.strings.length);
    return this.strings.push(s) - 1;
  }

  private addStrings(): void {
    const parts = this.strings.map((s) => new TextEncoder().encode(s));
    let end = 0;
    const ends = parts.map((p) => (end += p.length));
    const bytes = new Uint8Array(end);
    parts.forEach((p, i) => bytes.set(p, ends[i] - p.length));
    this.add(10, 1, bytes);
    this.add(11, 2, ends);
  }

  build(m: DataMessage): ArrayBuffer {
    this.addStrings();
    this.columns.sort((a, b) => a.number - b.number);
    const align = (n: number): number => Math.ceil(n / 8) * 8;
    const head = 32 + this.columns.length * 12;
    let total = align(head);
    const offsets = this.columns.map((c) => {
      const at = total;
      total = align(total + c.values.length * BYTES[c.type]);
      return at;
    });
    const buffer = new ArrayBuffer(total);
    const v = new DataView(buffer);
    v.setUint32(0, 0x31534347, true);
    v.setUint8(4, m.type === 'snapshot' ? 1 : 2);
    v.setUint16(6, this.columns.length, true);
    v.setUint32(8, m.seq, true);
    v.setUint32(12, m.base ?? m.seq, true);
    v.setFloat64(16, m.time_ms, true);
    v.setUint32(24, m.lag_ms, true);
    v.setUint32(28, total, true);
    this.columns.forEach((c, i) => {
      const at = 32 + i * 12;
      v.setUint16(at, c.number, true);
      v.setUint8(at + 2, c.type);
      v.setUint32(at + 4, offsets[i], true);
      v.setUint32(at + 8, c.values.length, true);
      const view = c.type === 1 ? new Uint8Array(buffer, offsets[i], c.values.length)
        : c.type === 2 ? new Uint32Array(buffer, offsets[i], c.values.length)
          : c.type === 3 ? new Float32Array(buffer, offsets[i], c.values.length) : new Float64Array(buffer, offsets[i], c.values.length);
      view.set(c.values);
    });
    return buffer;
  }
}

function kind(names: readonly string[], name: string | undefined): number {
  return Math.max(0, names.indexOf(name ?? ''));
}

function addServices(b: Builder, list: Partial<FleetService>[]): void {
  const fresh = list.filter((s) => s.name !== undefined);
  const changed = list.filter((s) => s.name === undefined);
  b.add(20, 2, fresh.map((s) => s.id ?? 0));
  b.add(21, 2, fresh.map((s) => b.string(s.name ?? '')));
  b.add(22, 2, fresh.map((s) => b.string(s.namespace ?? '')));
  b.add(23, 2, fresh.map((s) => b.string(s.label ?? '')));
  b.add(24, 1, fresh.map((s) => kind(SERVICE_KINDS, s.kind)));
  for (const [first, rows] of [[25, fresh], [31, changed]] as const) {
    b.add(first, 3, rows.map((s) => s.rate ?? 0));
    b.add(first + 1, 3, rows.map((s) => s.error_rate ?? 0));
    b.add(first + 2, 3, rows.map((s) => s.p50_ms ?? NaN));
    b.add(first + 3, 3, rows.map((s) => s.p99_ms ?? NaN));
  }
  b.add(30, 2, changed.map((s) => s.id ?? 0));
}

function addCalls(b: Builder, list: Partial<FleetCall>[]): void {
  const fresh = list.filter((c) => c.from !== undefined);
  const changed = list.filter((c) => c.from === undefined);
  b.add(40, 2, fresh.map((c) => c.id ?? 0));
  b.add(41, 2, fresh.map((c) => c.from ?? 0));
  b.add(42, 2, fresh.map((c) => c.to ?? 0));
  b.add(43, 1, fresh.map((c) => kind(CALL_KINDS, c.kind)));
  for (const [first, rows] of [[44, fresh], [61, changed]] as const) {
    b.add(first, 3, rows.map((c) => c.rate ?? 0));
    b.add(first + 1, 3, rows.map((c) => c.error_rate ?? 0));
    b.add(first + 2, 3, rows.map((c) => c.p50_ms ?? NaN));
    b.add(first + 3, 3, rows.map((c) => c.p95_ms ?? NaN));
    b.add(first + 4, 3, rows.map((c) => c.p99_ms ?? NaN));
    b.add(first + 5, 4, rows.map((c) => c.calls ?? 0));
    b.add(first + 6, 4, rows.map((c) => c.errors ?? 0));
  }
  b.add(51, 4, fresh.map((c) => c.first_seen_ms ?? 0));
  b.add(52, 4, fresh.map((c) => c.last_seen_ms ?? 0));
  b.add(60, 2, changed.map((c) => c.id ?? 0));
  b.add(68, 4, changed.map((c) => c.last_seen_ms ?? 0));
}

export function encodeBinary(m: DataMessage): ArrayBuffer {
  const b = new Builder();
  if (m.epoch !== undefined) b.add(1, 1, new TextEncoder().encode(m.epoch));
  if (m.status !== undefined) b.add(2, 1, new TextEncoder().encode(JSON.stringify(m.status)));
  addServices(b, m.services ?? []);
  addCalls(b, m.calls ?? []);
  b.add(80, 2, m.removed_services ?? []);
  b.add(81, 2, m.removed_calls ?? []);
  return b.build(m);
}
