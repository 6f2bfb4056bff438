import { describe, expect, it } from 'vitest';
import { call, company, fleet, numbers, service, settle } from '../mock/fleet';
import { foldInput, foldSet, foldsOf, isHead, isWithin, spreadFold, UNFOLDED } from '../src/fold';
import { communitiesOf, NO_COMMUNITY, type CommunityInput } from '../src/layout/communities';
import { layoutStar } from '../src/layout/star';
import type { Graph } from '../src/model/graph';
import { groupServices } from '../src/model/groups';
import { callValues, looksOf, starInput } from '../src/scene';
import { graphOf } from './graphs';

function input(g: Graph): CommunityInput {
  const s = starInput(g, groupServices(g));
  return { high: s.high, alive: s.alive, kind: g.services.kind.slice(0, s.high), nameRank: s.nameRank, from: s.from, to: s.to };
}

describe('communities', () => {
  it('are found where they were planted, whatever the namespaces say', () => {
    const random = numbers(7);
    const n = 120;
    const planted = (i: number): number => i % 4;
    const services = Array.from({ length: n }, (_, i) => service(i, 'one', `s${i}`, 'service'));
    const calls = Array.from({ length: 900 }, (_, i) => {
      const a = Math.floor(random() * n);
      const b = random() < 0.9 ? (planted(a) + 4 * Math.floor(random() * (n / 4))) % n : Math.floor(random() * n);
      return call(i, a, b, 'rpc', 1, 0, 1);
    });
    const heads = communitiesOf(input(graphOf(settle({ services, calls }))));
    for (let i = 0; i < n; i++) expect(planted(heads[i])).toBe(planted(i));
    expect(new Set(heads).size).toBe(4);
  });

  it('that are small are one group in a large graph, and groups of their own in a small one', () => {
    const named = (large: number): string[] => {
      const services = Array.from({ length: large + 6 }, (_, i) => service(i, '', `s${i}`, 'service'));
      const pairs = [0, 2, 4].map((k) => [large + k, large + k + 1]);
      const ring = Array.from({ length: large }, (_, i) => [i, (i + 1) % large]);
      const g = graphOf(settle({ services, calls: [...ring, ...pairs].map(([a, b], i) => call(i, a, b, 'rpc', 1, 0, 1)) }));
      const heads = Uint32Array.from(services, (_, i) => (i < large ? 0 : i - ((i - large) % 2)));
      return groupServices(g, 'community', heads).groups.map((x) => `${x.name} ${x.count}`).sort();
    };
    expect(named(100)).toEqual(['around s0 100', 'others 6']);
    expect(named(10)).toEqual(['around s0 10', 'around s10 2', 'around s12 2', 'around s14 2']);
  });

  it('are the same whatever the order of slots and calls', () => {
    const f = fleet(150, 700, 10, 4);
    const back = { services: f.services.map((s) => ({ ...s, id: 149 - s.id })).reverse(), calls: [...f.calls].reverse().map((c) => ({ ...c, from: 149 - c.from, to: 149 - c.to })) };
    const named = (g: Graph): Map<string, string> => {
      const heads = communitiesOf(input(g));
      return new Map([...g.serviceList()].map((i) => [g.services.name[i], g.services.name[heads[i]]]));
    };
    const a = named(graphOf(f));
    const b = named(graphOf(back));
    for (const [name, head] of a) expect(b.get(name)).toBe(head);
  });

  it('leave out users, external services and what calls nobody', () => {
    const f = company();
    f.services.push(service(14, 'shop', 'alone', 'service'));
    const g = graphOf(f);
    const heads = communitiesOf(input(g));
    for (const name of ['user', 'api.psp.example', 'shop/alone']) expect(heads[g.find(name)]).toBe(NO_COMMUNITY);
    const grouping = groupServices(g, 'community', heads);
    expect(grouping.groups.map((x) => x.key).filter((k) => k.startsWith('k:')).sort()).toEqual(['k:3', 'k:4']);
    expect(grouping.groups.reduce((n, x) => n + x.count, 0)).toBe(15);
  });

  it('by kind make one group of all services', () => {
    const g = graphOf(company());
    expect(groupServices(g, 'kind').groups.map((x) => x.name).sort()).toEqual(['databases', 'external', 'messaging', 'services', 'users']);
  });
});

describe('groups by what spans tell', () => {
  const f = fleet(60, 130, 5, 3);
  const told = { ...f, services: f.services.map((s, i) => ({ ...s, team: ['red', 'blue', ''][i % 3], environment: i % 2 === 0 ? 'prod' : 'prod, staging' })) };
  const g = graphOf(told);

  it('follow the team and the environment', () => {
    const teams = groupServices(g, 'team');
    expect(teams.groups.map((x) => [x.key, x.name, x.count])).toEqual([['t:', 'no team', 20], ['t:blue', 'blue', 20], ['t:red', 'red', 20]]);
    expect(groupServices(g, 'environment').groups.map((x) => [x.name, x.count])).toEqual([['prod', 30], ['prod, staging', 30]]);
  });
});

describe('a folded group', () => {
  const g = graphOf(fleet(300, 1400, 12, 8));
  const grouping = groupServices(g);
  const folded = [2, 5];
  const heads = foldsOf(g, grouping, folded.map((i) => grouping.groups[i].key));

  it('has one service that stands for all, always the same', () => {
    for (const i of g.serviceList()) {
      if (!folded.includes(grouping.of[i])) expect(heads[i]).toBe(UNFOLDED);
      else expect(grouping.of[heads[i]]).toBe(grouping.of[i]);
    }
    expect([...g.serviceList()].filter((i) => isHead(heads, i)).length).toBe(2);
    expect(foldSet(new Set([0, 1, 2, 3]), heads).size).toBeLessThanOrEqual(4);
  });

  it('takes one place on the ring, and its members stand there', () => {
    const layout = spreadFold(layoutStar(foldInput(starInput(g, grouping), heads)), heads);
    const within = [...g.serviceList()].filter((i) => isWithin(heads, i));
    expect(layout.services).toBe(300 - within.length);
    for (const i of within) expect([layout.x[i], layout.y[i]]).toEqual([layout.x[heads[i]], layout.y[heads[i]]]);
  });

  it('shows the exact sums of its services', () => {
    const layout = spreadFold(layoutStar(foldInput(starInput(g, grouping), heads)), heads);
    const looks = looksOf(g, layout, null, () => false, 1, { heads, grouping });
    for (const i of folded) {
      const members = [...g.serviceList()].filter((s) => grouping.of[s] === i);
      const rate = members.reduce((sum, s) => sum + g.services.rate[s], 0);
      const failed = members.reduce((sum, s) => sum + g.services.rate[s] * g.services.errorRate[s], 0);
      expect(grouping.groups[i].rate).toBe(rate);
      expect(looks.values[heads[members[0]] * 4 + 1]).toBeCloseTo(failed / rate, 6);
    }
    for (const i of g.serviceList()) expect(looks.order.includes(i)).toBe(!isWithin(heads, i));
  });

  it('has no chords for the calls within it, and all others', () => {
    const inside = (c: number): boolean => heads[g.calls.from[c]] !== UNFOLDED && heads[g.calls.from[c]] === heads[g.calls.to[c]];
    const want = [...g.callList()].filter((c) => !inside(c));
    expect(want.length).toBeLessThan(g.callCount);
    expect([...callValues(g, grouping, heads).order].sort((a, b) => a - b)).toEqual(want);
  });
});
