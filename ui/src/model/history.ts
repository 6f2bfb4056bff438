/** Calls over time, as /api/v1/history tells. */
import { isObject } from './json';
import { HOUR, type Range } from './range';

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

/** How much time one picture of the past covers: long enough to hold the rare calls, short enough to see when. */
export const WINDOW_MS: Readonly<Record<Range, number>> = { '1h': 300_000, '6h': 600_000, '24h': 1_800_000, '7d': HOUR, all: HOUR };

/** A graph of more calls is asked for fewer points: the server reads each call at each of them. */
const MANY_CALLS = 5_000;
const STEP: Readonly<Record<Range, string>> = { '1h': '30s', '6h': '3m', '24h': '15m', '7d': '1h', all: '' };
const STEP_OF_MANY: Readonly<Record<Range, string>> = { '1h': '1m', '6h': '5m', '24h': '1h', '7d': '6h', all: '' };

/** The distance between points in a graph of so many calls, for the server; empty: it decides. */
export function stepOf(range: Range, calls: number): string {
  return (calls > MANY_CALLS ? STEP_OF_MANY : STEP)[range];
}

/**
 * extended puts a recent piece of history in the place of the end of a longer
 * one, and drops what is older than the longer one reaches back. Null: they do
 * not fit together.
 */
export function extended(long: History, recent: History): History | null {
  const lead = (recent.fromMs - long.fromMs) / long.stepMs;
  if (recent.stepMs !== long.stepMs || !Number.isInteger(lead) || lead < 0 || lead > long.calls.length) return null;
  const grown = Math.max(0, lead + recent.calls.length - long.calls.length);
  const join = (a: Float64Array, b: Float64Array): Float64Array => {
    const out = new Float64Array(lead + b.length - grown);
    out.set(a.subarray(grown, lead));
    out.set(b.subarray(0, out.length), Math.max(0, lead - grown));
    return out;
  };
  if (grown > lead) return null;
  return {
    ...recent, fromMs: long.fromMs + grown * long.stepMs,
    calls: join(long.calls, recent.calls), errors: join(long.errors, recent.errors), p50: recent.p50, p99: recent.p99,
  };
}

/** The heights of bars, 0 to 1: of all calls, and of failed ones. */
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
