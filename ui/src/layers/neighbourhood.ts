/** Which services stand in which column of the Layers view, and which calls run between them. Pure. */
import { NONE, type Graph } from '../model/graph';
import { compareText } from '../model/groups';
import { MAX_HOPS } from '../model/url';

export interface Reach {
  /** Hops towards callers and towards callees. */
  up: number;
  down: number;
}

/** An opened column holds no more than this; the table holds the rest. */
export const MAX_OPEN = 120;

export interface Column {
  /** Signed distance from the focus: negative calls it. Without a focus: how deep, from 0. */
  depth: number;
  /** Slots of services, the most important first. */
  slots: number[];
  /** How many more the column would hold. */
  hidden: number;
}

export interface Picture {
  /** Slot in the middle, or NONE. */
  focus: number;
  columns: Column[];
  /** Slots of all calls between the services shown. */
  calls: number[];
}

/** Distances from a slot, along calls or against them, up to so many hops. */
function distances(graph: Graph, from: number, hops: number, against: boolean): Map<number, number> {
  const found = new Map([[from, 0]]);
  let edge = [from];
  for (let hop = 1; hop <= hops && edge.length > 0; hop++) {
    const next: number[] = [];
    for (const slot of edge) {
      for (const c of against ? graph.callsTo(slot) : graph.callsFrom(slot)) {
        const other = against ? graph.calls.from[c] : graph.calls.to[c];
        if (found.has(other)) continue;
        found.set(other, hop);
        next.push(other);
      }
    }
    edge = next;
  }
  return found;
}

/** Calls a second from one slot to another. */
function flow(graph: Graph, from: number, to: number): number {
  let sum = 0;
  for (const c of graph.callsFrom(from)) if (graph.calls.to[c] === to) sum += graph.calls.rate[c];
  return sum;
}

/**
 * depthsOf gives every service within reach its column: the nearer side wins;
 * at the same distance the side with more calls, and below, when none is direct.
 */
export function depthsOf(graph: Graph, focus: number, reach: Reach): Map<number, number> {
  const up = distances(graph, focus, reach.up, true);
  const down = distances(graph, focus, reach.down, false);
  const depths = new Map<number, number>();
  for (const [slot, d] of down) depths.set(slot, d);
  for (const [slot, u] of up) {
    const d = down.get(slot);
    if (d !== undefined && (d < u || d === 0)) continue;
    if (d === u && (u > 1 || flow(graph, focus, slot) >= flow(graph, slot, focus))) continue;
    depths.set(slot, -u);
  }
  return depths;
}

/** Calls a second between a slot and those already shown nearer to the focus. */
function weightOf(graph: Graph, slot: number, depth: number, nearer: ReadonlySet<number>): number {
  let sum = 0;
  if (depth < 0) for (const c of graph.callsFrom(slot)) sum += nearer.has(graph.calls.to[c]) ? graph.calls.rate[c] + 1e-6 : 0;
  else for (const c of graph.callsTo(slot)) sum += nearer.has(graph.calls.from[c]) ? graph.calls.rate[c] + 1e-6 : 0;
  return sum;
}

/** The calls that run between the given services, ascending. */
export function callsAmong(graph: Graph, slots: ReadonlySet<number>): number[] {
  const out: number[] = [];
  for (const slot of slots) for (const c of graph.callsFrom(slot)) if (slots.has(graph.calls.to[c])) out.push(c);
  return out.sort((a, b) => a - b);
}

/** By how much another service must be busier to take the place of one that is shown. */
const STAY = 1.4;

/**
 * neighbourhood is the focus with the services up to so many hops around it.
 * Each column shows its most, those first that have most calls with what is
 * shown nearer to the focus, and in favour of those already shown; columns whose
 * depth is in open show all.
 */
