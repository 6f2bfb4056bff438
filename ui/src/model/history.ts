/** Calls over time, as /api/v1/history tells. */
import { isObject } from './json';

export interface History {
  /** Start of the first point, Unix milliseconds. */
  fromMs: number;
  stepMs: number;
  /** Start of all that is kept; 0: nothing is. */
  keptFromMs: number;
  calls: Float64Array;
  errors: Float64Array;
  /** Milliseconds, NaN: nobody measured. Empty for the whole graph. */
  p50: Float64Array;
  p99: Float64Array;
}

function time(v: unknown): number {
  const ms = typeof v === 'string' ? Date.parse(v) : NaN;
  return Number.isFinite(ms) ? ms : 0;
}

function column(v: unknown): Float64Array {
  return Array.isArray(v) ? Float64Array.from(v, (x: unknown) => (typeof x === 'number' ? x : NaN)) : new Float64Array(0);
}

/** historyOf reads an answer. Null: it is not one. */
export function historyOf(v: unknown): History | null {
  if (!isObject(v) || typeof v.step_s !== 'number') return null;
  return {
    fromMs: time(v.from), stepMs: v.step_s * 1_000, keptFromMs: time(v.kept_from),
    calls: column(v.calls), errors: column(v.errors), p50: column(v.p50_ms), p99: column(v.p99_ms),
  };
}

/** The ranges of the timeline, in milliseconds; the last is all that is kept. */
export const RANGES = ['1h', '6h', '24h', '7d', 'all'] as const;
export type Range = (typeof RANGES)[number];

const HOUR = 3_600_000;
export const RANGE_MS: Readonly<Record<Range, number>> = { '1h': HOUR, '6h': 6 * HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, all: Infinity };

/** How much time one picture of the past covers: long enough to hold the rare calls, short enough to see when. */
export const WINDOW_MS: Readonly<Record<Range, number>> = { '1h': 300_000, '6h': 600_000, '24h': 1_800_000, '7d': HOUR, all: HOUR };

/** The distance between points, for the server; empty: it decides. */
export const STEP: Readonly<Record<Range, string>> = { '1h': '30s', '6h': '3m', '24h': '15m', '7d': '1h', all: '' };

/** Points in the middle of a change of one screen pixel are not worth drawing: the heights of bars, 0 to 1, of calls and of failed ones. */
export function bars(h: History): { calls: Float64Array; errors: Float64Array } {
  let most = 0;
  for (const n of h.calls) most = Math.max(most, n);
  const scale = (column: Float64Array): Float64Array => column.map((n) => (most > 0 && n > 0 ? n / most : 0));
  return { calls: scale(h.calls), errors: scale(h.errors) };
}

/** Times on whole units of the clock between two moments, about so many. */
export function ticks(fromMs: number, toMs: number, about: number): number[] {
  const units = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 40_320, 120_960].map((m) => m * 60_000);
  const unit = units.find((u) => (toMs - fromMs) / u <= about) ?? units[units.length - 1];
  // Whole hours and days are those of the reader's clock.
  const shift = new Date(fromMs).getTimezoneOffset() * 60_000;
  const out: number[] = [];
  for (let t = Math.ceil((fromMs - shift) / unit) * unit + shift; t <= toMs; t += unit) out.push(t);
  return out;
}
