/** The bar at the bottom: traffic over time, and the handles with which one travels. */
import './timeline.css';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, AskError } from '../ask';
import { clock, count, dayAndClock, percent } from '../model/format';
import { bars, extended, historyOf, stepOf, ticks, WINDOW_MS, type History } from '../model/history';
import { RANGE_MS, RANGES, type Range } from '../model/range';
import { momentText } from '../model/url';
import { Pause, Play, Step } from './icons';
import type { AppState } from './state';
import { pause } from './time';

/** The end of the history is asked for again so often, and all of it now and then, since late spans amend it. */
const SHORT_EVERY_MS = 10_000;
const LONG_EVERY_MS = 60_000;
const ALL_EVERY_MS = 5 * 60_000;
/** So many of the last points are asked for again: spans may be some minutes late. */
const LAST_POINTS = 6;
/** While it plays the picture moves on so often, and crosses the whole range in so many steps. */
const PLAY_EVERY_MS = 1_000;
const PLAY_STEPS = 60;
/** So near to the right end of the timeline a handle means now. */
const NOW_SHARE = 0.006;
const HEIGHT = 40;
const GAP = 0.22;

interface Scale {
  fromMs: number;
  toMs: number;
}

const RANGE_NAMES: Readonly<Record<Range, string>> = { '1h': '1 h', '6h': '6 h', '24h': '24 h', '7d': '7 d', all: 'All' };

/** Asks for the history now and then; the newest answer, and why there is none. */
function useHistory(state: AppState): { history: History | null; why: string } {
  const { range } = state.url.value;
  const [answer, setAnswer] = useState<{ history: History | null; why: string }>({ history: null, why: '' });
  const connected = state.link.value.state !== 'waiting' && state.link.value.state !== 'connecting';
  useEffect(() => {
    if (!connected) return;
    const abort = new AbortController();
    const step = stepOf(range, state.graph.totals.calls);
    let all: History | null = null;
    let allAt = -Infinity;
    let busy = false;
    const load = async (): Promise<void> => {
      if (busy || document.hidden) return;
      busy = true;
      const whole = all === null || step === '' || performance.now() - allAt > ALL_EVERY_MS;
      const from = whole ? (range === 'all' ? '' : `-${range}`) : momentText(state.now() - LAST_POINTS * (all?.stepMs ?? 0));
      try {
        const got = historyOf(await ask('v1/history', { from, to: 'now', step }, abort.signal));
        if (whole) allAt = performance.now();
        all = whole || all === null || got === null ? got : extended(all, got);
        if (!abort.signal.aborted && all !== null) setAnswer({ history: all, why: '' });
      } catch (e) {
        if (!(e instanceof AskError)) throw e;
        if (!abort.signal.aborted) setAnswer((a) => ({ ...a, why: e.message }));
      }
      busy = false;
    };
    void load();
    const timer = window.setInterval(() => void load(), range === '1h' || range === '6h' ? SHORT_EVERY_MS : LONG_EVERY_MS);
    return () => {
      window.clearInterval(timer);
      abort.abort();
    };
  }, [range, connected]);
  return answer;
}

/** The path of all bars of one colour, in units of one bar across and HEIGHT down. least: the height of the lowest, by bar. */
function barPath(heights: Float64Array, least: (bar: number) => number): string {
  let d = '';
  heights.forEach((h, i) => {
    if (h > 0) d += `M${i + GAP / 2} ${HEIGHT}V${(HEIGHT - Math.max(least(i), h * (HEIGHT - 2))).toFixed(2)}h${1 - GAP}V${HEIGHT}z`;
  });
  return d;
}

/** From this failed share on a bar shows red even where the failures would be too few to see. */
const SEEN_SHARE = 0.01;

function Bars({ history, scale }: { history: History; scale: Scale }): JSX.Element {
  const { calls, errors } = bars(history);
  const width = scale.toMs - scale.fromMs;
  const left = (history.fromMs - scale.fromMs) / width;
  const share = (calls.length * history.stepMs) / width;
  return (
    <svg class="bars" aria-hidden="true" viewBox={`0 0 ${Math.max(1, calls.length)} ${HEIGHT}`} preserveAspectRatio="none"
      style={{ left: `${left * 100}%`, width: `${share * 100}%` }}>
      <path class="traffic" d={barPath(calls, () => 1)} />
      <path class="failed" d={barPath(errors, (i) => (history.errors[i] / history.calls[i] >= SEEN_SHARE ? 2 : 0))} />
    </svg>
  );
}

