import { describe, expect, it } from 'vitest';
import { call, company, fleet, numbers, service, settle } from '../mock/fleet';
import { callsAmong, depthsOf, flowOrder, neighbourhood, whole, type Picture } from '../src/layers/neighbourhood';
import { CARD_HEIGHT, placeLayers, spread, type LayerLayout } from '../src/layers/place';
import { NONE, type Graph } from '../src/model/graph';
import { graphOf } from './graphs';

/** Distances by the plainest means: relax every call until nothing changes. */
function naive(g: Graph, from: number, hops: number, against: boolean): Map<number, number> {
  const d = new Map([[from, 0]]);
  for (let changed = true; changed;) {
    changed = false;
    for (const c of g.callList()) {
      const [a, b] = against ? [g.calls.to[c], g.calls.from[c]] : [g.calls.from[c], g.calls.to[c]];
      const next = (d.get(a) ?? Infinity) + 1;
      if (next <= hops && next < (d.get(b) ?? Infinity)) {
        d.set(b, next);
        changed = true;
      }
    }
  }
  return d;
}

function placed(g: Graph, p: Picture, width = 1250, height = 820): LayerLayout {
  return placeLayers({
    columns: p.columns.map((c) => c.slots), more: p.columns.map((c) => c.hidden > 0),
    edges: p.calls.map((c) => ({ call: c, from: g.calls.from[c], to: g.calls.to[c] })), width, height, corner: { width: 180, height: 200 },
  });
}

describe('a neighbourhood', () => {
  const g = graphOf(fleet(300, 1400, 12, 8));

  it('holds what is within so many hops each way, and nothing else', () => {
    for (const focus of [0, 17, 123]) {
      for (const reach of [{ up: 1, down: 1 }, { up: 2, down: 2 }, { up: 0, down: 3 }, { up: 3, down: 0 }]) {
        const depths = depthsOf(g, focus, reach);
        const up = naive(g, focus, reach.up, true);
        const down = naive(g, focus, reach.down, false);
        expect(new Set(depths.keys())).toEqual(new Set([...up.keys(), ...down.keys()]));
        for (const [slot, depth] of depths) {
          expect(Math.abs(depth)).toBe(Math.min(up.get(slot) ?? Infinity, down.get(slot) ?? Infinity));
          expect(depth < 0 ? up.has(slot) : down.has(slot)).toBe(true);
        }
      }
    }
  });

  it('shows all calls between the services shown, and no other', () => {
    const p = neighbourhood(g, 17, { up: 2, down: 2 }, 6, new Set());
    const shown = new Set(p.columns.flatMap((c) => c.slots));
    const want = [...g.callList()].filter((c) => shown.has(g.calls.from[c]) && shown.has(g.calls.to[c]));
    expect(p.calls).toEqual(want);
    expect(callsAmong(g, new Set())).toEqual([]);
  });

  it('keeps who is shown until another is clearly busier', () => {
    const reach = { up: 0, down: 1 };
    const callees = neighbourhood(g, 17, reach, 50, new Set()).columns.find((c) => c.depth === 1)?.slots ?? [];
    expect(callees.length).toBeGreaterThan(3);
    const last = callees.at(-1) ?? NONE;
    const rateTo = (slot: number): number => [...g.callsFrom(17)].filter((c) => g.calls.to[c] === slot).reduce((sum, c) => sum + g.calls.rate[c], 0);
    // With room for one less the quietest is left out, and stays in if it was there and another is hardly busier.
    const most = callees.findIndex((s) => rateTo(s) < 1.3 * rateTo(last));
    const shown = (already: readonly number[]): number[] => neighbourhood(g, 17, reach, most + 1, new Set(), new Set(already)).columns.find((c) => c.depth === 1)?.slots ?? [];
    expect(shown([])).not.toContain(last);
    expect(shown([last])).toContain(last);
    expect(shown([last])).toContain(callees[0]);
  });

  it('shows the busiest of a column and says how many more there are', () => {
    const depths = depthsOf(g, 17, { up: 2, down: 2 });
    const p = neighbourhood(g, 17, { up: 2, down: 2 }, 5, new Set());
    for (const c of p.columns) {
      expect(c.slots.length).toBeLessThanOrEqual(5);
      expect(c.slots.length + c.hidden).toBe([...depths.values()].filter((d) => d === c.depth).length);
    }
    const full = p.columns.find((c) => c.hidden > 0);
    expect(full).toBeDefined();
    const opened = neighbourhood(g, 17, { up: 2, down: 2 }, 5, new Set([full?.depth ?? 0]));
    expect(opened.columns.find((c) => c.depth === full?.depth)?.hidden).toBe(0);
    const callers = p.columns.find((c) => c.depth === -1)?.slots ?? [];
    const rates = callers.map((s) => [...g.callsFrom(s)].filter((c) => g.calls.to[c] === 17).reduce((sum, c) => sum + g.calls.rate[c], 0));
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
  });
});

