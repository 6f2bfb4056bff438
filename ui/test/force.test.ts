import { describe, expect, it } from 'vitest';
import { numbers, type Fleet, call, company, fleet, service, settle } from '../mock/fleet';
import { atRim, layoutForce, type ForceInput, type ForceLayout } from '../src/layout/force';
import { QuadTree } from '../src/layout/quadtree';
import { OUTER, layoutStar } from '../src/layout/star';
import { groupServices } from '../src/model/groups';
import { starInput } from '../src/scene';
import { graphOf } from './graphs';

function input(f: Fleet): ForceInput {
  const graph = graphOf(f);
  const grouping = groupServices(graph);
  const star = starInput(graph, grouping);
  const layout = layoutStar(star);
  return {
    high: star.high, alive: star.alive, kind: graph.services.kind.slice(0, star.high), group: star.group, groups: grouping.groups.length,
    x: layout.x, y: layout.y, from: star.from, to: star.to,
  };
}

function distance(l: ForceLayout, a: number, b: number): number {
  return Math.hypot(l.x[a] - l.x[b], l.y[a] - l.y[b]);
}

describe('the tree of squares', () => {
  it('sums up about what all points would do, one by one', () => {
    const random = numbers(3);
    const n = 400;
    const x = Float64Array.from({ length: n }, () => random() * 300);
    const y = Float64Array.from({ length: n }, () => random() * 300);
    x[1] = x[0];
    y[1] = y[0];
    const mass = Float64Array.from({ length: n }, () => 1 + random());
    const tree = new QuadTree(4);
    tree.build(x, y, mass, n);
    for (let i = 0; i < n; i += 13) {
      let wx = 0;
      let wy = 0;
      let all = 0;
      for (let k = 0; k < n; k++) {
        const d2 = (x[i] - x[k]) ** 2 + (y[i] - y[k]) ** 2;
        if (d2 < 1e-9) continue;
        wx += ((x[i] - x[k]) * mass[k]) / Math.max(d2, 1);
        wy += ((y[i] - y[k]) * mass[k]) / Math.max(d2, 1);
        all += mass[k] / Math.sqrt(d2);
      }
      const got = new Float64Array(2);
      tree.repel(x[i], y[i], got);
      expect(Math.hypot(got[0] - wx, got[1] - wy)).toBeLessThan(all * 0.05);
    }
  });
});

describe('the force layout', () => {
  it('is the same every time, inside, and no two services on one place', () => {
    for (const f of [company(), fleet(200, 1000, 12, 7)]) {
      const a = layoutForce(input(f));
      expect(layoutForce(input(f))).toEqual(a);
      const places = new Set<string>();
      for (let i = 0; i < f.services.length; i++) {
        expect(Math.hypot(a.x[i], a.y[i])).toBeLessThanOrEqual(OUTER * 1.001);
        places.add(`${a.x[i].toFixed(1)},${a.y[i].toFixed(1)}`);
      }
      expect(places.size).toBe(f.services.length);
    }
  });

  it('puts what calls each other nearer together than what does not', () => {
    const f = fleet(200, 700, 12, 7);
    const l = layoutForce(input(f));
    const mean = (pairs: [number, number][]): number => pairs.reduce((sum, [a, b]) => sum + distance(l, a, b), 0) / pairs.length;
    const linked = mean(f.calls.map((c) => [c.from, c.to]));
    const random = numbers(4);
    const any = mean(Array.from({ length: 2000 }, () => [Math.floor(random() * 200), Math.floor(random() * 200)]));
    expect(linked).toBeLessThan(any * 0.8);
  });

  it('does not let a user that calls everything pull it together', () => {
    const f = fleet(120, 300, 8, 3);
    const before = layoutForce(input(f));
    const glued = settle({
      services: [...f.services, service(120, '', 'user', 'user')],
      calls: [...f.calls, ...f.services.map((s, i) => call(f.calls.length + i, 120, s.id, 'rpc', 5, 0, 1))],
    });
    const after = layoutForce(input(glued));
    expect(atRim(4)).toBe(true);
    expect(Math.hypot(after.x[120], after.y[120])).toBeGreaterThan(OUTER * 0.9);
    // Every distance is as it was, but for the room left to the rim.
    const ratios = f.calls.map((c) => distance(after, c.from, c.to) / distance(before, c.from, c.to)).sort((a, b) => a - b);
    expect(ratios[ratios.length - 1] / ratios[0]).toBeLessThan(3);
  });

  it('tells how far it is', () => {
    const told: number[] = [];
    layoutForce(input(fleet(60, 130, 5, 3)), (s) => told.push(s));
    expect(told.length).toBeGreaterThan(5);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });
});
