import { describe, expect, it } from 'vitest';
import { numbers } from '../mock/fleet';
import { overlaps, placeLabels, placeNames, placePills, type Frame, type LabelAnchor, type PillAnchor, type NameAnchor } from '../src/layout/labels';
import { OUTER, layoutStar, type StarInput } from '../src/layout/star';

/** A star of services in groups, with a heavy tail of traffic; slots in random order of groups. */
function input(services: number, groups: number, seed = 5): StarInput {
  const random = numbers(seed);
  const group = new Uint16Array(services);
  const bucket = new Int8Array(services);
  for (let i = 0; i < services; i++) {
    group[i] = Math.floor(random() ** 2 * groups);
    bucket[i] = Math.floor(12 * random() ** 3);
  }
  const calls = services * 4;
  const from = new Uint32Array(calls);
  const to = new Uint32Array(calls);
  for (let i = 0; i < calls; i++) {
    from[i] = Math.floor(random() * services);
    to[i] = Math.floor(random() ** 2 * services);
  }
  const groupParent = Uint16Array.from({ length: groups }, (_, g) => Math.floor(g / 4));
  const groupHue = Uint8Array.from({ length: groups }, (_, g) => Math.floor(g / 4) % 8);
  return {
    high: services, alive: new Uint8Array(services).fill(1), group, bucket,
    nameRank: Uint32Array.from({ length: services }, (_, i) => i), from, to, groupParent, groupHue,
  };
}

function copy(i: StarInput): StarInput {
  return { ...i, alive: i.alive.slice(), group: i.group.slice(), bucket: i.bucket.slice(), nameRank: i.nameRank.slice(), from: i.from.slice(), to: i.to.slice() };
}

describe('the layout of the star', () => {
  for (const [services, groups] of [[1, 1], [14, 5], [200, 12], [2000, 40]] as const) {
    it(`puts ${services} services on the ring, no two on one place, and does it the same each time`, () => {
      const a = layoutStar(input(services, groups));
      const b = layoutStar(input(services, groups));
      expect(b).toEqual(a);
      const places = new Set<string>();
      for (let i = 0; i < services; i++) {
        const r = Math.hypot(a.x[i], a.y[i]);
        expect(r).toBeGreaterThanOrEqual(a.inner - 1);
        expect(r).toBeLessThan(OUTER);
        places.add(`${a.x[i].toFixed(2)},${a.y[i].toFixed(2)}`);
      }
      expect(places.size).toBe(services);
      expect(a.services).toBe(services);
    });
  }

  it('leaves out services that are gone', () => {
    const some = input(200, 12);
    some.alive[7] = 0;
    expect(layoutStar(some).services).toBe(199);
  });

  it('puts the busiest services of a group on the inner rows', () => {
    const many = input(2000, 40);
    const star = layoutStar(many);
    const mean = (rows: number[]): number => rows.reduce((s, r) => s + r, 0) / rows.length;
    const rowsOf = (busy: boolean): number[] => [...many.bucket.keys()].filter((i) => (many.bucket[i] >= 6) === busy).map((i) => star.row[i]);
    expect(mean(rowsOf(true))).toBeLessThan(mean(rowsOf(false)));
  });

  it('moves the others little when one service in a hundred is added', () => {
    const before = input(2020, 40);
    const more = copy(before);
    for (let i = 2000; i < 2020; i++) before.alive[i] = 0;
    const a = layoutStar(before);
    const b = layoutStar(more);
    let moved = 0;
    for (let i = 0; i < 2000; i++) moved += Math.hypot(a.x[i] - b.x[i], a.y[i] - b.y[i]);
    expect(moved / 2000).toBeLessThan(0.05 * 2 * OUTER);
  });
});

describe('labels', () => {
  const frame: Frame = { width: 1200, height: 900, cx: 600, cy: 450, radius: 320, top: 20, bottom: 20 };

  it('never overlap and stay inside, however many there are', () => {
    const random = numbers(3);
    for (const n of [1, 5, 24, 60, 200]) {
      const anchors: LabelAnchor[] = Array.from({ length: n }, (_, ref) => ({ ref, angle: random() * 2 * Math.PI, height: 30, width: 90, weight: random() }));
      const placed = placeLabels(anchors, frame);
      for (const side of ['left', 'right']) {
        const ys = placed.filter((p) => p.side === side).map((p) => p.y).sort((a, b) => a - b);
        for (let i = 1; i < ys.length; i++) expect(ys[i] - ys[i - 1]).toBeGreaterThanOrEqual(30 - 1e-6);
        for (const y of ys) {
          expect(y).toBeGreaterThanOrEqual(frame.top + 15 - 1e-6);
          expect(y).toBeLessThanOrEqual(frame.height - frame.bottom - 15 + 1e-6);
        }
      }
      if (n <= 24) expect(placed.length).toBe(n);
    }
  });

  it('give way by weight', () => {
    const anchors: LabelAnchor[] = Array.from({ length: 100 }, (_, ref) => ({ ref, angle: 0, height: 30, width: 90, weight: ref }));
    const kept = placeLabels(anchors, frame).map((p) => p.ref);
    expect(Math.min(...kept)).toBe(100 - kept.length);
  });
});

describe('pills', () => {
  it('never overlap each other or what is blocked, and are at most so many', () => {
    const random = numbers(9);
    const frame: Frame = { width: 1000, height: 800, cx: 500, cy: 400, radius: 300, top: 0, bottom: 0 };
    const anchors: PillAnchor[] = Array.from({ length: 300 }, (_, ref) => {
      const angle = random() * 2 * Math.PI;
      return { ref, x: 500 + 300 * Math.cos(angle), y: 400 + 300 * Math.sin(angle), radius: 5, width: 60 + 60 * random(), height: 20 };
    });
    const blocked = [{ x: 480, y: 380, width: 300, height: 40 }];
    const placed = placePills(anchors, frame, 12, blocked);
    expect(placed.length).toBe(12);
    placed.forEach((a, i) => {
      expect(overlaps(a, blocked[0])).toBe(false);
      for (const b of placed.slice(i + 1)) expect(overlaps(a, b)).toBe(false);
    });
  });
});

describe('names', () => {
  it('never overlap, the first in order win, and there are at most so many', () => {
    const random = numbers(4);
    const anchors: NameAnchor[] = Array.from({ length: 1500 }, (_, ref) => ({ ref, x: random() * 1400 - 100, y: random() * 900 - 50, width: 30 + random() * 160, height: 14 }));
    const blocked = [{ x: 300, y: 200, width: 120, height: 30 }];
    const placed = placeNames(anchors, 140, blocked);
    expect(placed.length).toBe(140);
    expect(placed[0].ref).toBe(anchors.find((a) => !overlaps(a, blocked[0], 1))?.ref);
    placed.forEach((a, i) => {
      expect(overlaps(a, blocked[0])).toBe(false);
      for (const b of placed.slice(i + 1)) expect(overlaps(a, b)).toBe(false);
    });
  });
});