describe('the whole of a small fleet', () => {
  it('runs from what nobody calls to what calls nobody; only cycles run back', () => {
    const g = graphOf(company());
    const p = whole(g);
    const depth = new Map(p.columns.flatMap((c) => c.slots.map((s) => [s, c.depth] as const)));
    expect(depth.size).toBe(g.serviceCount);
    expect(depth.get(g.find('user'))).toBe(0);
    for (const c of g.callList()) if (g.calls.from[c] !== g.calls.to[c]) expect(depth.get(g.calls.to[c])).toBeGreaterThan(depth.get(g.calls.from[c]) ?? 0);
    expect(p.focus).toBe(NONE);
  });

  it('turns as few calls back as a cycle has', () => {
    const names = ['a', 'b', 'c', 'd'];
    const ring = settle({ services: names.map((n, i) => service(i, 's', n, 'service')), calls: names.map((_, i) => call(i, i, (i + 1) % 4, 'rpc', 1, 0, 1)) });
    const g = graphOf(ring);
    const order = flowOrder([0, 1, 2, 3], [...g.callList()].map((c) => [g.calls.from[c], g.calls.to[c]] as const), (a, b) => a - b);
    const back = [...g.callList()].filter((c) => order.indexOf(g.calls.from[c]) > order.indexOf(g.calls.to[c]));
    expect(back.length).toBe(1);
    const kinds = placed(g, whole(g)).routes.map((r) => r.kind).sort();
    expect(kinds).toEqual(['back', 'forward', 'forward', 'forward']);
  });
});

describe('the places of cards', () => {
  const g = graphOf(fleet(300, 1400, 12, 8));
  const small = graphOf(company());
  const pictures: [string, Graph, Picture][] = [
    ['the company', small, whole(small)],
    ['five columns', g, neighbourhood(g, 17, { up: 2, down: 2 }, 8, new Set())],
    ['an opened column', g, neighbourhood(g, 17, { up: 1, down: 3 }, 8, new Set([2]))],
    ['one service', g, neighbourhood(g, 17, { up: 0, down: 0 }, 8, new Set())],
    ['nothing', g, { focus: NONE, columns: [], calls: [] }],
  ];

  for (const [name, graph, p] of pictures) {
    it(`do not overlap, stay inside, and are the same each time: ${name}`, () => {
      const l = placed(graph, p);
      expect(placed(graph, p)).toEqual(l);
      expect(l.cards.length).toBe(p.columns.reduce((n, c) => n + c.slots.length, 0));
      for (const a of l.cards) {
        expect(a.x).toBeGreaterThanOrEqual(0);
        expect(a.x + l.cardWidth).toBeLessThanOrEqual(l.width);
        expect(a.y - CARD_HEIGHT / 2).toBeGreaterThan(40);
        expect(a.y + CARD_HEIGHT / 2).toBeLessThanOrEqual(l.height);
        for (const b of l.cards) if (a.slot < b.slot && a.column === b.column) expect(Math.abs(a.y - b.y)).toBeGreaterThan(CARD_HEIGHT + 4);
      }
      expect(l.routes.map((r) => r.call).sort((a, b) => a - b)).toEqual(p.calls);
      for (const r of l.routes) expect(r.d).not.toMatch(/NaN|Infinity/);
    });
  }

  it('keep the first columns out of the corner of the map', () => {
    const l = placed(g, neighbourhood(g, 17, { up: 2, down: 2 }, 6, new Set()));
    for (const c of l.cards) if (c.x < 180) expect(c.y + CARD_HEIGHT / 2).toBeLessThanOrEqual(l.height - 200 + 1);
  });
});

describe('spread', () => {
  it('keeps order and distance, and is as near as can be to what is wanted', () => {
    const random = numbers(2);
    for (let round = 0; round < 50; round++) {
      const n = 1 + Math.floor(random() * 12);
      const heights = Array.from({ length: n }, () => 10 + random() * 30);
      const wanted = Array.from({ length: n }, () => random() * 600);
      const y = spread(wanted, heights, 0, 700);
      for (let i = 1; i < n; i++) expect(y[i] - y[i - 1]).toBeGreaterThanOrEqual((heights[i] + heights[i - 1]) / 2 - 1e-9);
      expect(y[0] - heights[0] / 2).toBeGreaterThanOrEqual(-1e-9);
      const cost = (at: number[]): number => at.reduce((sum, v, i) => sum + (v - wanted[i]) ** 2, 0);
      for (const by of [-1, 1]) expect(cost(y.map((v) => v + by)) + 1e-6).toBeGreaterThanOrEqual(cost(y) - (y[0] - heights[0] / 2 < 1 || y[n - 1] + heights[n - 1] / 2 > 699 ? Infinity : 0));
    }
  });
});
