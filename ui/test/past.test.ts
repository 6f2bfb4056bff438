import { describe, expect, it } from 'vitest';
import { GONE, LESS, MORE, NEW, SAME } from '../src/model/frame';
import { Graph } from '../src/model/graph';
import { PastError, pastFrame } from '../src/model/past';

const node = (id: string, kind = 'service'): object => ({ id, name: id.split('/').at(-1), namespace: id.includes('/') ? id.split('/')[0] : '', kind });
const side = (count: number, p99: number): object => ({ count, errors: 0, sum_ms: count, p50_ms: 1, p90_ms: 2, p95_ms: 3, p99_ms: p99 });
const none = { count: 0, errors: 0, sum_ms: 0, p50_ms: 0, p90_ms: 0, p95_ms: 0, p99_ms: 0 };

const graph = {
  from: '2026-01-01T10:00:00Z', to: '2026-01-01T10:05:00Z', resolution_s: 10,
  nodes: [node('shop/web'), node('shop/cart'), node('orders', 'database')],
  edges: [
    { from: 'shop/web', to: 'shop/cart', kind: 'rpc', calls: 600, errors: 60, client: side(600, 40), server: side(600, 30), first_seen: '2026-01-01T10:00:00Z', last_seen: '2026-01-01T10:05:00Z' },
    { from: 'shop/cart', to: 'orders', kind: 'database', calls: 300, errors: 0, client: none, server: none, first_seen: null, last_seen: null },
  ],
};
const LATER = Date.parse('2026-01-02T00:00:00Z');

function applied(...frames: Parameters<typeof pastFrame>[]): Graph {
  const g = new Graph();
  for (const f of frames) g.apply(pastFrame(...f));
  return g;
}

describe('a graph of the past', () => {
  it('has rates over its window, and latencies as the sides timed them', () => {
    const g = applied([graph, null, LATER]);
    const cart = g.find('shop/cart');
    expect(g.services.rate[cart]).toBeCloseTo(2);
    expect(g.services.errorRate[cart]).toBeCloseTo(0.1);
    expect(g.services.p99[cart]).toBe(30);
    const c = g.findCall('shop/web', 'shop/cart', 'rpc');
    expect([g.calls.rate[c], g.calls.p99[c], g.calls.calls[c]]).toEqual([2, 40, 600]);
    const q = g.findCall('shop/cart', 'orders', '');
    expect(g.calls.p50[q]).toBeNaN();
    expect(g.services.p99[g.find('orders')]).toBeNaN();
    expect(g.timeMs).toBe(Date.parse(graph.to));
    expect(g.comparing).toBe(false);
  });

  it('does not spread calls over time that has not come yet', () => {
    const g = applied([graph, null, Date.parse('2026-01-01T10:02:30Z')]);
    expect(g.services.rate[g.find('shop/cart')]).toBeCloseTo(4);
  });

  it('is refused when it is none', () => {
    for (const bad of [null, 'x', {}, { nodes: [], edges: 1 }]) expect(() => pastFrame(bad, null, 0)).toThrow(PastError);
  });

  it('passes over edges whose ends are missing', () => {
    expect(applied([{ ...graph, nodes: graph.nodes.slice(1) }, null, LATER]).callCount).toBe(1);
  });

  it('takes names that are no plain words', () => {
    const g = applied([{ ...graph, nodes: [node('__proto__'), node('constructor')], edges: [{ from: '__proto__', to: 'constructor', kind: 'rpc', calls: 1, errors: 0 }] }, null, LATER]);
    expect(g.findCall('__proto__', 'constructor', 'rpc')).toBeGreaterThanOrEqual(0);
  });
});

describe('a comparison', () => {
  const figures = (rate: number): object => ({ calls: rate * 300, errors: 0, rate, error_share: 0, p50_ms: 1, p99_ms: 9 });
  const diff = {
    added_nodes: [node('orders', 'database')], removed_nodes: [node('shop/old')],
    added: [{ from: 'shop/cart', to: 'orders', kind: 'database', now: figures(1) }],
    removed: [{ from: 'shop/web', to: 'shop/old', kind: 'rpc', base: figures(7) }],
    changed: [{ from: 'shop/web', to: 'shop/cart', kind: 'rpc', what: ['rate'], base: figures(9), now: figures(2) }],
  };

  it('holds what vanished too, and says of each call how it changed', () => {
    const g = applied([graph, diff, LATER]);
    const change = (from: string, to: string): number => g.calls.change[g.findCall(from, to, '')];
    expect(g.comparing).toBe(true);
    expect(change('shop/cart', 'orders')).toBe(NEW);
    expect(change('shop/web', 'shop/old')).toBe(GONE);
    expect(change('shop/web', 'shop/cart')).toBe(LESS);
    expect(g.calls.rate[g.findCall('shop/web', 'shop/old', '')]).toBe(7);
    expect([g.services.change[g.find('orders')], g.services.change[g.find('shop/old')], g.services.change[g.find('shop/web')]]).toEqual([NEW, GONE, SAME]);
    // What vanished is no traffic of now.
    expect(g.services.rate[g.find('shop/old')]).toBe(0);
  });

  it('tells more from less, and errors from rates', () => {
    const as = (what: string[], base: number, now: number): number => {
      const g = applied([graph, { ...diff, removed: [], changed: [{ ...diff.changed[0], what, base: figures(base), now: figures(now) }] }, LATER]);
      return g.calls.change[g.findCall('shop/web', 'shop/cart', '')];
    };
    expect(as(['rate', 'errors'], 1, 2)).toBe(MORE);
    expect(as(['errors'], 1, 2)).toBe(SAME);
  });

  it('leaves no trace in the graph that follows', () => {
    const g = applied([graph, diff, LATER], [graph, null, LATER]);
    expect(g.comparing).toBe(false);
    expect([...g.callList()].every((c) => g.calls.change[c] === SAME)).toBe(true);
    expect([...g.serviceList()].every((s) => g.services.change[s] === SAME)).toBe(true);
    expect(g.find('shop/old')).toBe(-1);
  });
});

describe('a snapshot after another', () => {
  it('leaves services where they are', () => {
    const g = applied([graph, null, LATER]);
    const before = ['shop/web', 'shop/cart', 'orders'].map((n) => g.find(n));
    g.apply(pastFrame({ ...graph, nodes: [node('new'), ...[...graph.nodes].reverse()] }, null, LATER));
    expect(['shop/web', 'shop/cart', 'orders'].map((n) => g.find(n))).toEqual(before);
    expect(before).not.toContain(g.find('new'));
    expect(g.serviceCount).toBe(4);
  });
});