interface HandleProps {
  label: string;
  tone: 'now' | 'base';
  scale: Scale;
  atMs: number;
  live: boolean;
  step: number;
  move: (ms: number) => void;
}

function Handle({ label, tone, scale, atMs, live, step, move }: HandleProps): JSX.Element {
  const share = Math.min(1, Math.max(0, (atMs - scale.fromMs) / (scale.toMs - scale.fromMs)));
  const key = (e: KeyboardEvent): void => {
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageDown: -step * 10, PageUp: step * 10 }[e.key];
    if (by !== undefined) move(atMs + by);
    else if (e.key === 'Home') move(scale.fromMs);
    else if (e.key === 'End') move(scale.toMs);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class={`handle ${tone}`} role="slider" tabIndex={0} aria-label={label} aria-orientation="horizontal" style={{ left: `${share * 100}%` }}
      aria-valuemin={Math.round(scale.fromMs / 1_000)} aria-valuemax={Math.round(scale.toMs / 1_000)} aria-valuenow={Math.round(atMs / 1_000)}
      aria-valuetext={live ? 'live' : dayAndClock(atMs)} onKeyDown={key} />
  );
}

/** Sends the handle of the moment, or of the base, to a time. */
function moveTo(state: AppState, which: 'at' | 'base', ms: number, scale: Scale, push: boolean): void {
  const text = momentText(Math.max(scale.fromMs, Math.min(scale.toMs, ms)));
  const now = (scale.toMs - ms) / (scale.toMs - scale.fromMs) < NOW_SHARE;
  if (which === 'base') state.go({ base: text }, push);
  else if (now && state.url.value.base === '') state.go({ at: '' }, push);
  else state.go({ at: text }, push);
}

function Track({ state, history, scale }: { state: AppState; history: History | null; scale: Scale }): JSX.Element {
  const { at, base, range } = state.url.value;
  const track = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number | null>(null);
  const dragging = useRef<'at' | 'base' | null>(null);
  const timeAt = (e: PointerEvent): number => {
    const box = track.current?.getBoundingClientRect();
    return box === undefined ? scale.toMs : scale.fromMs + ((e.clientX - box.left) / box.width) * (scale.toMs - scale.fromMs);
  };
  const atMs = at === '' ? scale.toMs : Date.parse(at);
  const baseMs = Date.parse(base);
  const step = Math.max(10_000, (scale.toMs - scale.fromMs) / 360);
  const down = (e: PointerEvent): void => {
    if (e.button !== 0) return;
    const t = timeAt(e);
    dragging.current = base !== '' && Math.abs(t - baseMs) < Math.abs(t - atMs) ? 'base' : 'at';
    track.current?.setPointerCapture(e.pointerId);
    state.playing.value = false;
    moveTo(state, dragging.current, t, scale, true);
  };
  const drag = (e: PointerEvent): void => {
    const t = timeAt(e);
    setHover(Math.max(scale.fromMs, Math.min(scale.toMs, t)));
    if (dragging.current !== null) moveTo(state, dragging.current, t, scale, false);
  };
  const place = (ms: number): string => `${Math.min(100, Math.max(0, ((ms - scale.fromMs) / (scale.toMs - scale.fromMs)) * 100))}%`;
  const windowMs = WINDOW_MS[range];
  const longRange = scale.toMs - scale.fromMs > 86_400_000 * 1.5;
  const [start, end] = base === '' ? [atMs - windowMs, atMs] : [Math.min(atMs, baseMs), Math.max(atMs, baseMs)];
  return (
    <div class="track" ref={track} onPointerDown={down} onPointerMove={drag} onPointerLeave={() => setHover(null)}
      onPointerUp={() => { dragging.current = null; }} onPointerCancel={() => { dragging.current = null; }}>
      {history !== null && <Bars history={history} scale={scale} />}
      {(at !== '' || base !== '') && <div class="span" style={{ left: place(start), right: `calc(100% - ${place(end)})` }} />}
      {base !== '' && <Handle label="Moment that is compared with" tone="base" scale={scale} atMs={baseMs} live={false} step={step} move={(ms) => moveTo(state, 'base', ms, scale, false)} />}
      <Handle label="Moment shown" tone="now" scale={scale} atMs={atMs} live={at === ''} step={step} move={(ms) => moveTo(state, 'at', ms, scale, false)} />
      {hover !== null && <div class="at-pointer num" aria-hidden="true" style={{ left: place(hover) }}>{pointText(history, hover)}</div>}
      <div class="axis num" aria-hidden="true">
        {ticks(scale.fromMs, scale.toMs, Math.max(2, Math.min(8, Math.floor((track.current?.clientWidth ?? 600) / (longRange ? 110 : 74))))).map((t) => <span key={t} style={{ left: place(t) }}>{longRange ? dayAndClock(t) : clock(t)}</span>)}
      </div>
    </div>
  );
}

