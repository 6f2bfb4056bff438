import { describe, expect, it } from 'vitest';
import { NO_FILTER, PathFinder, activeFilters, sightOf, type Filter } from '../src/model/filter';
import { Graph } from '../src/model/graph';
import { groupServices } from '../src/model/groups';
import { decodeText } from '../src/model/json';
import { MAX_PATHS, pathsBetween } from '../src/model/paths';

type Edge = [from: string, to: string, rate?: number, errors?: number, kind?: string];

const KINDS: Record<string, string> = { db: 'database', queue: 'messaging', far: 'external', user: 'user' };

/** A graph of calls between services named like team/name; db, queue, far and user are of those kinds. */
function graphOf(...edges: Edge[]): Graph {
  const names = [...new Set(edges.flatMap(([a, b]) => [a, b]))];
  const frame = decodeText(JSON.stringify({
    type: 'snapshot', epoch: 'e', seq: 1, time_ms: 0,
    services: names.map((name, id) => ({ id, name, namespace: name.split('/').length > 1 ? name.split('/')[0] : '', label: name, kind: KINDS[name] ?? 'service', rate: 1, error_rate: 0 })),
    calls: edges.map(([a, b, rate = 1, errors = 0, kind = 'rpc'], id) => ({ id, from: names.indexOf(a), to: names.indexOf(b), kind, rate, error_rate: errors, calls: 1, errors: 0 })),
  }));
  if (frame === null || frame.message !== 'snapshot') throw new Error('no snapshot');
  const g = new Graph();
  g.apply(frame);
  return g;
}

function seen(g: Graph, change: Partial<Filter>, focus = ''): { services: string[]; calls: string[] } {
  g.setSight(sightOf({ ...NO_FILTER, ...change }, focus, new PathFinder()));
  const n = g.services.name;
  return {
    services: [...g.serviceList()].map((i) => n[i]).sort(),
    calls: [...g.callList()].map((c) => `${n[g.calls.from[c]]}>${n[g.calls.to[c]]}`).sort(),
  };
}

describe('filters', () => {
  const g = graphOf(['user', 'shop/web', 9], ['shop/web', 'shop/cart', 5, 0.01], ['shop/cart', 'pay/api', 2, 0.2], ['pay/api', 'db', 3, 0, 'database'], ['shop/web', 'ads/x', 0.1]);

  it('hide nothing when none is in force', () => {
    expect(sightOf(NO_FILTER, 'shop/web', new PathFinder())).toBeNull();
    expect(seen(g, {}).calls).toHaveLength(5);
  });

  it('choose calls by kind, rate and errors, with their ends', () => {
    expect(seen(g, { kind: 'database' })).toEqual({ services: ['db', 'pay/api'], calls: ['pay/api>db'] });
    expect(seen(g, { minRate: 3 }).calls).toEqual(['pay/api>db', 'shop/web>shop/cart', 'user>shop/web']);
    expect(seen(g, { minErrors: 0.1 })).toEqual({ services: ['pay/api', 'shop/cart'], calls: ['shop/cart>pay/api'] });
    expect(seen(g, { minErrors: 0.9 })).toEqual({ services: [], calls: [] });
  });

  it('show a team with its neighbours', () => {
    expect(seen(g, { namespace: 'pay' })).toEqual({ services: ['db', 'pay/api', 'shop/cart'], calls: ['pay/api>db', 'shop/cart>pay/api'] });
  });

  it('show the services of a team and an environment', () => {
    const cart = g.findPresent('shop/cart');
    const api = g.findPresent('pay/api');
    g.services.team[cart] = 'blue';
    g.services.environment[cart] = 'prod, test';
    g.services.environment[api] = 'production';
    expect(seen(g, { team: 'blue' }).calls).toEqual(['shop/cart>pay/api', 'shop/web>shop/cart']);
    expect(seen(g, { environment: 'prod' }).calls).toEqual(['shop/cart>pay/api', 'shop/web>shop/cart']);
    expect(seen(g, { environment: 'prod', namespace: 'pay' })).toEqual({ services: [], calls: [] });
  });

  it('follow failures upstream, as far as they are felt', () => {
    expect(seen(g, { failing: true }).calls).toEqual(['shop/cart>pay/api', 'shop/web>shop/cart']);
  });

  it('hide what never reported itself', () => {
    expect(seen(g, { noInferred: true })).toEqual({ services: ['ads/x', 'pay/api', 'shop/cart', 'shop/web'], calls: ['shop/cart>pay/api', 'shop/web>ads/x', 'shop/web>shop/cart'] });
  });

  it('show a neighbourhood by hops and direction', () => {
    expect(seen(g, { hops: 1 }, 'shop/cart').services).toEqual(['pay/api', 'shop/cart', 'shop/web']);
    expect(seen(g, { hops: 2, direction: 'down' }, 'shop/cart').services).toEqual(['db', 'pay/api', 'shop/cart']);
    expect(seen(g, { hops: 2, direction: 'up' }, 'shop/cart').services).toEqual(['shop/cart', 'shop/web', 'user']);
    expect(seen(g, { hops: 2 }, '').calls).toHaveLength(5);
  });

  it('count what is in force', () => {
    expect(activeFilters(NO_FILTER, '')).toBe(0);
    expect(activeFilters({ ...NO_FILTER, kind: 'rpc', minRate: 1, hops: 2, to: 'x' }, '')).toBe(2);
    expect(activeFilters({ ...NO_FILTER, hops: 2 }, 'a')).toBe(1);
    expect(activeFilters({ ...NO_FILTER, hops: 2, to: 'x' }, 'a')).toBe(1);
  });

  it('stay in force as the graph goes on, and let everything come back', () => {
    seen(g, { minRate: 3 });
    const before = g.callCount;
    const frame = decodeText(JSON.stringify({ type: 'delta', seq: 2, base: 1, time_ms: 1, calls: [{ id: 4, rate: 50, error_rate: 0 }] }));
    if (frame === null || frame.message !== 'delta') throw new Error('no delta');
    expect(g.apply(frame).structure).toBe(true);
    expect(g.callCount).toBe(before + 1);
    expect(g.apply({ ...frame, seq: 3 }).structure).toBe(false);
    expect(seen(g, {}).calls).toHaveLength(5);
    expect(g.totals).toEqual({ services: 6, calls: 5 });
  });

  it('change no hue', () => {
    const hue = (name: string): number | undefined => {
      const { groups, of } = groupServices(g);
      return groups[of[g.findPresent(name)]]?.hue;
    };
    seen(g, {});
    const before = hue('shop/cart');
    seen(g, { minErrors: 0.1 });
    expect(hue('shop/cart')).toBe(before);
  });
});

