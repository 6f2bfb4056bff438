import { describe, expect, it } from 'vitest';
import { DARK, LIGHT, type Rgb } from '../src/render/palette';

// Machado, Oliveira and Fernandes (2009), severity 1, on linear light.
const BLINDNESS = {
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
} as const;

const linear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

function seenWith(kind: keyof typeof BLINDNESS, c: Rgb): number[] {
  const l = c.map(linear);
  return BLINDNESS[kind].map((row) => Math.min(1, Math.max(0, row[0] * l[0] + row[1] * l[1] + row[2] * l[2])));
}

/** The distance of two colours in CIE Lab: about 2 can just be told apart side by side. */
function distance(a: readonly number[], b: readonly number[]): number {
  const lab = (rgb: readonly number[]): number[] => {
    const [r, g, bl] = rgb;
    const f = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389 / 27 + 16) / 116);
    const x = f((0.4124 * r + 0.3576 * g + 0.1805 * bl) / 0.9505);
    const y = f(0.2126 * r + 0.7152 * g + 0.0722 * bl);
    const z = f((0.0193 * r + 0.1192 * g + 0.9505 * bl) / 1.089);
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
  };
  const [p, q] = [lab(a), lab(b)];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

/** Far enough to be told apart without a second look. */
const CLEAR = 18;
/** What the star leaves of a service that is not lit. */
const DIMMED = 0.2;

describe('colours that mean something', () => {
  for (const [name, theme] of [['dark', DARK], ['light', LIGHT]] as const) {
    for (const kind of Object.keys(BLINDNESS) as (keyof typeof BLINDNESS)[]) {
      const apart = (a: Rgb, b: Rgb): number => distance(seenWith(kind, a), seenWith(kind, b));

      it(`tell callers from callees: ${name}, ${kind}`, () => {
        expect(apart(theme.caller, theme.callee)).toBeGreaterThan(CLEAR);
      });

      it(`tell new from vanished, which are dashed as well: ${name}, ${kind}`, () => {
        expect(apart(theme.added, theme.removed)).toBeGreaterThan(CLEAR);
      });

      it(`tell degraded from failing, which have another halo as well: ${name}, ${kind}`, () => {
        expect(apart(theme.degraded, theme.failing)).toBeGreaterThan(CLEAR / 2);
      });

      // Amber means degraded at rest and caller in focus, where what is degraded
      // and not lit is dimmed. By hue nobody could tell the two; by brightness
      // everybody can.
      it(`tell a caller from a degraded service that is dimmed: ${name}, ${kind}`, () => {
        const dimmed = theme.background[0].map((paper, i) => paper + (theme.degraded[i] - paper) * DIMMED) as unknown as Rgb;
        expect(apart(theme.caller, dimmed)).toBeGreaterThan(CLEAR);
      });
    }
  }
});
