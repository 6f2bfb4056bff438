/** Where the names go. Pure geometry in screen pixels. */

export interface LabelAnchor {
  /** The label's number, given back in the result. */
  ref: number;
  /** Direction from the centre. */
  angle: number;
  /** Height the label takes. */
  height: number;
  width: number;
  /** When not all fit, the heaviest stay. */
  weight: number;
}

export interface Frame {
  width: number;
  height: number;
  /** Centre of the star. */
  cx: number;
  cy: number;
  /** Radius at which the leaders start. */
  radius: number;
  /** Free space kept at the top and at the bottom. */
  top: number;
  bottom: number;
}

export interface PlacedLabel {
  ref: number;
  /** Left or right of the star; text runs away from it. */
  side: 'left' | 'right';
  /** Where the text begins (right side) or ends (left side). */
  x: number;
  /** The middle of the text's height. */
  y: number;
  /** The leader: x and y of four points from the arc to the text. */
  leader: [number, number, number, number, number, number, number, number];
}

interface Item {
  anchor: LabelAnchor;
  wanted: number;
  y: number;
}

/** Pushes items apart within [low, high]; they are sorted by y and known to fit. */
export function separate(items: Item[], low: number, high: number): void {
  let edge = low;
  for (const it of items) {
    it.y = Math.max(it.wanted, edge + it.anchor.height / 2);
    edge = it.y + it.anchor.height / 2;
  }
  edge = high;
  for (let i = items.length - 1; i >= 0; i--) {
    const it = items[i];
    if (it.y + it.anchor.height / 2 <= edge) break;
    it.y = edge - it.anchor.height / 2;
    edge = it.y - it.anchor.height / 2;
  }
  relax(items, low, high);
}

/** Evens out: each item moves to the middle of what its neighbours leave, near to where it wants to be. */
function relax(items: Item[], low: number, high: number): void {
  for (let pass = 0; pass < 40; pass++) {
    let moved = 0;
    for (let i = 0; i < items.length; i++) {
      const half = items[i].anchor.height / 2;
      const above = i === 0 ? low : items[i - 1].y + items[i - 1].anchor.height / 2;
      const below = i === items.length - 1 ? high : items[i + 1].y - items[i + 1].anchor.height / 2;
      const y = Math.min(Math.max(items[i].wanted, above + half), below - half);
      moved = Math.max(moved, Math.abs(y - items[i].y));
      items[i].y = y;
    }
    if (moved < 0.25) return;
  }
}

function fitting(items: Item[], space: number): Item[] {
  const byWeight = [...items].sort((a, b) => b.anchor.weight - a.anchor.weight || a.anchor.ref - b.anchor.ref);
  const kept = new Set<Item>();
  let used = 0;
  for (const it of byWeight) {
    if (used + it.anchor.height > space) continue;
    used += it.anchor.height;
    kept.add(it);
  }
  return items.filter((it) => kept.has(it));
}

function leaderOf(it: Item, f: Frame, side: 1 | -1): PlacedLabel {
  const c = Math.cos(it.anchor.angle);
  const s = Math.sin(it.anchor.angle);
  const outer = f.radius + 30;
  const dy = it.y - f.cy;
  const rim = Math.sqrt(Math.max(0, outer * outer - Math.min(outer * outer, dy * dy)));
  const reach = Math.max(rim, Math.abs(c) * (outer - 6), 48);
  const most = (side > 0 ? f.width - f.cx : f.cx) - it.anchor.width - 20;
  const x1 = f.cx + side * Math.max(40, Math.min(reach, most));
  const x2 = x1 + side * 8;
  return {
    ref: it.anchor.ref, side: side > 0 ? 'right' : 'left', x: x2 + side * 6, y: it.y,
    leader: [f.cx + c * f.radius, f.cy + s * f.radius, f.cx + c * (f.radius + 9), f.cy + s * (f.radius + 9), x1, it.y, x2, it.y],
  };
}

/**
 * placeLabels puts labels left and right of the star so that none overlaps
 * another. What does not fit is left out, the lightest first.
 */
