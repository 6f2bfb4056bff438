/** The watchdog that trades looks for pace, and back. */

export interface Quality {
  glow: boolean;
  /** Share of the full resolution at which the chord layer is drawn. */
  chordScale: number;
  /** No more comets than this. */
  comets: number;
  /** No more device pixels a CSS pixel than this. */
  pixelRatio: number;
  /** Chords drawn while the picture moves. */
  movingChords: number;
  /** Chords added to the kept layer in one frame. */
  slice: number;
}

/** From best to cheapest. Each step gives up what ui.md's order names next. */
export const LEVELS: readonly Quality[] = [
  { glow: true, chordScale: 1, comets: 3400, pixelRatio: 2, movingChords: 4000, slice: 20000 },
  { glow: false, chordScale: 1, comets: 3400, pixelRatio: 2, movingChords: 4000, slice: 8000 },
  { glow: false, chordScale: 0.5, comets: 3400, pixelRatio: 2, movingChords: 2500, slice: 6000 },
  { glow: false, chordScale: 0.5, comets: 900, pixelRatio: 2, movingChords: 1500, slice: 4000 },
  { glow: false, chordScale: 0.5, comets: 500, pixelRatio: 1, movingChords: 1000, slice: 3000 },
];

/** Where the processor draws: without glow, with a smaller chord layer and few comets. */
export const SOFTWARE_LEVEL = 3;

const SLOW_MS = 40;
/** A frame of this many milliseconds counts as several slow ones: nobody waits seconds for a level that holds. */
const CRAWL_MS = 160;
const CRAWL_WEIGHT = 4;
const FAST_MS = 14;
const FRAMES_TO_LOWER = 8;
const FRAMES_TO_RAISE = 240;
/** Each time a level proves too dear it takes so many times longer until it is tried again. */
const PATIENCE_GROWTH = 4;

/** Decides the level from the cost of frames. Pinned, it stays. */
export class Watchdog {
  private slow = 0;
  private fast = 0;
  /** For each level how many fast frames must come before it is tried again. */
  private readonly patience = LEVELS.map(() => FRAMES_TO_RAISE);
  level: number;

  constructor(level = 0, private readonly pinned = false) {
    this.level = level;
  }

  get quality(): Quality {
    return LEVELS[this.level];
  }

  /** Takes the cost of one frame; true when the level changed. */
  frame(ms: number): boolean {
    if (this.pinned) return false;
    this.slow = ms > SLOW_MS ? this.slow + (ms > CRAWL_MS ? CRAWL_WEIGHT : 1) : Math.max(0, this.slow - 1);
    this.fast = ms < FAST_MS ? this.fast + 1 : 0;
    if (this.slow >= FRAMES_TO_LOWER && this.level < LEVELS.length - 1) {
      this.patience[this.level] *= PATIENCE_GROWTH;
      return this.move(1);
    }
    if (this.level > 0 && this.fast >= this.patience[this.level - 1]) return this.move(-1);
    return false;
  }

  private move(by: number): boolean {
    this.level += by;
    this.slow = 0;
    this.fast = 0;
    return true;
  }
}
