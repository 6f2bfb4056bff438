import type { CallFigures, DataFrame, ServiceFigures } from './frame';

/** No slot, no call. */
export const NONE = -1;

/** What applying a frame changed. */
export interface Change {
  /** Services or calls came or went. */
  structure: boolean;
  /** Some service's traffic left its bucket, so the order on the ring may change. */
  order: boolean;
}

/** How far, in buckets, traffic must stray before its bucket changes. */
const HYSTERESIS = 0.8;
const LOG2_PER_BUCKET = 1.5;
const QUIET = -20;

/**
 * trafficBucket puts traffic (calls a second) into a logarithmic bucket and
 * keeps the previous one while the traffic stays near it, so that an order by
 * bucket does not flicker.
 */
export function trafficBucket(traffic: number, previous: number | null): number {
  const exact = traffic <= 0 ? QUIET : Math.max(QUIET, Math.log2(traffic) / LOG2_PER_BUCKET);
  if (previous !== null && Math.abs(exact - previous) <= HYSTERESIS) return previous;
  return Math.round(exact);
}

function grown<T extends { set(a: ArrayLike<number>): void }>(make: new (n: number) => T, old: T & ArrayLike<number>, capacity: number): T {
  const next = new make(capacity);
  next.set(old);
  return next;
}

/** Slots hands out array places for numbers of the stream and takes them back. */
class Slots {
  private readonly bySlot = new Map<number, number>();
  private readonly free: number[] = [];
  /** One more than the highest slot ever used. */
  high = 0;

  get size(): number {
    return this.bySlot.size;
  }

  find(id: number): number {
    return this.bySlot.get(id) ?? NONE;
  }

  add(id: number): number {
    const slot = this.free.pop() ?? this.high++;
    this.bySlot.set(id, slot);
    return slot;
  }

  remove(id: number): number {
    const slot = this.find(id);
    if (slot === NONE) return NONE;
    this.bySlot.delete(id);
    this.free.push(slot);
    return slot;
  }

  clear(): void {
    this.bySlot.clear();
    this.free.length = 0;
    this.high = 0;
  }
}

/** Services in columns; a row lives at a slot for as long as the service does. */
export class ServiceTable {
  capacity = 0;
  alive = new Uint8Array(0);
  id = new Uint32Array(0);
  kind = new Uint8Array(0);
  rate = new Float32Array(0);
  errorRate = new Float32Array(0);
  p50 = new Float32Array(0);
  p99 = new Float32Array(0);
  /** Calls out of the service a second, the sum over its calls. */
  outRate = new Float32Array(0);
  /** What size and rank follow: calls in plus 0.4 of calls out. */
  traffic = new Float32Array(0);
  bucket = new Int8Array(0);
  name: string[] = [];
  namespace: string[] = [];
  label: string[] = [];

  reserve(slots: number): void {
    if (slots <= this.capacity) return;
    const n = Math.max(64, slots, this.capacity * 2);
    this.alive = grown(Uint8Array, this.alive, n);
    this.id = grown(Uint32Array, this.id, n);
    this.kind = grown(Uint8Array, this.kind, n);
    for (const key of ['rate', 'errorRate', 'p50', 'p99', 'outRate', 'traffic'] as const) this[key] = grown(Float32Array, this[key], n);
    this.bucket = grown(Int8Array, this.bucket, n);
    this.capacity = n;
  }

  set(slot: number, f: ServiceFigures, row: number): void {
    this.rate[slot] = f.rate[row];
    this.errorRate[slot] = f.errorRate[row];
    this.p50[slot] = f.p50[row];
    this.p99[slot] = f.p99[row];
  }
}

/** Calls in columns; from and to are slots of services. */
export class CallTable {
  capacity = 0;
  alive = new Uint8Array(0);
  id = new Uint32Array(0);
  from = new Uint32Array(0);
  to = new Uint32Array(0);
  kind = new Uint8Array(0);
  rate = new Float32Array(0);
  errorRate = new Float32Array(0);
  p50 = new Float32Array(0);
  p95 = new Float32Array(0);
  p99 = new Float32Array(0);
  calls = new Float64Array(0);
  errors = new Float64Array(0);
  firstSeen = new Float64Array(0);
  lastSeen = new Float64Array(0);

