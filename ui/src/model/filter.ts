import { CALL_KINDS, SERVICE_KINDS, type CallKind } from './frame';
import { NONE, type Graph, type Sight } from './graph';
import { DEFAULT_THRESHOLDS } from './health';
import { pathsBetween, type Path } from './paths';

export type Direction = 'up' | 'down' | 'both';

/** Which part of the graph is shown. */
export interface Filter {
  /** Namespace, team and environment whose services are shown, with their neighbours; empty: any. */
  namespace: string;
  team: string;
  environment: string;
  /** Only calls of this kind, or empty. */
  kind: CallKind | '';
  /** Only calls with at least this failed share. */
  minErrors: number;
  /** Only calls with at least so many a second. */
  minRate: number;
  /** Only calls that fail, and failing ones that lead to them. */
  failing: boolean;
  /** Nodes that never reported a span are hidden. */
  noInferred: boolean;
  /** With a service in focus: only what is so many calls away; 0: everything. */
  hops: number;
  direction: Direction;
  /** With a service in focus: only paths from it to the service of this name, or empty. */
  to: string;
  /** Paths may lead through nodes that never reported a span. */
  viaInferred: boolean;
}

export const NO_FILTER: Filter = {
  namespace: '', team: '', environment: '', kind: '', minErrors: 0, minRate: 0, failing: false, noInferred: false, hops: 0, direction: 'both', to: '', viaInferred: false,
};

/** Whether a node never reported a span itself: a database, a destination, a far side, the user. */
export function inferred(graph: Graph, slot: number): boolean {
  return SERVICE_KINDS[graph.services.kind[slot]] !== 'service';
}

/** Whether the filter asks for services of some place. */
function placed(f: Filter): boolean {
  return f.namespace !== '' || f.team !== '' || f.environment !== '';
}

/** Whether a service is of the namespace, team and environment that are asked for. */
function member(graph: Graph, f: Filter, slot: number): boolean {
  const s = graph.services;
  return !inferred(graph, slot) && (f.namespace === '' || s.namespace[slot] === f.namespace) && (f.team === '' || s.team[slot] === f.team)
    && (f.environment === '' || s.environment[slot].split(', ').includes(f.environment));
}

/** How many parts of the filter are in force. */
export function activeFilters(f: Filter, focus: string): number {
  const parts = [f.namespace !== '', f.team !== '', f.environment !== '', f.kind !== '', f.minErrors > 0, f.minRate > 0, f.failing, f.noInferred,
    focus !== '' && f.to === '' && f.hops > 0, focus !== '' && f.to !== ''];
  return parts.filter(Boolean).length;
}

/** Marks the calls that fail, and those upstream through which the failure is felt. */
function failingCalls(graph: Graph): Uint8Array {
  const { from, to, errorRate } = graph.calls;
  const marked = new Uint8Array(graph.callHigh);
  const into = new Map<number, number[]>();
  const queue: number[] = [];
  for (const c of graph.presentCalls()) {
    if (errorRate[c] <= 0) continue;
    const list = into.get(to[c]);
    if (list === undefined) into.set(to[c], [c]);
    else list.push(c);
    if (errorRate[c] > DEFAULT_THRESHOLDS.degraded) {
      marked[c] = 1;
      queue.push(from[c]);
    }
  }
  for (let slot = queue.pop(); slot !== undefined; slot = queue.pop()) {
    for (const c of into.get(slot) ?? []) {
      if (marked[c] === 1) continue;
      marked[c] = 1;
      queue.push(from[c]);
    }
  }
  return marked;
}

/** The slots within so many calls of a service, along calls that are in sight. */
function within(graph: Graph, calls: Uint8Array, start: number, hops: number, direction: Direction): Set<number> {
  const { from, to } = graph.calls;
  const reached = new Set([start]);
  let ring = new Set([start]);
  for (let hop = 0; hop < hops && ring.size > 0; hop++) {
    const outer = new Set<number>();
    for (let c = 0; c < graph.callHigh; c++) {
      if (calls[c] === 0) continue;
      if (direction !== 'up' && ring.has(from[c]) && !reached.has(to[c])) outer.add(to[c]);
      if (direction !== 'down' && ring.has(to[c]) && !reached.has(from[c])) outer.add(from[c]);
    }
    for (const slot of outer) reached.add(slot);
    ring = outer;
  }
  return reached;
}

