/** Which part of the matrix is seen, and how large. Pure; pixels of the view. */

export interface Lens {
  /** Pixels a cell. */
  size: number;
  /** Where the first cell begins. */
  x: number;
  y: number;
}

export interface Area {
  width: number;
  height: number;
  /** Kept free for names. */
  left: number;
  top: number;
}

const MAX_CELL = 44;
/** Fitted cells are no larger than this. */
const FIT_CELL = 34;
const PAD = 22;

/** The lens that shows all n × n cells. */
export function fitLens(a: Area, n: number): Lens {
  const free = Math.max(10, Math.min(a.width - a.left - PAD, a.height - a.top - PAD));
  const size = Math.min(FIT_CELL, free / Math.max(1, n));
  return { size, x: a.left + (a.width - a.left - PAD - size * n) / 2, y: a.top + Math.max(0, (a.height - a.top - PAD - size * n) / 2) };
}

/** Keeps the cells in sight: no free space beside them where there need be none. */
export function clampLens(l: Lens, a: Area, n: number): Lens {
  const side = (at: number, low: number, high: number): number => {
    const total = l.size * n;
    const free = high - low;
    if (total <= free) return low + (free - total) / 2;
    return Math.max(high - total, Math.min(low, at));
  };
  return { size: l.size, x: side(l.x, a.left, a.width - PAD), y: side(l.y, a.top, a.height - PAD) };
}

/** Zooms so that what lies under a point stays there. */
export function zoomLens(l: Lens, factor: number, px: number, py: number, a: Area, n: number): Lens {
  const least = fitLens(a, n).size;
  const size = Math.max(least, Math.min(Math.max(MAX_CELL, least), l.size * factor));
  const k = size / l.size;
  return clampLens({ size, x: px + (l.x - px) * k, y: py + (l.y - py) * k }, a, n);
}

/** The place under a pixel along one side: a whole number, in 0 … n−1 or outside. */
export function placeAt(origin: number, size: number, pixel: number): number {
  return Math.floor((pixel - origin) / size);
}
