import { describe, expect, it } from 'vitest';
import { fleet, settle, type Fleet } from '../mock/fleet';
import { OUTER, layoutStar, type StarLayout } from '../src/layout/star';
import type { Graph } from '../src/model/graph';
import { groupServices } from '../src/model/groups';
import { LEVELS, Watchdog } from '../src/render/quality';
import { callValues, endsOf, geometryOf, starInput } from '../src/scene';
import { graphOf } from './graphs';

function starOf(g: Graph): StarLayout {
  return layoutStar(starInput(g, groupServices(g)));
}

describe('the chords of a very large fleet', () => {
  const g = graphOf(fleet(300, 1400, 12, 8));
  const grouping = groupServices(g);

  it('are all single while they are few', () => {
    const v = callValues(g, grouping);
    expect(v.ribbons).toEqual([]);
    expect([...v.order].sort((a, b) => a - b)).toEqual([...g.callList()]);
    for (let i = 1; i < v.order.length; i++) expect(g.calls.rate[v.order[i]]).toBeLessThanOrEqual(g.calls.rate[v.order[i - 1]]);
  });

  it('are the busiest ones, and ribbons that sum exactly the rest, the ribbons first', () => {
    const most = 500;
    const v = callValues(g, grouping, undefined, most);
    const single = [...v.order].filter((c) => c < g.callHigh);
    expect(single.length).toBe(most);
    expect(v.order.length).toBe(most + v.ribbons.length);
    expect(v.order[0]).toBe(v.ribbons[0].slot);
    const rest = [...g.callList()].filter((c) => !single.includes(c));
    expect(v.ribbons.reduce((n, r) => n + r.calls, 0)).toBe(rest.length);
    for (const r of v.ribbons) {
      const own = rest.filter((c) => grouping.of[g.calls.from[c]] === r.from && grouping.of[g.calls.to[c]] === r.to);
      expect(r.rate).toBe(own.reduce((sum, c) => sum + g.calls.rate[c], 0));
    }
  });

  it('end for ribbons in the middle of the arcs of their groups', () => {
    const v = callValues(g, grouping, undefined, 500);
    const star = starOf(g);
    const ends = endsOf(g, v.ribbons, star);
    const { places } = geometryOf(g, star, false);
    for (const r of v.ribbons) {
      const at = ends[r.slot * 2] * 4;
      expect(Math.hypot(places[at], places[at + 1])).toBeCloseTo(star.inner, 2);
      expect(star.gates[places[at + 2] * 4 + 3]).toBe(r.from);
    }
  });
});

describe('the star of a fleet that grows', () => {
  for (const [services, calls, teams] of [[120, 600, 8], [500, 2500, 12], [2000, 10_000, 40]] as const) {
    it(`moves ${services} services by less than a twentieth of its diameter when one in a hundred is added`, () => {
      const all = fleet(services, calls, teams);
      const late = new Set(all.services.filter((s) => s.id % 100 === 7).map((s) => s.id));
      const early: Fleet = settle(structuredClone({ services: all.services, calls: all.calls.filter((c) => !late.has(c.from) && !late.has(c.to)) }));
      const before = graphOf({ ...early, services: early.services.filter((s) => !late.has(s.id)) });
      const after = graphOf(all);
      const a = starOf(before);
      const b = starOf(after);
      let moved = 0;
      for (const i of before.serviceList()) {
        const k = after.find(before.services.name[i]);
        moved += Math.hypot(a.x[i] - b.x[k], a.y[i] - b.y[k]);
      }
      expect(moved / before.serviceCount).toBeLessThan(0.05 * 2 * OUTER);
    });
  }
});

describe('the watchdog', () => {
  it('gives up glow, then half of the chord layer, then comets, then device pixels, and nothing else before', () => {
    const [best, dull, half, calm, coarse] = LEVELS;
    expect(LEVELS.length).toBe(5);
    expect([best.glow, dull.glow]).toEqual([true, false]);
    expect([dull.chordScale, half.chordScale]).toEqual([1, 0.5]);
    expect(half.comets).toBe(dull.comets);
    expect(calm.comets).toBeLessThan(half.comets);
    expect(calm.pixelRatio).toBe(best.pixelRatio);
    expect(coarse.pixelRatio).toBe(1);
  });

  function run(dog: Watchdog, ms: number, frames: number): number {
    let changes = 0;
    for (let i = 0; i < frames; i++) if (dog.frame(ms)) changes++;
    return changes;
  }

  it('goes down a step at a time while frames are slow, and no farther than the last', () => {
    const dog = new Watchdog();
    expect(run(dog, 90, 7)).toBe(0);
    expect(run(dog, 90, 1)).toBe(1);
    expect(dog.level).toBe(1);
    run(dog, 90, 500);
    expect(dog.level).toBe(LEVELS.length - 1);
  });

  it('goes down after two frames that take far too long', () => {
    const dog = new Watchdog();
    expect(run(dog, 900, 1)).toBe(0);
    expect(run(dog, 900, 1)).toBe(1);
  });

  it('is not moved by a single slow frame, and comes back when frames are fast for long', () => {
    const dog = new Watchdog(3);
    for (let i = 0; i < 30; i++) {
      dog.frame(200);
      run(dog, 20, 9);
    }
    expect(dog.level).toBe(3);
    run(dog, 5, 3000);
    expect(dog.level).toBe(0);
  });

  it('tries a step that was too dear again ever more rarely', () => {
    const dog = new Watchdog();
    let changes = 0;
    // On this machine everything but glow is cheap.
    for (let i = 0; i < 20_000; i++) if (dog.frame(dog.quality.glow ? 90 : 5)) changes++;
    expect(changes).toBeGreaterThanOrEqual(3);
    expect(changes).toBeLessThanOrEqual(8);
  });

  it('stays where it is pinned', () => {
    const dog = new Watchdog(0, true);
    expect(run(dog, 500, 100)).toBe(0);
  });
});