/** What the bar under the pointer stands for. */
function pointText(history: History | null, ms: number): string {
  if (history === null) return dayAndClock(ms);
  const i = Math.floor((ms - history.fromMs) / history.stepMs);
  const calls = history.calls[i];
  if (calls === undefined) return dayAndClock(ms);
  return `${dayAndClock(ms)} · ${count(calls)} calls${history.errors[i] > 0 ? ` · ${percent(history.errors[i] / calls)} err` : ''}`;
}

/** Moves a picture of the past on, second by second. */
function usePlay(state: AppState, scale: Scale): void {
  const playing = state.playing.value;
  useEffect(() => {
    if (!playing) return;
    const timer = window.setInterval(() => {
      if (state.travelling.value) return; // the picture before is not here yet
      const next = Date.parse(state.url.value.at) + (scale.toMs - scale.fromMs) / PLAY_STEPS;
      if (Number.isNaN(next) || next >= state.now()) {
        state.playing.value = false;
        state.go({ at: '', base: '' }, false);
      } else state.go({ at: momentText(next) }, false);
    }, PLAY_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [playing, scale.toMs - scale.fromMs]);
}

function Buttons({ state, scale }: { state: AppState; scale: Scale }): JSX.Element {
  const live = state.live.value;
  const playing = state.playing.value;
  const step = (sign: number): void => {
    state.playing.value = false;
    moveTo(state, 'at', (live ? scale.toMs : Date.parse(state.url.value.at)) + (sign * (scale.toMs - scale.fromMs)) / PLAY_STEPS, scale, true);
  };
  const running = live || playing;
  return (
    <div class="play">
      <button type="button" aria-label="Step back" onClick={() => step(-1)}><Step back={true} /></button>
      <button type="button" class="big" aria-label={running ? 'Pause' : 'Play'} disabled={state.url.value.base !== ''} onClick={() => pause(state)}>{running ? <Pause /> : <Play />}</button>
      <button type="button" aria-label="Step on" disabled={live} onClick={() => step(1)}><Step back={false} /></button>
    </div>
  );
}

export function Timeline({ state }: { state: AppState }): JSX.Element {
  const { range, base } = state.url.value;
  const { history, why } = useHistory(state);
  state.version.value; // the present moves on
  const toMs = state.now();
  const kept = history !== null && history.keptFromMs > 0 ? history.keptFromMs : toMs - RANGE_MS['1h'];
  const scale = { toMs, fromMs: range === 'all' ? Math.min(kept, toMs - RANGE_MS['1h']) : toMs - RANGE_MS[range] };
  usePlay(state, scale);
  return (
    <section class="timeline" aria-label="Timeline">
      <Buttons state={state} scale={scale} />
      <Track state={state} history={history} scale={scale} />
      <div class="ranges" role="group" aria-label="How far back the timeline reaches">
        {RANGES.map((r) => <button type="button" key={r} class={r === range ? 'on' : ''} aria-pressed={r === range} onClick={() => state.go({ range: r }, false)}>{RANGE_NAMES[r]}</button>)}
      </div>
      <button type="button" class="plain to-live" disabled={state.live.value && base === ''} onClick={() => state.go({ at: '', base: '' })}>Live</button>
      {why !== '' && history === null && <p class="why sub" role="status">No history: {why}.</p>}
    </section>
  );
}
