import type { Graph } from './graph';

/** More paths than this nobody reads. */
export const MAX_PATHS = 12;
/** Beside the shortest, longer ones are listed until there are so many, none longer by more calls than this. */
const WITH_LONGER = 6;
const LONGER_BY = 2;
/** Paths of more calls than this are not looked for. */
const MAX_LENGTH = 16;

/** Slots of services, from the first to the last. */
export type Path = readonly number[];

/** For each slot the slots that it calls, each once, without those that may not be passed. */
function neighbours(graph: Graph, mayPass: (slot: number) => boolean): Map<number, number[]> {
  const out = new Map<number, Set<number>>();
  const { from, to } = graph.calls;
  for (const c of graph.presentCalls()) {
    if (from[c] === to[c] || !mayPass(from[c]) || !mayPass(to[c])) continue;
    let set = out.get(from[c]);
    if (set === undefined) out.set(from[c], set = new Set());
    set.add(to[c]);
  }
  const name = graph.services.name;
  // In order of names, so that the answer does not depend on the order of arrival.
  return new Map([...out].map(([k, v]) => [k, [...v].sort((a, b) => (name[a] < name[b] ? -1 : 1))]));
}

/** One shortest path that avoids some services and some first steps, or null. */
function shortest(next: Map<number, number[]>, from: number, to: number, avoid: ReadonlySet<number>, notFirst: ReadonlySet<number>): number[] | null {
  const before = new Map<number, number>([[from, from]]);
  let ring = [from];
  for (let length = 0; ring.length > 0 && length < MAX_LENGTH; length++) {
    const outer: number[] = [];
    for (const a of ring) {
      for (const b of next.get(a) ?? []) {
        if (before.has(b) || avoid.has(b) || (a === from && notFirst.has(b))) continue;
        before.set(b, a);
        if (b === to) return trace(before, from, to);
        outer.push(b);
      }
    }
    ring = outer;
  }
  return null;
}

function trace(before: ReadonlyMap<number, number>, from: number, to: number): number[] {
  const path = [to];
  for (let at = to; at !== from;) {
    at = before.get(at) ?? from;
    path.push(at);
  }
  return path.reverse();
}

/**
 * pathsBetween lists loopless paths along calls, the shortest first (Yen's
 * algorithm). mayPass says which services may lie between the ends. At most
 * MAX_PATHS: all of the shortest if there are no more, then some that are little longer.
 */
export function pathsBetween(graph: Graph, from: number, to: number, mayPass: (slot: number) => boolean): Path[] {
  if (from === to) return [];
  const next = neighbours(graph, (slot) => slot === from || slot === to || mayPass(slot));
  const first = shortest(next, from, to, new Set(), new Set());
  if (first === null) return [];
  const found: number[][] = [first];
  const waiting = new Map<string, number[]>();
  while (found.length < MAX_PATHS) {
    const last = found[found.length - 1];
    for (let i = 0; i < last.length - 1 && i < MAX_LENGTH; i++) {
      const root = last.slice(0, i + 1);
      const taken = found.filter((p) => root.every((slot, k) => p[k] === slot)).map((p) => p[i + 1]);
      const rest = shortest(next, last[i], to, new Set(root.slice(0, -1)), new Set(taken));
      if (rest === null) continue;
      const path = [...root.slice(0, -1), ...rest];
      if (path.length - 1 <= MAX_LENGTH) waiting.set(path.join(), path);
    }
    const best = [...waiting].sort(([, a], [, b]) => a.length - b.length || compare(graph, a, b))[0];
    if (best === undefined) break;
    const longer = best[1].length - first.length;
    if (longer > LONGER_BY || (longer > 0 && found.length >= WITH_LONGER)) break;
    waiting.delete(best[0]);
    found.push(best[1]);
  }
  return found;
}

function compare(graph: Graph, a: Path, b: Path): number {
  const name = graph.services.name;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return name[a[i]] < name[b[i]] ? -1 : 1;
  return 0;
}
