/** Curves beside the services of a list: one question for all of them. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { ask } from '../ask';
import type { Health } from '../model/health';
import { isObject } from '../model/json';
import { RANGES, type Range } from '../model/range';
import { Spark } from './spark';
import type { AppState } from './state';

/** So often at most, and whatever the list does: the server reads an hour of the whole graph for an answer. */
const EVERY_MS = 15_000;
const MANY_CALLS = 5_000;
const EVERY_MANY_MS = 60_000;
/** In larger graphs the curves would cost the server more than they show. */
const MOST_CALLS = 20_000;
/** Fewer points than the timeline has: the curves are small. */
const STEP: Readonly<Record<Range, string>> = { '1h': '2m', '6h': '10m', '24h': '1h', '7d': '6h', all: '' };

const numbers = (v: unknown): number[] => (Array.isArray(v) ? v.map((x) => (typeof x === 'number' ? x : 0)) : []);

/** seriesOf reads an answer: for each service its calls and failed shares over time. */
export function seriesOf(v: unknown): Map<string, { calls: number[]; shares: number[] }> {
  const out = new Map<string, { calls: number[]; shares: number[] }>();
  if (!isObject(v) || !Array.isArray(v.series)) return out;
  for (const s of v.series) {
    if (!isObject(s) || typeof s.service !== 'string') continue;
    const calls = numbers(s.calls);
    const errors = numbers(s.errors);
    out.set(s.service, { calls, shares: calls.map((n, i) => (n > 0 ? errors[i] / n : NaN)) });
  }
  return out;
}

/** Keeps the curves of these services up to date; shows nothing. */
export function SeriesLoader({ state, names }: { state: AppState; names: readonly string[] }): null {
  const key = [...names].sort().join('\n');
  const { range } = state.url.value;
  const connected = state.link.value.state === 'live' || state.link.value.state === 'paused';
  useEffect(() => {
    if (!connected || key === '' || state.graph.totals.calls > MOST_CALLS || !RANGES.includes(range)) return;
    const abort = new AbortController();
    const query = new URLSearchParams({ from: range === 'all' ? '' : `-${range}`, to: 'now', step: STEP[range] });
    for (const n of key.split('\n')) query.append('service', n);
    const load = (): void => {
      ask('v1/history', query, abort.signal).then((v) => { if (!abort.signal.aborted) state.series.value = seriesOf(v); }, () => undefined);
    };
    // A list that changes each second must not ask each second.
    const every = state.graph.totals.calls > MANY_CALLS ? EVERY_MANY_MS : EVERY_MS;
    const first = window.setTimeout(load, state.series.value.size === 0 ? 0 : every / 3);
    const timer = window.setInterval(() => { if (!document.hidden) load(); }, every);
    return () => {
      window.clearTimeout(first);
      window.clearInterval(timer);
      abort.abort();
    };
  }, [key, range, connected]);
  return null;
}

/** What the curve is of: calls, or failures of a service in that health. */
export type Tone = 'calls' | Health;

export function RowSpark({ state, name, tone }: { state: AppState; name: string; tone: Tone }): JSX.Element | null {
  const s = state.series.value.get(name);
  if (s === undefined) return null;
  return tone !== 'calls'
    ? <Spark values={s.shares} height={16} tone={tone} top={Math.max(0.1, ...s.shares.filter(Number.isFinite))} label="" />
    : <Spark values={s.calls} height={16} tone="calls" label="" />;
}