export function placeLabels(anchors: LabelAnchor[], f: Frame): PlacedLabel[] {
  const out: PlacedLabel[] = [];
  for (const side of [-1, 1] as const) {
    const mine = anchors.filter((a) => (Math.cos(a.angle) >= 0 ? 1 : -1) === side);
    const items = mine.map((anchor) => ({ anchor, wanted: f.cy + Math.sin(anchor.angle) * (f.radius + 28), y: 0 }));
    items.sort((a, b) => a.wanted - b.wanted || a.anchor.ref - b.anchor.ref);
    const kept = fitting(items, f.height - f.top - f.bottom);
    separate(kept, f.top, f.height - f.bottom);
    for (const it of kept) out.push(leaderOf(it, f, side));
  }
  return out;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PillAnchor {
  ref: number;
  /** The service, in pixels. */
  x: number;
  y: number;
  radius: number;
  width: number;
  height: number;
}

export interface PlacedPill extends Box {
  ref: number;
  /** Where the leader starts, at the rim of the service. */
  fromX: number;
  fromY: number;
}

export function overlaps(a: Box, b: Box, margin = 0): boolean {
  return a.x < b.x + b.width + margin && b.x < a.x + a.width + margin && a.y < b.y + b.height + margin && b.y < a.y + a.height + margin;
}

/**
 * placePills puts names beside services, towards the centre of the star, in
 * the given order; one that finds no free place is left out. blocked are
 * boxes to keep off.
 */
export function placePills(anchors: PillAnchor[], f: Frame, most: number, blocked: readonly Box[] = []): PlacedPill[] {
  const out: PlacedPill[] = [];
  for (const a of anchors) {
    if (out.length >= most) break;
    if (a.x < 0 || a.y < 0 || a.x > f.width || a.y > f.height) continue;
    const length = Math.hypot(a.x - f.cx, a.y - f.cy) || 1;
    const ux = (f.cx - a.x) / length;
    const uy = (f.cy - a.y) / length;
    for (const distance of [26, 44, 66]) {
      const mx = a.x + ux * (distance + a.radius) + ux * a.width * 0.5;
      const my = a.y + uy * (distance + a.radius) + uy * a.height * 0.5;
      const box = { x: mx - a.width / 2, y: my - a.height / 2, width: a.width, height: a.height };
      const inside = box.x >= 2 && box.y >= 2 && box.x + box.width <= f.width - 2 && box.y + box.height <= f.height - 2;
      if (!inside || out.some((o) => overlaps(o, box, 4)) || blocked.some((b) => overlaps(b, box, 4))) continue;
      out.push({ ref: a.ref, ...box, fromX: a.x + ux * a.radius, fromY: a.y + uy * a.radius });
      break;
    }
  }
  return out;
}

export interface NameAnchor extends Box {
  ref: number;
}

/** Names longer than this, in pixels, may be missed by the overlap test; callers cut them shorter. */
export const MAX_NAME_PX = 220;

/**
 * placeNames takes the boxes in the given order, leaving out those that would
 * overlap one already taken or one of blocked, and stops at most. Of several
 * boxes with one ref it takes the first that fits. Buckets of screen space keep
 * it linear.
 */
export function placeNames(anchors: readonly NameAnchor[], most: number, blocked: readonly Box[]): NameAnchor[] {
  const cell = MAX_NAME_PX;
  const buckets = new Map<number, Box[]>();
  const key = (column: number, row: number): number => column * 65536 + row;
  const columnOf = (x: number): number => Math.floor(x / cell) + 256;
  const rowOf = (y: number): number => Math.floor(y / cell) + 256;
  const add = (b: Box): void => {
    const k = key(columnOf(b.x), rowOf(b.y));
    const list = buckets.get(k);
    if (list === undefined) buckets.set(k, [b]);
    else list.push(b);
  };
  const free = (b: Box): boolean => {
    for (let c = columnOf(b.x) - 1; c <= columnOf(b.x) + 1; c++) {
      for (let r = rowOf(b.y) - 1; r <= rowOf(b.y) + 1; r++) {
        if (buckets.get(key(c, r))?.some((o) => overlaps(o, b, 1)) === true) return false;
      }
    }
    return true;
  };
  blocked.forEach(add);
  const out: NameAnchor[] = [];
  const named = new Set<number>();
  for (const a of anchors) {
    if (out.length >= most) break;
    if (named.has(a.ref) || !free(a)) continue;
    named.add(a.ref);
    add(a);
    out.push(a);
  }
  return out;
}
