/** The comets: which calls have how many, where they start, how fast they go. */

export interface Comets {
  count: number;
  call: Uint32Array<ArrayBuffer>;
  role: Uint8Array<ArrayBuffer>;
  /** Three values each: phase, turns in 600 s (whole, so that time may wrap), lot 0 to 1. */
  motion: Float32Array<ArrayBuffer>;
}

/** Seconds after which the time of the shader starts anew. */
export const COMET_PERIOD_S = 600;

/** A number in [0, 1) that depends on nothing but its arguments. */
export function lot(a: number, b: number): number {
  let h = Math.imul(a + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

/**
 * makeComets gives each call comets in step with its weight, the first calls
 * first, at most limit in all. Calls of weight 0 have none. roles is in step
 * with order, or null when all are plain.
 */
export function makeComets(order: ArrayLike<number>, weight: (call: number) => number, limit: number, perCall: number, roles: ArrayLike<number> | null): Comets {
  const call = new Uint32Array(limit);
  const role = new Uint8Array(limit);
  const motion = new Float32Array(limit * 3);
  let n = 0;
  for (let i = 0; i < order.length && n < limit; i++) {
    const w = weight(order[i]);
    if (w <= 0) continue;
    const many = Math.max(1, Math.round(w * w * perCall));
    const turns = Math.round(COMET_PERIOD_S * (0.06 + 0.1 * w));
    const start = lot(order[i], 1);
    for (let k = 0; k < many && n < limit; k++, n++) {
      call[n] = order[i];
      role[n] = roles === null ? 0 : roles[i];
      motion.set([(start + k / many + lot(order[i], k + 2) * (0.35 / many)) % 1, turns, lot(order[i], k + 77)], n * 3);
    }
  }
  return { count: n, call, role, motion };
}