describe('paths', () => {
  const names = (g: Graph, from: string, to: string, mayPass: (slot: number) => boolean = () => true): string[] =>
    pathsBetween(g, g.findPresent(from), g.findPresent(to), mayPass).map((p) => p.map((s) => g.services.name[s]).join('>'));

  it('lists all of the shortest, then longer ones', () => {
    const g = graphOf(['a', 'b'], ['a', 'c'], ['b', 'd'], ['c', 'd'], ['b', 'c'], ['d', 'a']);
    expect(names(g, 'a', 'd')).toEqual(['a>b>d', 'a>c>d', 'a>b>c>d']);
    expect(names(g, 'd', 'b')).toEqual(['d>a>b']);
    expect(names(g, 'd', 'd')).toEqual([]);
  });

  it('finds none where none is', () => {
    expect(names(graphOf(['a', 'b'], ['c', 'b']), 'a', 'c')).toEqual([]);
  });

  it('passes only where it may', () => {
    const g = graphOf(['a', 'queue'], ['queue', 'd'], ['a', 'b'], ['b', 'c'], ['c', 'd']);
    const real = (slot: number): boolean => g.services.kind[slot] === 0;
    expect(names(g, 'a', 'd', real)).toEqual(['a>b>c>d']);
    expect(names(g, 'a', 'd')[0]).toBe('a>queue>d');
    expect(seen(g, { to: 'd' }, 'a').services).toEqual(['a', 'b', 'c', 'd']);
    expect(seen(g, { to: 'd', viaInferred: true }, 'a').services).toEqual(['a', 'b', 'c', 'd', 'queue']);
  });

  it('agrees with a search that tries everything', () => {
    let random = 5;
    const next = (n: number): number => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) % n;
    for (let round = 0; round < 60; round++) {
      const edges: Edge[] = [['n0', 'n1'], ...Array.from({ length: 12 }, (): Edge => [`n${next(7)}`, `n${next(7)}`])];
      const g = graphOf(...edges);
      const goal = edges[1 + next(12)][1];
      const all: string[][] = [];
      const walk = (path: string[]): void => {
        const at = path[path.length - 1];
        if (at === goal && path.length > 1) {
          all.push(path);
          return;
        }
        for (const to of new Set(edges.filter(([a]) => a === at).map(([, b]) => b))) if (!path.includes(to)) walk([...path, to]);
      };
      if (goal !== 'n0') walk(['n0']);
      const found = names(g, 'n0', goal);
      const shortest = Math.min(...all.map((p) => p.length));
      const every = new Set(all.map((p) => p.join('>')));
      expect(new Set(found).size).toBe(found.length);
      for (const p of found) expect(every).toContain(p);
      const least = all.filter((p) => p.length === shortest).map((p) => p.join('>')).sort();
      expect(found.slice(0, least.length).sort()).toEqual(least.slice(0, MAX_PATHS));
    }
  });
});
