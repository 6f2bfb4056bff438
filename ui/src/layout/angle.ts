export const TAU = Math.PI * 2;

/** The same direction in (−π, π]. */
export function wrap(angle: number): number {
  let a = angle % TAU;
  if (a > Math.PI) a -= TAU;
  if (a <= -Math.PI) a += TAU;
  return a;
}

/** The same direction in [0, 2π). */
export function positive(angle: number): number {
  const a = angle % TAU;
  return a < 0 ? a + TAU : a;
}