/** Paths are costly to find: they are looked for again when the structure changed. */
export class PathFinder {
  private key = '';
  private paths: Path[] = [];

  find(graph: Graph, from: number, to: number, viaInferred: boolean): Path[] {
    const key = `${graph.presentVersion}|${from}|${to}|${viaInferred}`;
    if (key !== this.key) {
      this.key = key;
      this.paths = pathsBetween(graph, from, to, (slot) => viaInferred || !inferred(graph, slot));
    }
    return this.paths;
  }
}

function keepPaths(graph: Graph, paths: readonly Path[], services: Uint8Array, calls: Uint8Array): void {
  const steps = new Set<string>();
  const on = new Set<number>();
  for (const path of paths) {
    path.forEach((slot, i) => {
      on.add(slot);
      if (i > 0) steps.add(`${path[i - 1]}>${slot}`);
    });
  }
  const { from, to } = graph.calls;
  for (let c = 0; c < graph.callHigh; c++) if (calls[c] === 1 && !steps.has(`${from[c]}>${to[c]}`)) calls[c] = 0;
  for (let s = 0; s < graph.serviceHigh; s++) if (services[s] === 1 && !on.has(s)) services[s] = 0;
}

/** Takes out of sight the calls that the filter's plain parts refuse. */
function keepCalls(graph: Graph, f: Filter, services: Uint8Array, calls: Uint8Array): void {
  const { from, to, kind, rate, errorRate } = graph.calls;
  const failing = f.failing ? failingCalls(graph) : null;
  const everywhere = !placed(f);
  for (let c = 0; c < graph.callHigh; c++) {
    if (calls[c] === 0) continue;
    const keep = services[from[c]] === 1 && services[to[c]] === 1
      && (f.kind === '' || CALL_KINDS[kind[c]] === f.kind)
      && (f.minErrors <= 0 || errorRate[c] >= f.minErrors)
      && (f.minRate <= 0 || rate[c] >= f.minRate)
      && (failing === null || failing[c] === 1)
      && (everywhere || member(graph, f, from[c]) || member(graph, f, to[c]));
    if (!keep) calls[c] = 0;
  }
}

/** sightOf makes of a filter what the graph takes; null when nothing is filtered. */
export function sightOf(f: Filter, focus: string, finder: PathFinder): Sight | null {
  if (activeFilters(f, focus) === 0) return null;
  return (graph, services, calls) => {
    if (f.noInferred) for (let s = 0; s < graph.serviceHigh; s++) if (services[s] === 1 && inferred(graph, s)) services[s] = 0;
    keepCalls(graph, f, services, calls);
    const start = focus === '' ? NONE : graph.findPresent(focus);
    if (start !== NONE && f.to !== '') {
      const end = graph.findPresent(f.to);
      keepPaths(graph, end === NONE ? [] : finder.find(graph, start, end, f.viaInferred), services, calls);
      services[start] = 1;
      if (end !== NONE) services[end] = 1;
      return;
    }
    if (start !== NONE && f.hops > 0) {
      const near = within(graph, calls, start, f.hops, f.direction);
      for (let s = 0; s < graph.serviceHigh; s++) if (!near.has(s)) services[s] = 0;
      for (let c = 0; c < graph.callHigh; c++) if (calls[c] === 1 && !(near.has(graph.calls.from[c]) && near.has(graph.calls.to[c]))) calls[c] = 0;
      return;
    }
    dropIdle(graph, f, services, calls);
  };
}

/** Services without a call in sight go when calls were chosen; those that were asked for stay. */
function dropIdle(graph: Graph, f: Filter, services: Uint8Array, calls: Uint8Array): void {
  const callsChosen = f.kind !== '' || f.minErrors > 0 || f.minRate > 0 || f.failing;
  if (!callsChosen && !placed(f)) return;
  const ends = new Uint8Array(graph.serviceHigh);
  for (let c = 0; c < graph.callHigh; c++) if (calls[c] === 1) ends[graph.calls.from[c]] = ends[graph.calls.to[c]] = 1;
  for (let s = 0; s < graph.serviceHigh; s++) {
    if (services[s] === 1 && ends[s] === 0 && (callsChosen || !member(graph, f, s))) services[s] = 0;
  }
}
