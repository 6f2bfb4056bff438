/**
 * The path of a chord, as the vertex shader draws it (render/shaders.ts holds
 * the same formulas): one Bézier of degree 5 through service, gate, trunk,
 * trunk, gate, service.
 */
import { wrap } from './angle';

export interface CurveSettings {
  /** Radius of the innermost row. */
  inner: number;
  /** How far chords are drawn to their gate, 0 to 1. */
  bundling: number;
  /** How far the two directions between a pair keep apart, in world units. */
  spread: number;
  /** 0: bundled through the gates; 1: nearly straight from end to end. */
  straight: number;
}

export interface GateAngles {
  gate: number;
  trunk: number;
  /** Number of the gate. */
  id: number;
}

function smooth(low: number, high: number, x: number): number {
  const t = Math.max(0, Math.min(1, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** A straight call bows by this share of its length, so that the two directions between a pair are apart. */
const BOW = 0.1;
/** Angle and reach of the inner points of the loop of a call to itself, away from the middle. */
const LOOP: readonly (readonly [number, number])[] = [[-0.6, 34], [-0.35, 58], [0.35, 58], [0.6, 34]];

/** Moves the inner points towards the nearly straight line. */
function straighten(out: Float64Array, ax: number, ay: number, bx: number, by: number, straight: number): void {
  if (straight <= 0) return;
  const self = ax === bx && ay === by;
  const away = Math.atan2(ay, ax);
  for (let i = 1; i <= 4; i++) {
    const t = i / 5;
    const bow = i === 1 || i === 4 ? BOW * 0.6 : BOW;
    const [turn, reach] = LOOP[i - 1];
    const x = self ? ax + Math.cos(away + turn) * reach : ax + (bx - ax) * t - (by - ay) * bow;
    const y = self ? ay + Math.sin(away + turn) * reach : ay + (by - ay) * t + (bx - ax) * bow;
    out[i * 2] = mix(out[i * 2], x, straight);
    out[i * 2 + 1] = mix(out[i * 2 + 1], y, straight);
  }
}

/** The six control points, x and y in turn. */
export function controlPoints(ax: number, ay: number, bx: number, by: number, a: GateAngles, b: GateAngles, s: CurveSettings): Float64Array {
  const out = bundled(ax, ay, bx, by, a, b, s);
  straighten(out, ax, ay, bx, by, s.straight);
  return out;
}

function bundled(ax: number, ay: number, bx: number, by: number, a: GateAngles, b: GateAngles, s: CurveSettings): Float64Array {
  const ta = Math.atan2(ay, ax);
  const tb = Math.atan2(by, bx);
  const out = new Float64Array(12);
  const polar = (i: number, angle: number, radius: number): void => {
    out[i * 2] = Math.cos(angle) * radius;
    out[i * 2 + 1] = Math.sin(angle) * radius;
  };
  out.set([ax, ay]);
  out.set([bx, by], 10);
  if (ax === bx && ay === by) {
    const wide = 0.09;
    polar(1, ta - wide, s.inner * 0.9);
    polar(2, ta - wide, s.inner * 0.78);
    polar(3, ta + wide, s.inner * 0.78);
    polar(4, ta + wide, s.inner * 0.9);
    return out;
  }
  const apart = Math.abs(wrap(ta - tb));
  const between = Math.abs(wrap(a.gate - b.gate)) / Math.PI;
  const same = a.id === b.id;
  const ga = same ? ta : ta + s.bundling * wrap(a.gate - ta);
  const gb = same ? tb : tb + s.bundling * wrap(b.gate - tb);
  const depth = same ? 0.93 - 0.45 * Math.min(1, apart * 1.4) : mix(0.8, 0.06, smooth(0, 0.62, between));
  const gate = same ? 0.96 : mix(0.9, 0.66, smooth(0, 0.4, between));
  const pull = same ? 0 : 0.55 * s.bundling;
  polar(1, ga, s.inner * gate);
  polar(2, ga + pull * wrap(a.trunk - ga), s.inner * depth);
  polar(3, gb + pull * wrap(b.trunk - gb), s.inner * depth);
  polar(4, gb, s.inner * gate);
  const length = Math.hypot(bx - ax, by - ay);
  const nx = (-(by - ay) / length) * s.spread;
  const ny = ((bx - ax) / length) * s.spread;
  for (const i of [2, 3]) {
    out[i * 2] += nx;
    out[i * 2 + 1] += ny;
  }
  return out;
}

/** The point of the curve at t, 0 to 1. */
export function curvePoint(p: Float64Array, t: number): [number, number] {
  const u = 1 - t;
  const u2 = u * u;
  const t2 = t * t;
  const w = [u2 * u2 * u, 5 * u2 * u2 * t, 10 * u2 * u * t2, 10 * u2 * t2 * t, 5 * u * t2 * t2, t2 * t2 * t];
  let x = 0;
  let y = 0;
  for (let i = 0; i < 6; i++) {
    x += w[i] * p[i * 2];
    y += w[i] * p[i * 2 + 1];
  }
  return [x, y];
}

/** How strongly a fleet of this size is bundled, and how far directions keep apart. */
export function curveSettings(inner: number, services: number): CurveSettings {
  if (services <= 30) return { inner, bundling: 0.3, spread: 12, straight: 0 };
  if (services <= 60) return { inner, bundling: 0.5, spread: 8, straight: 0 };
  if (services <= 500) return { inner, bundling: 0.86, spread: 2, straight: 0 };
  return { inner, bundling: 0.95, spread: 0, straight: 0 };
}
