import { describe, expect, it } from 'vitest';
import { call, fleet, service, settle } from '../mock/fleet';
import { strengths } from '../src/layout/strength';
import { axisOf, callBetween, groupAt } from '../src/matrix/axis';
import { clampLens, fitLens, placeAt, zoomLens, type Area } from '../src/matrix/lens';
import { groupCells, groupServices } from '../src/model/groups';
import { graphOf } from './graphs';

describe('the axis of the matrix', () => {
  const g = graphOf(fleet(300, 1400, 12, 8));
  const grouping = groupServices(g);
  const axis = axisOf(g, grouping);

  it('holds every service once, group by group, the busiest of a group first', () => {
    expect([...axis.slots].sort((a, b) => a - b)).toEqual([...g.serviceList()]);
    axis.slots.forEach((slot, i) => {
      expect(axis.at[slot]).toBe(i);
      expect(groupAt(axis, i)).toBe(grouping.of[slot]);
      const next = axis.slots[i + 1];
      if (next !== undefined && grouping.of[next] === grouping.of[slot]) expect(g.services.bucket[next]).toBeLessThanOrEqual(g.services.bucket[slot]);
    });
    expect(groupAt(axis, -1)).toBe(-1);
    expect(groupAt(axis, 300)).toBe(-1);
  });

  it('sums exactly the calls between groups', () => {
    const cells = groupCells(g, grouping);
    expect(cells.reduce((n, c) => n + c.calls, 0)).toBe(g.callCount);
    const rate = [...g.callList()].reduce((sum, c) => sum + g.calls.rate[c], 0);
    expect(cells.reduce((sum, c) => sum + c.rate, 0)).toBeCloseTo(rate, 3);
    for (const c of cells) expect(c.mutual).toBe(c.from !== c.to && cells.some((o) => o.from === c.to && o.to === c.from));
  });
});

describe('cycles between groups', () => {
  it('are found where both call each other, and nowhere else', () => {
    const f = settle({
      services: [service(0, 'a', 'x', 'service'), service(1, 'b', 'y', 'service'), service(2, 'c', 'z', 'service')],
      calls: [call(0, 0, 1, 'rpc', 5, 0, 1), call(1, 1, 0, 'rpc', 1, 0, 1), call(2, 1, 2, 'rpc', 1, 0, 1), call(3, 0, 0, 'rpc', 1, 0, 1)],
    });
    const g = graphOf(f);
    expect(groupCells(g, groupServices(g)).filter((c) => c.mutual).map((c) => [c.from, c.to])).toEqual([[0, 1], [1, 0]]);
    expect(callBetween(g, 0, 1)).toBe(0);
    expect(callBetween(g, 2, 0)).toBe(-1);
  });
});

describe('the lens', () => {
  const area: Area = { width: 1200, height: 800, left: 190, top: 150 };

  it('shows everything at first, and keeps what is under the pointer when it zooms', () => {
    for (const n of [1, 14, 300, 10_000]) {
      const fit = fitLens(area, n);
      expect(fit.x).toBeGreaterThanOrEqual(area.left);
      expect(fit.x + fit.size * n).toBeLessThanOrEqual(area.width);
      expect(fit.y + fit.size * n).toBeLessThanOrEqual(area.height);
      let lens = fit;
      for (let i = 0; i < 40; i++) {
        const before = [(600 - lens.x) / lens.size, (500 - lens.y) / lens.size];
        lens = zoomLens(lens, 1.3, 600, 500, area, n);
        const total = lens.size * n;
        if (total > 4000 && before[0] > n * 0.2 && before[0] < n * 0.8) expect((600 - lens.x) / lens.size).toBeCloseTo(before[0], 0);
      }
      expect(lens.size).toBeLessThanOrEqual(44);
      expect(zoomLens(lens, 1e-9, 0, 0, area, n).size).toBeCloseTo(fit.size, 9);
    }
  });

  it('does not lose the cells out of sight', () => {
    const lens = clampLens({ size: 20, x: -99_999, y: 99_999 }, area, 300);
    expect(placeAt(lens.x, lens.size, area.width - 30)).toBeLessThan(300);
    expect(lens.y).toBe(area.top);
  });
});

describe('the strength of calls', () => {
  it('rises with the rate, is 0 for silent ones, and tells quiet calls apart beside a giant', () => {
    const rate = [0, 0.01, 0.5, 3, 3, 40, 90_000];
    const s = strengths([0, 1, 2, 3, 4, 5, 6], rate, 7);
    expect(s[0]).toBe(0);
    for (const [a, b] of [[1, 2], [2, 3], [4, 5], [5, 6]]) expect(s[b]).toBeGreaterThan(s[a] + 0.05);
    expect(s[3]).toBe(s[4]);
    expect(s[6]).toBeLessThanOrEqual(1);
    expect([...strengths([], [], 0)]).toEqual([0]);
  });

  it('is the same for a fleet with a hundredth of the traffic', () => {
    const rate = Array.from({ length: 500 }, (_, i) => 1.02 ** i);
    const list = rate.map((_, i) => i);
    const s = strengths(list, rate, 500);
    strengths(list, rate.map((r) => r / 100), 500).forEach((v, i) => expect(v).toBeCloseTo(s[i], 5));
  });

  it('does not set apart what is about as busy', () => {
    const s = strengths([0, 1], [80, 84], 2);
    expect(s[0]).toBeGreaterThan(0.9);
  });

  it('spreads a heavy-tailed fleet over the whole range', () => {
    const g = graphOf(fleet(2000, 10_000, 40, 11));
    const s = strengths([...g.callList()], g.calls.rate, g.callHigh);
    const sorted = [...g.callList()].map((c) => s[c]).sort((a, b) => a - b);
    expect(sorted[1000]).toBeLessThan(0.25);
    expect(sorted[5000]).toBeGreaterThan(0.35);
    expect(sorted[9900]).toBeGreaterThan(0.75);
  });
});
