/** A tree of squares over points with masses, to sum up what is far away (Barnes and Hut). */

/** Squares are divided no further than this; points closer than that share a leaf. */
const MAX_DEPTH = 24;
/** A square counts as one point when it is smaller than this share of its distance. */
const THETA = 0.9;

export class QuadTree {
  /** Four children a square; −1: none. */
  private children: Int32Array;
  private mass: Float64Array;
  private mx: Float64Array;
  private my: Float64Array;
  private size: Float64Array;
  private cx: Float64Array;
  private cy: Float64Array;
  private count = 0;
  private stack: Int32Array;

  constructor(points: number) {
    const room = Math.max(64, points * 3);
    this.children = new Int32Array(room * 4);
    this.mass = new Float64Array(room);
    this.mx = new Float64Array(room);
    this.my = new Float64Array(room);
    this.size = new Float64Array(room);
    this.cx = new Float64Array(room);
    this.cy = new Float64Array(room);
    this.stack = new Int32Array(MAX_DEPTH * 4 + 8);
  }

  private node(cx: number, cy: number, size: number): number {
    if (this.count >= this.mass.length) this.grow();
    const n = this.count++;
    this.children.fill(-1, n * 4, n * 4 + 4);
    this.mass[n] = 0;
    this.mx[n] = 0;
    this.my[n] = 0;
    this.size[n] = size;
    this.cx[n] = cx;
    this.cy[n] = cy;
    return n;
  }

  private grow(): void {
    const wider = (a: Float64Array): Float64Array => {
      const b = new Float64Array(a.length * 2);
      b.set(a);
      return b;
    };
    const children = new Int32Array(this.children.length * 2);
    children.set(this.children);
    this.children = children;
    for (const key of ['mass', 'mx', 'my', 'size', 'cx', 'cy'] as const) this[key] = wider(this[key]);
  }

  /** Builds the tree over points 0 to n−1. */
  build(x: Float64Array, y: Float64Array, mass: Float64Array, n: number): void {
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < n; i++) {
      low = Math.min(low, x[i], y[i]);
      high = Math.max(high, x[i], y[i]);
    }
    this.count = 0;
    this.node((low + high) / 2, (low + high) / 2, Math.max(1, high - low));
    for (let i = 0; i < n; i++) this.insert(x[i], y[i], mass[i]);
    for (let k = 0; k < this.count; k++) {
      if (this.mass[k] === 0) continue;
      this.mx[k] /= this.mass[k];
      this.my[k] /= this.mass[k];
    }
  }

  private quarter(k: number, x: number, y: number): number {
    return (x >= this.cx[k] ? 1 : 0) + (y >= this.cy[k] ? 2 : 0);
  }

  private child(k: number, q: number): number {
    const known = this.children[k * 4 + q];
    if (known >= 0) return known;
    const half = this.size[k] / 4;
    const made = this.node(this.cx[k] + (q & 1 ? half : -half), this.cy[k] + (q & 2 ? half : -half), this.size[k] / 2);
    this.children[k * 4 + q] = made;
    return made;
  }

  private add(k: number, x: number, y: number, m: number): void {
    this.mass[k] += m;
    this.mx[k] += x * m;
    this.my[k] += y * m;
  }

  private leaf(k: number): boolean {
    const c = this.children;
    return c[k * 4] < 0 && c[k * 4 + 1] < 0 && c[k * 4 + 2] < 0 && c[k * 4 + 3] < 0;
  }

  private insert(x: number, y: number, m: number): void {
    let k = 0;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      if (this.leaf(k)) {
        if (this.mass[k] === 0) break;
        // The one that lies here moves a square down.
        const ox = this.mx[k] / this.mass[k];
        const oy = this.my[k] / this.mass[k];
        this.add(this.child(k, this.quarter(k, ox, oy)), ox, oy, this.mass[k]);
      }
      this.add(k, x, y, m);
      k = this.child(k, this.quarter(k, x, y));
    }
    this.add(k, x, y, m);
  }

  /** Adds to out (x, y) the sum over all others of mass·d/|d|², d from the other to (x, y). */
  repel(x: number, y: number, out: Float64Array): void {
    let top = 0;
    const { stack, children } = this;
    stack[top++] = 0;
    while (top > 0) {
      const k = stack[--top];
      const m = this.mass[k];
      if (m === 0) continue;
      const dx = x - this.mx[k];
      const dy = y - this.my[k];
      const d2 = dx * dx + dy * dy;
      const s = this.size[k];
      if (s * s < THETA * THETA * d2 || this.leaf(k)) {
        if (d2 < 1e-9) continue;
        const f = m / Math.max(d2, 1);
        out[0] += dx * f;
        out[1] += dy * f;
        continue;
      }
      for (let q = 0; q < 4; q++) if (children[k * 4 + q] >= 0) stack[top++] = children[k * 4 + q];
    }
  }
}
