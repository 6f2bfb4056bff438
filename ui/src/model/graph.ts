import { CALL_KINDS, type CallFigures, type DataFrame, type ServiceFigures } from './frame';

/** No slot, no call. */
export const NONE = -1;

/** Which services and calls are seen, by slot: writes 1 or 0 into alive for those that are present. */
export type Sight = (graph: Graph, services: Uint8Array, calls: Uint8Array) => void;

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

function total(flags: Uint8Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += flags[i];
  return sum;
}

function differ(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return true;
  return false;
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

  /** Forgets all numbers and gives the kept slots their new ones. */
  restart(kept: ReadonlyMap<number, number>): void {
    this.bySlot.clear();
    this.free.length = 0;
    const taken = new Set(kept.values());
    for (let slot = this.high - 1; slot >= 0; slot--) if (!taken.has(slot)) this.free.push(slot);
    for (const [id, slot] of kept) this.bySlot.set(id, slot);
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
  /** The service is there. */
  present = new Uint8Array(0);
  /** It is there, and the filter lets it be seen. */
  alive = new Uint8Array(0);
  /** How it differs from the base that is compared with. */
  change = new Uint8Array(0);
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
  team: string[] = [];
  environment: string[] = [];

  reserve(slots: number): void {
    if (slots <= this.capacity) return;
    const n = Math.max(64, slots, this.capacity * 2);
    for (const key of ['present', 'alive', 'change', 'kind'] as const) this[key] = grown(Uint8Array, this[key], n);
    this.id = grown(Uint32Array, this.id, n);
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
  /** The call is there. */
  present = new Uint8Array(0);
  /** It is there, and the filter lets it be seen. */
  alive = new Uint8Array(0);
  /** How it differs from the base that is compared with. */
  change = new Uint8Array(0);
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
    for (const key of ['present', 'alive', 'change', 'kind'] as const) this[key] = grown(Uint8Array, this[key], n);
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
  private sight: Sight | null = null;
  private shownServices = 0;
  private shownCalls = 0;
  /** Rises when services or calls come or go, in sight or not. */
  presentVersion = 0;
  /** The calls and services carry how they differ from a base. */
  comparing = false;
  /** Rises when services or calls come into sight or leave it. */
  structureVersion = 0;
  /** Rises with every frame. */
  version = 0;
  timeMs = 0;

  /** Services in sight. */
  get serviceCount(): number {
    return this.shownServices;
  }

  /** Calls in sight. */
  get callCount(): number {
    return this.shownCalls;
  }

  /** All services and calls, in sight or not. */
  get totals(): { services: number; calls: number } {
    return { services: this.serviceSlots.size, calls: this.callSlots.size };
  }

  /** One more than the highest service slot in use. */
  get serviceHigh(): number {
    return this.serviceSlots.high;
  }

  /** One more than the highest call slot in use. */
  get callHigh(): number {
    return this.callSlots.high;
  }

  /** The slot of the service in sight with this name (the id of the API), or NONE. */
  find(name: string): number {
    const slot = this.byName.get(name) ?? NONE;
    return slot !== NONE && this.services.alive[slot] === 1 ? slot : NONE;
  }

  /** The same, in sight or not. */
  findPresent(name: string): number {
    return this.byName.get(name) ?? NONE;
  }

  /** The slot of the call in sight between two services, or NONE. */
  findCall(from: string, to: string, kind: string): number {
    const a = this.find(from);
    const b = this.find(to);
    if (a === NONE || b === NONE) return NONE;
    for (const c of this.callsFrom(a)) if (this.calls.to[c] === b && (kind === '' || CALL_KINDS[this.calls.kind[c]] === kind)) return c;
    return NONE;
  }

  /** Decides what is in sight from now on; null: all. True: something came or went. */
  setSight(sight: Sight | null): boolean {
    this.sight = sight;
    const changed = this.look();
    if (changed) this.restructure();
    this.version++;
    return changed;
  }

  apply(frame: DataFrame): Change {
    let structure = false;
    if (frame.message === 'snapshot') {
      this.restart(frame);
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
    const order = this.deriveTraffic();
    if (structure) this.presentVersion++;
    if (structure || this.sight !== null) structure = this.look() || structure;
    if (structure) this.restructure();
    this.version++;
    this.timeMs = frame.timeMs;
    return { structure, order };
  }

  private restructure(): void {
    this.structureVersion++;
    this.outgoing = null;
    this.incoming = null;
  }

  /** Brings what is in sight up to date. True: something came or went. */
  private look(): boolean {
    const { services, calls } = this;
    const before = this.sight === null ? null : { services: services.alive.slice(0, this.serviceHigh), calls: calls.alive.slice(0, this.callHigh) };
    const had = this.shownServices + this.shownCalls;
    services.alive.set(services.present.subarray(0, this.serviceHigh));
    calls.alive.set(calls.present.subarray(0, this.callHigh));
    this.sight?.(this, services.alive, calls.alive);
    this.shownServices = total(services.alive, this.serviceHigh);
    this.shownCalls = total(calls.alive, this.callHigh);
    return before === null ? had !== this.shownServices + this.shownCalls
      : differ(before.services, services.alive) || differ(before.calls, calls.alive);
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

  /** The slots of all calls that are there, in sight or not, ascending. */
  *presentCalls(): Generator<number> {
    for (let c = 0; c < this.callHigh; c++) if (this.calls.present[c] === 1) yield c;
  }

  /**
   * Makes room for a snapshot. A service that is in it again keeps its slot, so
   * that it glides to its new place on the picture.
   */
  private restart(frame: DataFrame): void {
    const kept = new Map<number, number>();
    const names = new Map<string, number>();
    const { id, name } = frame.services;
    for (let i = 0; i < id.length; i++) {
      const slot = this.byName.get(name[i]);
      if (slot === undefined || names.has(name[i])) continue;
      kept.set(id[i], slot);
      names.set(name[i], slot);
    }
    this.serviceSlots.restart(kept);
    this.byName.clear();
    this.services.present.fill(0);
    for (const [k, slot] of kept) {
      this.services.present[slot] = 1;
      this.services.id[slot] = k;
    }
    this.callSlots.clear();
    this.calls.present.fill(0);
    this.calls.alive.fill(0);
    this.comparing = frame.comparing === true;
  }

  private addServices(frame: DataFrame): boolean {
    const rows = frame.services;
    let added = false;
    this.services.reserve(this.serviceHigh + rows.id.length);
    for (let i = 0; i < rows.id.length; i++) {
      let slot = this.serviceSlots.find(rows.id[i]);
      if (slot === NONE) {
        slot = this.serviceSlots.add(rows.id[i]);
        this.services.present[slot] = 1;
        this.services.id[slot] = rows.id[i];
        this.services.bucket[slot] = QUIET;
        this.services.name[slot] = '';
      }
      if (this.byName.get(rows.name[i]) !== slot) {
        this.rename(slot, rows.name[i]);
        added = true;
      }
      if (this.services.team[slot] !== rows.team[i] || this.services.environment[slot] !== rows.environment[i]) added = true;
      this.services.team[slot] = rows.team[i];
      this.services.environment[slot] = rows.environment[i];
      this.services.namespace[slot] = rows.namespace[i];
      this.services.label[slot] = rows.label[i];
      this.services.kind[slot] = rows.kind[i];
      this.services.change[slot] = rows.change?.[i] ?? 0;
      this.services.set(slot, rows, i);
    }
    return added;
  }

  private rename(slot: number, name: string): void {
    const before = this.services.name[slot];
    if (this.byName.get(before) === slot) this.byName.delete(before);
    this.services.name[slot] = name;
    this.byName.set(name, slot);
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
        this.calls.present[slot] = 1;
        this.calls.id[slot] = rows.id[i];
        this.calls.from[slot] = from;
        this.calls.to[slot] = to;
        this.calls.kind[slot] = rows.kind[i];
        this.calls.firstSeen[slot] = rows.firstSeen[i];
        added = true;
      }
      this.calls.change[slot] = rows.change?.[i] ?? 0;
      this.calls.set(slot, rows, i);
    }
    return added;
  }

  private removeCall(id: number): boolean {
    const slot = this.callSlots.remove(id);
    if (slot === NONE) return false;
    this.calls.present[slot] = 0;
    return true;
  }

  private removeServices(idsGone: Uint32Array): boolean {
    let removed = false;
    for (const id of idsGone) {
      const slot = this.serviceSlots.remove(id);
      if (slot === NONE) continue;
      this.services.present[slot] = 0;
      if (this.byName.get(this.services.name[slot]) === slot) this.byName.delete(this.services.name[slot]);
      removed = true;
    }
    if (!removed) return false;
    for (const c of [...this.presentCalls()]) {
      if (this.services.present[this.calls.from[c]] === 0 || this.services.present[this.calls.to[c]] === 0) this.removeCall(this.calls.id[c]);
    }
    return true;
  }

  private deriveTraffic(): boolean {
    const s = this.services;
    const { from, rate, present } = this.calls;
    s.outRate.fill(0, 0, this.serviceHigh);
    for (let c = 0; c < this.callHigh; c++) if (present[c] === 1) s.outRate[from[c]] += rate[c];
    let moved = false;
    for (let i = 0; i < this.serviceHigh; i++) {
      if (s.present[i] === 0) continue;
      s.traffic[i] = s.rate[i] + 0.4 * s.outRate[i];
      const bucket = trafficBucket(s.traffic[i], s.bucket[i] === QUIET ? null : s.bucket[i]);
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
