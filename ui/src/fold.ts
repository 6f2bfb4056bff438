/** Folded groups: all services of one stand at one place, as one circle with the group's figures. Pure. */
import type { StarInput, StarLayout } from './layout/star';
import type { Graph } from './model/graph';
import { compareText, type Grouping } from './model/groups';

/** A service that stands for itself. */
export const UNFOLDED = -1;

/** For each slot the service that stands for its folded group, or UNFOLDED. It is the one whose name comes first. */
export function foldsOf(graph: Graph, grouping: Grouping, keys: readonly string[]): Int32Array<ArrayBuffer> {
  const heads = new Int32Array(graph.serviceHigh).fill(UNFOLDED);
  const folded = new Set(keys);
  if (folded.size === 0) return heads;
  const head = new Map<number, number>();
  const { name } = graph.services;
  const isFolded = (slot: number): boolean => folded.has(grouping.groups[grouping.of[slot]]?.key ?? '');
  for (const i of graph.serviceList()) {
    if (!isFolded(i)) continue;
    const before = head.get(grouping.of[i]);
    if (before === undefined || compareText(name[i], name[before]) < 0) head.set(grouping.of[i], i);
  }
  for (const i of graph.serviceList()) if (isFolded(i)) heads[i] = head.get(grouping.of[i]) ?? UNFOLDED;
  return heads;
}

/** The service stands for a folded group. */
export function isHead(heads: Int32Array, slot: number): boolean {
  return heads[slot] === slot;
}

/** The service is within a folded group that another stands for. */
export function isWithin(heads: Int32Array, slot: number): boolean {
  return slot < heads.length && heads[slot] !== UNFOLDED && heads[slot] !== slot;
}

/** The services with those of folded groups taken for their heads. */
export function foldSet(slots: ReadonlySet<number>, heads: Int32Array): Set<number> {
  return new Set([...slots].map((i) => (i < heads.length && heads[i] !== UNFOLDED ? heads[i] : i)));
}

/** The request without what is within folded groups; their calls are those of the heads. */
export function foldInput(input: StarInput, heads: Int32Array): StarInput {
  const alive = input.alive.slice();
  for (let i = 0; i < input.high; i++) if (isWithin(heads, i)) alive[i] = 0;
  const end = (slot: number): number => (heads[slot] === UNFOLDED ? slot : heads[slot]);
  const kept: [number, number][] = [];
  for (let c = 0; c < input.from.length; c++) {
    const [a, b] = [end(input.from[c]), end(input.to[c])];
    if (a !== b || input.from[c] === input.to[c]) kept.push([a, b]);
  }
  return { ...input, alive, from: Uint32Array.from(kept, (k) => k[0]), to: Uint32Array.from(kept, (k) => k[1]) };
}

/** The layout in which what is within folded groups stands where their heads do. */
export function spreadFold(layout: StarLayout, heads: Int32Array): StarLayout {
  const { x, y, row, gate, room } = layout;
  for (let i = 0; i < Math.min(x.length, heads.length); i++) {
    if (!isWithin(heads, i)) continue;
    const h = heads[i];
    x[i] = x[h];
    y[i] = y[h];
    row[i] = row[h];
    gate[i] = gate[h];
    room[i] = room[h];
  }
  return layout;
}
