/** Numbers as people read them. All are short and keep their width roughly. */

const whole = new Intl.NumberFormat('en');

export function count(n: number): string {
  return whole.format(Math.round(n));
}

/** A rate a second without its unit: 0, 0.02, 3.4, 41, 1.2k, 567k, 3.62M. */
export function rate(perSecond: number): string {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return '0';
  if (perSecond < 0.01) return '<0.01';
  if (perSecond < 1) return perSecond.toFixed(2);
  if (perSecond < 9.95) return perSecond.toFixed(1);
  if (perSecond < 999.5) return perSecond.toFixed(0);
  if (perSecond < 9_950) return `${(perSecond / 1e3).toFixed(1)}k`;
  if (perSecond < 999_500) return `${(perSecond / 1e3).toFixed(0)}k`;
  return `${(perSecond / 1e6).toFixed(2)}M`;
}

/** A share as per cent: 0%, 0.06%, 2.5%, 41%. */
export function percent(share: number): string {
  if (!Number.isFinite(share) || share <= 0) return '0%';
  if (share < 0.0001) return '<0.01%';
  if (share < 0.001) return `${(share * 100).toFixed(2)}%`;
  if (share < 0.0995) return `${(share * 100).toFixed(1)}%`;
  return `${(share * 100).toFixed(0)}%`;
}

/** A latency: – when unknown, 0.42 ms, 3.1 ms, 18 ms, 1.2 s, 75 s. */
export function latency(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 0.995) return `${ms.toFixed(2)} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 9_950) return `${(ms / 1e3).toFixed(1)} s`;
  return `${(ms / 1e3).toFixed(0)} s`;
}

/** An age: now, 12 s ago, 4 min ago, 2 h ago. */
export function ago(ms: number): string {
  if (ms < 1_500) return 'now';
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s ago`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min ago`;
  return `${Math.round(ms / 3_600_000)} h ago`;
}

/** A delay: 0.4 s behind. */
export function behind(ms: number): string {
  return ms < 9_950 ? `${(ms / 1e3).toFixed(1)} s behind` : `${(ms / 1e3).toFixed(0)} s behind`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const CLOCK_SECONDS = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });

/** A time of the reader's clock: 14:05. */
export function clock(ms: number): string {
  return Number.isFinite(ms) ? CLOCK.format(ms) : '–';
}

/** The same with seconds: 14:05:10. */
export function clockSeconds(ms: number): string {
  return Number.isFinite(ms) ? CLOCK_SECONDS.format(ms) : '–';
}

/** A day and a time: Wed 25 Nov 14:05. */
export function dayAndClock(ms: number): string {
  return Number.isFinite(ms) ? `${DAY.format(ms).replace(',', '')} ${CLOCK.format(ms)}` : '–';
}

/** A window of time: 14:00 → 14:05, with the day when it is not today's. */
export function spanText(fromMs: number, toMs: number, nowMs: number): string {
  const sameDay = new Date(fromMs).toDateString() === new Date(nowMs).toDateString();
  return sameDay ? `${clock(fromMs)} → ${clock(toMs)}` : `${dayAndClock(fromMs)} → ${clock(toMs)}`;
}
