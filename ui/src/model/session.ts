import type { DataFrame, Hello } from './frame';

/** The version of the protocol that this page speaks. */
export const PROTOCOL = 1;

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * backoff is the wait before the next try after the given number of failures
 * in a row (from 0): 0.5 s doubling to 15 s, times 0.5 to 1.5. random is in [0, 1).
 */
export function backoff(failures: number, random: number): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 16));
  return Math.round(wait * (0.5 + random));
}

/** What to do with a data frame. */
export type Verdict = 'apply' | 'drop' | 'gap';

/**
 * Session keeps the place in the stream: which epoch, which sequence number,
 * whether a frame fits. It outlives connections.
 */
export class Session {
  epoch = '';
  seq = 0;
  /** Something was applied, so that there is a place to resume from. */
  started = false;
  private waitingForAnswer = false;
  private forgotten = false;
  private helloEpoch = '';

  /** What was applied is no longer shown: the next answer must be a snapshot. */
  forget(): void {
    this.forgotten = true;
  }

  /** The first message on a new connection, or after a pause. */
  opening(): string {
    this.waitingForAnswer = false;
    // An epoch that no server has: it is answered with a snapshot, and it ends a pause.
    if (this.forgotten) return JSON.stringify({ type: 'resume', epoch: 'none', seq: 0 });
    return this.started ? this.resume() : JSON.stringify({ type: 'subscribe' });
  }

  resume(): string {
    return JSON.stringify({ type: 'resume', epoch: this.epoch, seq: this.seq });
  }

  ack(): string {
    return JSON.stringify({ type: 'ack', seq: this.seq });
  }

  /** False: a server of another protocol. */
  hello(h: Hello): boolean {
    this.helloEpoch = h.epoch;
    return h.protocol === PROTOCOL;
  }

  /** judge says what to do with a frame, and takes note of one to apply. */
  judge(f: DataFrame): Verdict {
    if (f.message === 'snapshot') {
      this.epoch = f.epoch !== '' ? f.epoch : this.helloEpoch;
      this.seq = f.seq;
      this.started = true;
      this.forgotten = false;
      this.waitingForAnswer = false;
      return 'apply';
    }
    if (!this.started || this.forgotten || f.seq <= this.seq || this.helloEpoch !== this.epoch) return 'drop';
    if (f.base > this.seq) {
      if (this.waitingForAnswer) return 'drop';
      this.waitingForAnswer = true;
      return 'gap';
    }
    this.seq = f.seq;
    this.waitingForAnswer = false;
    return 'apply';
  }
}
