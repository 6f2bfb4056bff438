/** The order of services along both sides of the matrix, and what runs between their groups. Pure. */
import type { Graph } from '../model/graph';
import { compareText, type Grouping } from '../model/groups';

export interface Axis {
  /** Slots in order. */
  slots: Uint32Array;
  /** For each slot its place, or −1. */
  at: Int32Array;
  /** For each group where it begins; one more at the end. */
  starts: Uint32Array;
}

/** axisOf puts services by group, in the order of the ring, the busiest of a group first. */
export function axisOf(graph: Graph, grouping: Grouping): Axis {
  const { bucket, name } = graph.services;
  const slots = Uint32Array.from(graph.serviceList());
  slots.sort((a, b) => grouping.of[a] - grouping.of[b] || bucket[b] - bucket[a] || compareText(name[a], name[b]));
  const at = new Int32Array(graph.serviceHigh).fill(-1);
  const starts = new Uint32Array(grouping.groups.length + 1).fill(slots.length);
  slots.forEach((slot, i) => {
    at[slot] = i;
    const g = grouping.of[slot];
    if (starts[g] > i) starts[g] = i;
  });
  for (let g = grouping.groups.length - 1; g >= 0; g--) starts[g] = Math.min(starts[g], starts[g + 1]);
  return { slots, at, starts };
}

/** The group at a place of the axis, or −1. */
export function groupAt(axis: Axis, place: number): number {
  if (place < 0 || place >= axis.slots.length) return -1;
  let low = 0;
  let high = axis.starts.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (axis.starts[middle] <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The slot of the busiest call between two services, or −1. */
export function callBetween(graph: Graph, from: number, to: number): number {
  let best = -1;
  for (const c of graph.callsFrom(from)) {
    if (graph.calls.to[c] === to && (best < 0 || graph.calls.rate[c] > graph.calls.rate[best])) best = c;
  }
  return best;
}