  reserve(slots: number): void {
    if (slots <= this.capacity) return;
    const n = Math.max(256, slots, this.capacity * 2);
    for (const key of ['alive', 'kind'] as const) this[key] = grown(Uint8Array, this[key], n);
    for (const key of ['id', 'from', 'to'] as const) this[key] = grown(Uint32Array, this[key], n);
    for (const key of ['rate', 'errorRate', 'p50', 'p95', 'p99'] as const) this[key] = grown(Float32Array, this[key], n);
    for (const key of ['calls', 'errors', 'firstSeen', 'lastSeen'] as const) this[key] = grown(Float64Array, this[key], n);
    this.capacity = n;
  }

  set(slot: number, f: CallFigures, row: number): void {
    this.rate[slot] = f.rate[row];
    this.errorRate[slot] = f.errorRate[row];
    this.p50[slot] = f.p50[row];
    this.p95[slot] = f.p95[row];
    this.p99[slot] = f.p99[row];
    this.calls[slot] = f.calls[row];
    this.errors[slot] = f.errors[row];
    this.lastSeen[slot] = f.lastSeen[row];
  }
}

/** For every service its calls: those of slot s are list[start[s]] up to list[start[s+1]]. */
export interface Adjacency {
  start: Uint32Array;
  list: Uint32Array;
}

/**
 * Graph is what the page knows: the sum of the frames applied so far. It knows
 * nothing of drawing or of sockets and is not safe to share between threads.
 */
export class Graph {
  readonly services = new ServiceTable();
  readonly calls = new CallTable();
  private readonly serviceSlots = new Slots();
  private readonly callSlots = new Slots();
  private readonly byName = new Map<string, number>();
  private outgoing: Adjacency | null = null;
  private incoming: Adjacency | null = null;
  /** Rises when services or calls come or go. */
  structureVersion = 0;
  /** Rises with every frame. */
  version = 0;
  timeMs = 0;

  get serviceCount(): number {
    return this.serviceSlots.size;
  }

  get callCount(): number {
    return this.callSlots.size;
  }

  /** One more than the highest service slot in use. */
  get serviceHigh(): number {
    return this.serviceSlots.high;
  }

  /** One more than the highest call slot in use. */
  get callHigh(): number {
    return this.callSlots.high;
  }

  /** The slot of the service with this name (the id of the API), or NONE. */
  find(name: string): number {
    return this.byName.get(name) ?? NONE;
  }

  apply(frame: DataFrame): Change {
    let structure = false;
    if (frame.message === 'snapshot') {
      this.clear();
      structure = true;
    }
    for (const id of frame.removedCalls) structure = this.removeCall(id) || structure;
    if (frame.removedServices.length > 0) structure = this.removeServices(frame.removedServices) || structure;
    structure = this.addServices(frame) || structure;
    for (let i = 0; i < frame.serviceChanges.id.length; i++) {
      const slot = this.serviceSlots.find(frame.serviceChanges.id[i]);
      if (slot !== NONE) this.services.set(slot, frame.serviceChanges, i);
    }
    structure = this.addCalls(frame) || structure;
    for (let i = 0; i < frame.callChanges.id.length; i++) {
      const slot = this.callSlots.find(frame.callChanges.id[i]);
      if (slot !== NONE) this.calls.set(slot, frame.callChanges, i);
    }
    if (structure) {
      this.structureVersion++;
      this.outgoing = null;
      this.incoming = null;
    }
    this.version++;
    this.timeMs = frame.timeMs;
    return { structure, order: this.deriveTraffic(frame.message === 'snapshot') };
  }

  callsFrom(slot: number): Uint32Array {
    this.outgoing ??= this.adjacency(this.calls.from);
    return this.outgoing.list.subarray(this.outgoing.start[slot], this.outgoing.start[slot + 1]);
  }

  callsTo(slot: number): Uint32Array {
    this.incoming ??= this.adjacency(this.calls.to);
    return this.incoming.list.subarray(this.incoming.start[slot], this.incoming.start[slot + 1]);
  }

  /** The slots of all services, ascending. */
  *serviceList(): Generator<number> {
    for (let s = 0; s < this.serviceHigh; s++) if (this.services.alive[s] === 1) yield s;
  }

