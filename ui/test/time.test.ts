import { describe, expect, it } from 'vitest';
import { aboutOf, NOTHING_KNOWN, portOf } from '../src/model/about';
import { bars, extended, historyOf, ticks, type History } from '../src/model/history';
import { seriesOf } from '../src/panels/row-sparks';
import { sparkPath } from '../src/panels/spark';
import { traceLink } from '../src/panels/trace-link';

describe('history', () => {
  it('is read from columns', () => {
    const h = historyOf({ from: '2026-01-01T10:00:00Z', to: '2026-01-01T10:02:00Z', step_s: 60, kept_from: '2025-12-01T00:00:00Z', calls: [1, 4], errors: [0, 1], p50_ms: [null, 2], p99_ms: [null, 3] });
    expect(h).toMatchObject({ fromMs: Date.parse('2026-01-01T10:00:00Z'), stepMs: 60_000, keptFromMs: Date.parse('2025-12-01T00:00:00Z') });
    expect([...(h?.p99 ?? [])]).toEqual([NaN, 3]);
    expect(h === null ? null : [[...bars(h).calls], [...bars(h).errors]]).toEqual([[0.25, 1], [0, 0.25]]);
  });

  it('takes a newer end, and moves on with it', () => {
    const h = (fromMs: number, ...calls: number[]): History => ({ fromMs, stepMs: 10, keptFromMs: 1, calls: Float64Array.from(calls), errors: Float64Array.from(calls), p50: new Float64Array(0), p99: new Float64Array(0) });
    const long = h(100, 1, 2, 3, 4);
    const calls = (x: History | null): [number, number[]] | null => (x === null ? null : [x.fromMs, [...x.calls]]);
    expect(calls(extended(long, h(120, 7, 8)))).toEqual([100, [1, 2, 7, 8]]);
    expect(calls(extended(long, h(120, 7, 8, 9)))).toEqual([110, [2, 7, 8, 9]]);
    expect(calls(extended(long, h(140, 9)))).toEqual([110, [2, 3, 4, 9]]);
    expect(extended(long, h(150, 9))).toBeNull();
    expect(extended(long, h(125, 9))).toBeNull();
    expect(extended(long, { ...h(120, 9), stepMs: 20 })).toBeNull();
  });

  it('may be of an empty store, and is nothing else', () => {
    expect(historyOf({ from: null, to: null, step_s: 0, kept_from: null, calls: [], errors: [] })).toMatchObject({ keptFromMs: 0 });
    for (const bad of [null, 3, [], {}, { step_s: '1' }]) expect(historyOf(bad)).toBeNull();
  });

  it('has ticks on the clock', () => {
    const from = Date.parse('2026-01-01T10:03:20Z');
    const hour = ticks(from, from + 3_600_000, 7);
    expect(hour.length).toBeGreaterThanOrEqual(4);
    expect(hour.length).toBeLessThanOrEqual(8);
    for (const t of hour) expect(t % 600_000).toBe(0);
    for (const length of [60_000, 86_400_000, 7 * 86_400_000, 400 * 86_400_000]) expect(ticks(from, from + length, 7).length, String(length)).toBeLessThanOrEqual(9);
  });
});

describe('series of a list', () => {
  it('are read by service, with gaps where nothing was called', () => {
    const s = seriesOf({ series: [{ service: 'a', calls: [4, 0], errors: [1, 0] }, { service: '__proto__', calls: [], errors: [] }, 7, { calls: [1] }] });
    expect([...s.keys()]).toEqual(['a', '__proto__']);
    expect(s.get('a')).toEqual({ calls: [4, 0], shares: [0.25, NaN] });
    for (const bad of [null, {}, { series: 1 }]) expect(seriesOf(bad).size).toBe(0);
  });
});

describe('a curve', () => {
  it('breaks where nothing is known', () => {
    const { line } = sparkPath([1, 2, NaN, 3, 4], 4, 30);
    expect(line.match(/M/g)).toHaveLength(2);
    expect(sparkPath([NaN, NaN], 1, 30)).toEqual({ line: '', area: '' });
  });

  it('stays in its box', () => {
    const { line } = sparkPath([0, 50, 100, 1e9], 100, 30);
    for (const y of [...line.matchAll(/ (-?[\d.]+)/g)].map((m) => Number(m[1]))) {
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(30);
    }
  });
});

describe('a link to traces', () => {
  const template = 'https://jaeger.example/search?service={service}&start={from}&end={to}';

  it('is filled in', () => {
    expect(traceLink(template, 'web', 1000.4, 2000)).toBe('https://jaeger.example/search?service=web&start=1000&end=2000');
    expect(traceLink('', 'web', 1, 2)).toBe('');
  });

  it('lets no name become more than a value', () => {
    for (const name of ['a&end=0', 'a#b', 'x y', '"><script>', "');alert(1)//", '../../admin', '{from}', '\u202Egnp', '日本', '%2e%2e']) {
      const url = new URL(traceLink(template, name, 1, 2));
      expect(url.origin).toBe('https://jaeger.example');
      expect(url.pathname).toBe('/search');
      expect(url.searchParams.get('service'), name).toBe(name);
      expect(url.hash).toBe('');
    }
    expect(new URL(traceLink('https://x.example/s/{service}/t', 'a/../b', 1, 2)).pathname).toBe('/s/a%2F%2E%2E%2Fb/t');
    expect(traceLink('https://x.example/s/{service}/t', '..', 1, 2)).toBe('');
    expect(traceLink(template, '\ud800', 1, 2)).toContain('service=&');
  });

  it('leads to pages of the template alone', () => {
    for (const bad of ['javascript:alert("{service}")', 'data:text/html,{service}', '//x.example/{service}', 'https://{service}/x', 'https://{service}.example/x']) {
      expect(traceLink(bad, 'evil.example', 1, 2), bad).toBe('');
    }
  });
});

describe('what the server says about itself', () => {
  it('is read, and missing things are as unknown', () => {
    expect(aboutOf(null)).toEqual(NOTHING_KNOWN);
    expect(aboutOf({ durability: { text: 'safe' }, horizon_s: 3600, settle_s: 5, trace_url: 'https://x/{service}', ports: { otlp_grpc: '127.0.0.1:1', otlp_http: '[::1]:2' } }))
      .toEqual({ durability: 'safe', horizonS: 3600, settleS: 5, traceUrl: 'https://x/{service}', ports: { grpc: '1', http: '2' } });
    expect(portOf('nonsense', '7')).toBe('7');
  });
});
