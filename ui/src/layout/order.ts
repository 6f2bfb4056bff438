/** The order of the services of a small star, chosen so that chords are short and cross little. */
import { wrap } from './angle';

const MAX_PASSES = 8;
/** Crossings are counted pair by pair; beyond this many calls only lengths count. */
const MAX_CROSSING_CALLS = 160;
const CROSSING_COST = 0.35;

function crosses(a: number, b: number, c: number, d: number): boolean {
  if (a === c || a === d || b === c || b === d) return false;
  const [low, high] = a < b ? [a, b] : [b, a];
  const inC = c > low && c < high;
  const inD = d > low && d < high;
  return inC !== inD;
}

function costOf(angle: Float64Array, from: ArrayLike<number>, to: ArrayLike<number>): number {
  let cost = 0;
  for (let i = 0; i < from.length; i++) cost += Math.abs(wrap(angle[from[i]] - angle[to[i]]));
  if (from.length > MAX_CROSSING_CALLS) return cost;
  for (let i = 0; i < from.length; i++) {
    for (let j = i + 1; j < from.length; j++) {
      if (crosses(angle[from[i]], angle[to[i]], angle[from[j]], angle[to[j]])) cost += CROSSING_COST;
    }
  }
  return cost;
}

/**
 * orderSmall improves the given order of each group by exchanging two
 * services of a group while that lowers the cost. Deterministic, and bounded
 * by MAX_PASSES. The lists are changed in place and returned.
 */
export function orderSmall(
  members: number[][], angleOf: (group: number, place: number) => number, from: ArrayLike<number>, to: ArrayLike<number>, high: number,
): number[][] {
  const angle = new Float64Array(high);
  members.forEach((list, g) => list.forEach((slot, i) => { angle[slot] = angleOf(g, i); }));
  let best = costOf(angle, from, to);
  const swap = (list: number[], g: number, i: number, j: number): void => {
    [list[i], list[j]] = [list[j], list[i]];
    angle[list[i]] = angleOf(g, i);
    angle[list[j]] = angleOf(g, j);
  };
  for (let pass = 0, better = true; better && pass < MAX_PASSES; pass++) {
    better = false;
    members.forEach((list, g) => {
      for (let i = 0; i < list.length; i++) {
        for (let j = i + 1; j < list.length; j++) {
          swap(list, g, i, j);
          const cost = costOf(angle, from, to);
          if (cost < best - 1e-9) {
            best = cost;
            better = true;
          } else {
            swap(list, g, i, j);
          }
        }
      }
    });
  }
  return members;
}