  /** The slots of all calls, ascending. */
  *callList(): Generator<number> {
    for (let c = 0; c < this.callHigh; c++) if (this.calls.alive[c] === 1) yield c;
  }

  private clear(): void {
    this.serviceSlots.clear();
    this.callSlots.clear();
    this.byName.clear();
    this.services.alive.fill(0);
    this.calls.alive.fill(0);
  }

  private addServices(frame: DataFrame): boolean {
    const rows = frame.services;
    let added = false;
    this.services.reserve(this.serviceHigh + rows.id.length);
    for (let i = 0; i < rows.id.length; i++) {
      let slot = this.serviceSlots.find(rows.id[i]);
      if (slot === NONE) {
        slot = this.serviceSlots.add(rows.id[i]);
        this.services.alive[slot] = 1;
        this.services.id[slot] = rows.id[i];
        this.services.kind[slot] = rows.kind[i];
        this.services.bucket[slot] = QUIET;
        this.services.name[slot] = rows.name[i];
        this.services.namespace[slot] = rows.namespace[i];
        this.services.label[slot] = rows.label[i];
        this.byName.set(rows.name[i], slot);
        added = true;
      }
      this.services.set(slot, rows, i);
    }
    return added;
  }

  private addCalls(frame: DataFrame): boolean {
    const rows = frame.calls;
    let added = false;
    this.calls.reserve(this.callHigh + rows.id.length);
    for (let i = 0; i < rows.id.length; i++) {
      let slot = this.callSlots.find(rows.id[i]);
      if (slot === NONE) {
        const from = this.serviceSlots.find(rows.from[i]);
        const to = this.serviceSlots.find(rows.to[i]);
        if (from === NONE || to === NONE) continue;
        slot = this.callSlots.add(rows.id[i]);
        this.calls.alive[slot] = 1;
        this.calls.id[slot] = rows.id[i];
        this.calls.from[slot] = from;
        this.calls.to[slot] = to;
        this.calls.kind[slot] = rows.kind[i];
        this.calls.firstSeen[slot] = rows.firstSeen[i];
        added = true;
      }
      this.calls.set(slot, rows, i);
    }
    return added;
  }

  private removeCall(id: number): boolean {
    const slot = this.callSlots.remove(id);
    if (slot === NONE) return false;
    this.calls.alive[slot] = 0;
    return true;
  }

  private removeServices(idsGone: Uint32Array): boolean {
    let removed = false;
    for (const id of idsGone) {
      const slot = this.serviceSlots.remove(id);
      if (slot === NONE) continue;
      this.services.alive[slot] = 0;
      if (this.byName.get(this.services.name[slot]) === slot) this.byName.delete(this.services.name[slot]);
      removed = true;
    }
    if (!removed) return false;
    for (const c of [...this.callList()]) {
      if (this.services.alive[this.calls.from[c]] === 0 || this.services.alive[this.calls.to[c]] === 0) this.removeCall(this.calls.id[c]);
    }
    return true;
  }

  private deriveTraffic(fresh: boolean): boolean {
    const s = this.services;
    const { from, rate, alive } = this.calls;
    s.outRate.fill(0, 0, this.serviceHigh);
    for (let c = 0; c < this.callHigh; c++) if (alive[c] === 1) s.outRate[from[c]] += rate[c];
    let moved = false;
    for (let i = 0; i < this.serviceHigh; i++) {
      if (s.alive[i] === 0) continue;
      s.traffic[i] = s.rate[i] + 0.4 * s.outRate[i];
      const bucket = trafficBucket(s.traffic[i], fresh ? null : s.bucket[i]);
      if (bucket !== s.bucket[i]) {
        s.bucket[i] = bucket;
        moved = true;
      }
    }
    return moved;
  }

  private adjacency(end: Uint32Array): Adjacency {
    const start = new Uint32Array(this.serviceHigh + 2);
    const list = new Uint32Array(this.callCount);
    for (const c of this.callList()) start[end[c] + 2]++;
    for (let i = 2; i < start.length; i++) start[i] += start[i - 1];
    for (const c of this.callList()) list[start[end[c] + 1]++] = c;
    return { start, list };
  }
}
