import { describe, expect, it } from 'vitest';
import { fleetOf } from '../mock/fleet';
import { SearchIndex, type Candidate } from '../src/model/search';
import { DEFAULT_URL_STATE, formatUrl, parseUrl, type UrlState } from '../src/model/url';

describe('search', () => {
  const names = ['payments-api', 'payment', 'cart', 'shopping-cart', 'api-gateway', '<script>', 'Straße'];
  const candidates: Candidate[] = names.map((text, ref) => ({ text, context: ref < 2 ? 'billing' : 'shop', kind: 'service', ref, weight: ref }));
  const index = new SearchIndex(candidates);
  const found = (query: string): string[] => index.search(query, 10).map((h) => h.candidate.text);

  it('finds nothing for nothing', () => {
    expect(found('')).toEqual([]);
    expect(found('   ')).toEqual([]);
    expect(found('zzz')).toEqual([]);
  });

  it('puts whole names before parts, and parts before scattered letters', () => {
    expect(found('cart')).toEqual(['cart', 'shopping-cart']);
    expect(found('payment')[0]).toBe('payment');
    expect(found('PAPI')).toContain('payments-api');
  });

  it('finds by team, after those found by name', () => {
    expect(found('billing').sort()).toEqual(['payment', 'payments-api']);
  });

  it('marks where it matched', () => {
    expect(index.search('gate', 1)[0].places).toEqual([4, 5, 6, 7]);
  });

  it('answers within the limit', () => {
    expect(index.search('a', 2).length).toBe(2);
  });

  it('answers within 50 ms over 10,000 services', () => {
    const large = new SearchIndex(fleetOf(10_000).services.map((v, ref) => ({ text: v.label, context: v.namespace, kind: 'service', ref, weight: v.rate })));
    const took = ['c', 'ca', 'cart', 'crtapi', 'zz', 'commerce'].map((query) => Math.min(...Array.from({ length: 3 }, () => {
      const start = performance.now();
      large.search(query, 9);
      return performance.now() - start;
    })));
    expect(large.search('cart', 9).length).toBe(9);
    expect(Math.max(...took)).toBeLessThan(50);
  });
});

describe('the URL', () => {
  it('holds the whole state of the page', () => {
    const states: UrlState[] = [
      DEFAULT_URL_STATE,
      { ...DEFAULT_URL_STATE, view: 'table', focus: 'shop/a b&c=%2F', filter: 'failing', sort: 'p99', descending: false },
      { ...DEFAULT_URL_STATE, view: 'matrix', up: 0, down: 3, group: 'community', folded: ['n:a b', 'c:shop/x&y'], still: 2.5 },
      { ...DEFAULT_URL_STATE, team: '日本', theme: 'light', quality: 'low', sort: 'from', descending: true },
    ];
    states.push({
      ...DEFAULT_URL_STATE, at: '2026-01-31T10:00:05Z', base: '2026-01-31T09:00:00Z', range: '7d', caller: 'a/b', callee: 'c&d', callKind: 'link',
      part: { namespace: 'shop', team: 'blue & co', environment: 'prod', kind: 'rpc', minErrors: 0.025, minRate: 12.5, failing: true, noInferred: true, hops: 3, direction: 'up', to: 'x/y', viaInferred: true },
    });
    for (const s of states) expect(parseUrl(formatUrl(s))).toEqual(s);
  });

  it('is empty when all is as by default', () => {
    expect(formatUrl(DEFAULT_URL_STATE)).toBe('');
  });

  it('ignores what it does not understand', () => {
    expect(parseUrl('?at=yesterday&base=&range=2y&errors=7&rate=-1&kind=cake&hops=99&direction=left&call=none')).toEqual(DEFAULT_URL_STATE);
    expect(parseUrl('?view=cake&theme=pink&sort=-nothing&quality=&x=1')).toEqual(DEFAULT_URL_STATE);
    expect(parseUrl(`?focus=${'x'.repeat(5000)}`).focus.length).toBe(1024);
  });
});
