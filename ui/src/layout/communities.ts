/**
 * Communities: sets of services that call each other more than others, found by
 * moving each service to the set where it adds most to the modularity, then
 * doing the same with whole sets (Louvain). Services are taken in the order of
 * their names and ties go to the smaller number, so that the same graph has the
 * same communities.
 *
 * Users and external services belong to none: they would tie sets together.
 */
import { atRim } from './force';

export interface CommunityInput {
  high: number;
  alive: Uint8Array;
  /** Index into SERVICE_KINDS. */
  kind: Uint8Array;
  nameRank: Uint32Array;
  /** Calls, by slots. */
  from: Uint32Array;
  to: Uint32Array;
}

/** A service that is in no community. */
export const NO_COMMUNITY = 0xffffffff;

const MAX_PASSES = 20;
const MAX_LEVELS = 8;

/** An undirected weighted graph: the neighbours of node i are list[start[i]] up to list[start[i+1]]. */
interface Net {
  n: number;
  start: Uint32Array;
  list: Uint32Array;
  weight: Float64Array;
  /** Twice the weight within a node. */
  own: Float64Array;
}

function netOf(n: number, links: ReadonlyMap<number, number>, own: Float64Array): Net {
  const start = new Uint32Array(n + 1);
  for (const key of links.keys()) {
    start[Math.floor(key / n) + 1]++;
    start[(key % n) + 1]++;
  }
  for (let i = 0; i < n; i++) start[i + 1] += start[i];
  const at = start.slice();
  const list = new Uint32Array(start[n]);
  const weight = new Float64Array(start[n]);
  for (const [key, w] of links) {
    const a = Math.floor(key / n);
    const b = key % n;
    list[at[a]] = b;
    weight[at[a]++] = w;
    list[at[b]] = a;
    weight[at[b]++] = w;
  }
  return { n, start, list, weight, own };
}

/** Moves nodes between sets while the modularity rises. Null: nothing moved. */
function move(net: Net): Uint32Array | null {
  const { n, start, list, weight, own } = net;
  const set = Uint32Array.from({ length: n }, (_, i) => i);
  const degree = Float64Array.from({ length: n }, (_, i) => weight.subarray(start[i], start[i + 1]).reduce((a, b) => a + b, own[i]));
  const total = degree.slice();
  const all = degree.reduce((a, b) => a + b, 0);
  if (all === 0) return null;
  const toSet = new Float64Array(n);
  let moved = false;
  for (let pass = 0, better = true; better && pass < MAX_PASSES; pass++) {
    better = false;
    for (let i = 0; i < n; i++) {
      const near = new Set([set[i]]);
      for (let k = start[i]; k < start[i + 1]; k++) {
        toSet[set[list[k]]] += weight[k];
        near.add(set[list[k]]);
      }
      total[set[i]] -= degree[i];
      const gain = (s: number): number => toSet[s] - (total[s] * degree[i]) / all;
      let best = set[i];
      for (const s of near) if (gain(s) > gain(best) + 1e-9 || (gain(s) > gain(best) - 1e-9 && s < best)) best = s;
      if (gain(best) <= gain(set[i]) + 1e-9) best = set[i];
      total[best] += degree[i];
      if (best !== set[i]) {
        set[i] = best;
        better = true;
        moved = true;
      }
      for (const s of near) toSet[s] = 0;
    }
  }
  return moved ? set : null;
}

/** The sets as nodes of a smaller net; set is renumbered in place. */
function gather(net: Net, set: Uint32Array): Net {
  const number = new Map<number, number>();
  for (let i = 0; i < net.n; i++) {
    if (!number.has(set[i])) number.set(set[i], number.size);
    set[i] = number.get(set[i]) ?? 0;
  }
  const n = number.size;
  const own = new Float64Array(n);
  const links = new Map<number, number>();
  for (let i = 0; i < net.n; i++) {
    own[set[i]] += net.own[i];
    for (let k = net.start[i]; k < net.start[i + 1]; k++) {
      const a = set[i];
      const b = set[net.list[k]];
      if (a === b) own[a] += net.weight[k];
      else if (a < b) links.set(a * n + b, (links.get(a * n + b) ?? 0) + net.weight[k]);
    }
  }
  return netOf(n, links, own);
}

/** communitiesOf gives each slot the slot of its community's head: the member with most neighbours. */
export function communitiesOf(input: CommunityInput): Uint32Array<ArrayBuffer> {
  const slots = Array.from({ length: input.high }, (_, i) => i).filter((i) => input.alive[i] === 1 && !atRim(input.kind[i]))
    .sort((a, b) => input.nameRank[a] - input.nameRank[b]);
  const n = slots.length;
  const number = new Int32Array(input.high).fill(-1);
  slots.forEach((slot, i) => { number[slot] = i; });
  const links = new Map<number, number>();
  for (let c = 0; c < input.from.length; c++) {
    const a = number[input.from[c]];
    const b = number[input.to[c]];
    if (a >= 0 && b >= 0 && a !== b) links.set(Math.min(a, b) * n + Math.max(a, b), 1);
  }
  const base = netOf(n, links, new Float64Array(n));
  const member = Uint32Array.from({ length: n }, (_, i) => i);
  let net = base;
  for (let level = 0; level < MAX_LEVELS; level++) {
    const set = move(net);
    if (set === null) break;
    net = gather(net, set);
    for (let i = 0; i < n; i++) member[i] = set[member[i]];
  }
  const degree = (i: number): number => base.start[i + 1] - base.start[i];
  const head = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    const before = head.get(member[i]);
    if (before === undefined || degree(i) > degree(before)) head.set(member[i], i);
  }
  const out = new Uint32Array(input.high).fill(NO_COMMUNITY);
  for (let i = 0; i < n; i++) if (degree(i) > 0) out[slots[i]] = slots[head.get(member[i]) ?? i];
  return out;
}
