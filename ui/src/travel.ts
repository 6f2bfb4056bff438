/** Fetches pictures of the past: one at a time, and only the newest of those that are wanted. */
import { ask, AskError } from './ask';
import type { DataFrame } from './model/frame';
import { WINDOW_MS } from './model/history';
import { isObject } from './model/json';
import { PastError, pastFrame } from './model/past';
import { momentText } from './model/url';
import type { AppState, ChangedCall, ChangedFigures } from './panels/state';

type Raw = { readonly [key: string]: unknown };

interface Wish {
  at: string;
  base: string;
  windowMs: number;
}

const num = (v: unknown): number => (typeof v === 'number' ? v : NaN);

function figures(v: unknown): ChangedFigures {
  const f: Raw = isObject(v) ? v : {};
  return { rate: num(f.rate), errorShare: num(f.error_share), p99: num(f.p99_ms) };
}

function changedCalls(diff: unknown): ChangedCall[] {
  if (!isObject(diff) || !Array.isArray(diff.changed)) return [];
  return diff.changed.filter(isObject).map((e: Raw) => ({
    from: String(e.from), to: String(e.to), kind: String(e.kind),
    what: Array.isArray(e.what) ? e.what.map(String) : [], base: figures(e.base), now: figures(e.now),
  }));
}

function span(v: unknown): { fromMs: number; toMs: number } {
  const o: Raw = isObject(v) ? v : {};
  return { fromMs: Date.parse(String(o.from)), toMs: Date.parse(String(o.to)) };
}

export class Travel {
  private running = false;
  private waiting: Wish | null = null;

  constructor(private readonly state: AppState, private readonly show: (frame: DataFrame) => void) {}

  /** Shows the window that the URL asks for, as soon as it is here. */
  request(): void {
    const { at, base, range } = this.state.url.value;
    const wish = { at, base, windowMs: WINDOW_MS[range] };
    if (this.running) {
      this.waiting = wish;
      return;
    }
    void this.run(wish);
  }

  private async run(wish: Wish): Promise<void> {
    this.running = true;
    this.state.travelling.value = true;
    try {
      await this.fetch(wish);
      this.state.travelError.value = '';
    } catch (e) {
      if (!(e instanceof AskError) && !(e instanceof PastError)) throw e;
      this.state.travelError.value = e.message; // the picture stays as it is
    }
    this.running = false;
    const next = this.waiting;
    this.waiting = null;
    if (next !== null) await this.run(next);
    else this.state.travelling.value = false;
  }

  private async fetch(wish: Wish): Promise<void> {
    const window = (end: string): [string, string] => [momentText(Date.parse(end) - wish.windowMs), end];
    const [from, to] = window(wish.at);
    const pair = wish.base === '' ? null : window(wish.base);
    const [graph, diff] = await Promise.all([
      ask('v1/graph', { from, to }),
      pair === null ? null : ask('v1/diff', { from, to, base_from: pair[0], base_to: pair[1], significant: 'true' }),
    ]);
    // In the meantime the reader may have gone back to the present.
    if (this.state.live.value) return;
    const frame = pastFrame(graph, diff, this.state.now());
    this.state.window.value = { ...span(graph), base: isObject(diff) ? span(diff.base) : null };
    this.state.changed.value = changedCalls(diff);
    this.show(frame);
  }
}