export function neighbourhood(graph: Graph, focus: number, reach: Reach, most: number, open: ReadonlySet<number>, already: ReadonlySet<number> = new Set()): Picture {
  const depths = depthsOf(graph, focus, reach);
  const byDepth = new Map<number, number[]>();
  for (const [slot, depth] of depths) {
    const list = byDepth.get(depth);
    if (list === undefined) byDepth.set(depth, [slot]);
    else list.push(slot);
  }
  const shown = new Set<number>([focus]);
  const columns: Column[] = [{ depth: 0, slots: [focus], hidden: 0 }];
  const { name, traffic } = graph.services;
  for (const sign of [-1, 1]) {
    let nearer = new Set([focus]);
    for (let hop = 1; hop <= MAX_HOPS; hop++) {
      const list = byDepth.get(sign * hop);
      if (list === undefined) break;
      const weight = new Map(list.map((s) => [s, weightOf(graph, s, sign * hop, nearer) * (already.has(s) ? STAY : 1)]));
      list.sort((a, b) => (weight.get(b) ?? 0) - (weight.get(a) ?? 0) || traffic[b] - traffic[a] || compareText(name[a], name[b]));
      const limit = open.has(sign * hop) ? MAX_OPEN : most;
      const slots = list.slice(0, limit);
      columns.push({ depth: sign * hop, slots, hidden: list.length - slots.length });
      nearer = new Set(slots);
      for (const s of slots) shown.add(s);
    }
  }
  columns.sort((a, b) => a.depth - b.depth);
  return { focus, columns, calls: callsAmong(graph, shown) };
}

/** A fleet up to this size is shown whole when nothing is in focus. */
export const MAX_WHOLE = 60;

/**
 * An order in which few calls run backwards: repeatedly what is called by
 * nobody goes first and what calls nobody goes last; in a cycle the one with
 * the most calls out against in goes first.
 */
export function flowOrder(slots: readonly number[], pairs: readonly (readonly [number, number])[], tie: (a: number, b: number) => number): number[] {
  const left = new Set([...slots].sort(tie));
  const head: number[] = [];
  const tail: number[] = [];
  const degrees = (): Map<number, [number, number]> => {
    const d = new Map<number, [number, number]>([...left].map((s) => [s, [0, 0]]));
    for (const [a, b] of pairs) {
      const from = d.get(a);
      const to = d.get(b);
      if (a === b || from === undefined || to === undefined) continue;
      from[0]++;
      to[1]++;
    }
    return d;
  };
  while (left.size > 0) {
    const d = degrees();
    let best: [number, number] | undefined;
    for (const [slot, [out, into]] of d) {
      const score = into === 0 ? Infinity : out === 0 ? -Infinity : out - into;
      if (best === undefined || score > best[1]) best = [slot, score];
    }
    if (best === undefined) break;
    const sink = best[1] === Infinity ? undefined : [...d].find(([, [out]]) => out === 0);
    const slot = sink?.[0] ?? best[0];
    left.delete(slot);
    if (sink === undefined) head.push(slot);
    else tail.unshift(slot);
  }
  return [...head, ...tail];
}

/** whole is every service, in columns from what nobody calls to what calls nobody. */
export function whole(graph: Graph): Picture {
  const slots = [...graph.serviceList()];
  const calls = [...graph.callList()];
  const { name, kind } = graph.services;
  const pairs = calls.map((c) => [graph.calls.from[c], graph.calls.to[c]] as const);
  const order = flowOrder(slots, pairs, (a, b) => kind[b] - kind[a] || compareText(name[a], name[b]));
  const place = new Map(order.map((s, i) => [s, i]));
  const forward = pairs.filter(([a, b]) => (place.get(a) ?? 0) < (place.get(b) ?? 0));
  const depth = new Map(slots.map((s) => [s, 0]));
  for (const s of order) for (const [a, b] of forward) if (a === s) depth.set(b, Math.max(depth.get(b) ?? 0, (depth.get(a) ?? 0) + 1));
  const called = new Set(forward.map(([, b]) => b));
  // What nobody calls moves next to what it calls; the user stays at the edge.
  for (const s of slots) {
    const next = forward.filter(([a]) => a === s).map(([, b]) => depth.get(b) ?? 0);
    if (!called.has(s) && kind[s] !== 4 && next.length > 0) depth.set(s, Math.min(...next) - 1);
  }
  const columns: Column[] = [];
  for (const s of slots.sort((a, b) => compareText(name[a], name[b]))) {
    const d = depth.get(s) ?? 0;
    columns[d] ??= { depth: d, slots: [], hidden: 0 };
    columns[d].slots.push(s);
  }
  return { focus: NONE, columns: columns.filter((c) => c !== undefined), calls };
}
