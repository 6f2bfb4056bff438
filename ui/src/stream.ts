/** The WebSocket to the server: opens it, keeps it, opens it again. */
import { decodeBinary } from './model/binary';
import { FrameError, type DataFrame, type Frame, type Hello } from './model/frame';
import { decodeText } from './model/json';
import { Session, backoff } from './model/session';

export type Link =
  | { state: 'connecting' }
  | { state: 'live' }
  | { state: 'paused' }
  /** Waiting until the moment (of performance.now) for the next try. */
  | { state: 'waiting'; until: number; why: string };

export interface StreamEvents {
  hello(h: Hello): void;
  /** The frame fits and is to be applied. */
  data(f: DataFrame): void;
  link(l: Link): void;
}

/** Without a frame for so long a connection that should deliver each second is given up. */
const SILENCE_MS = 12_000;
const CHECK_MS = 2_000;

export class Stream {
  private readonly session = new Session();
  private socket: WebSocket | null = null;
  private failures = 0;
  private retry = 0;
  private watch = 0;
  private lastFrame = 0;
  private leastWait = 0;
  private why = '';
  private paused = false;
  private stopped = false;

  constructor(private readonly url: string, private readonly events: StreamEvents) {}

  start(): void {
    this.watch = window.setInterval(() => this.check(), CHECK_MS);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    window.clearInterval(this.watch);
    window.clearTimeout(this.retry);
    this.socket?.close(1000);
  }

  /** Tries at once instead of waiting for the countdown. */
  hurry(): void {
    if (this.socket !== null) return;
    window.clearTimeout(this.retry);
    this.connect();
  }

  /** The page shows something else by now: go on with a snapshot. */
  forget(): void {
    this.session.forget();
  }

  /** A page that is hidden, or shows the past, asks for no deltas. */
  setPaused(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    if (this.socket?.readyState !== WebSocket.OPEN) {
      if (!paused) this.hurry();
      return;
    }
    this.send(paused ? JSON.stringify({ type: 'pause' }) : this.session.opening());
    this.lastFrame = performance.now();
    this.events.link({ state: paused ? 'paused' : 'live' });
  }

  private send(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  private connect(): void {
    if (this.stopped) return;
    this.why = '';
    const socket = new WebSocket(this.url, 'graphctl.v1');
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.lastFrame = performance.now();
    if (this.failures === 0) this.events.link({ state: 'connecting' });
    socket.addEventListener('open', () => this.send(this.session.opening()));
    socket.addEventListener('message', (e: MessageEvent<string | ArrayBuffer>) => {
      if (this.socket === socket) this.receive(e.data);
    });
    socket.addEventListener('close', () => {
      if (this.socket === socket) this.closed();
    });
  }

  private closed(): void {
    this.socket = null;
    if (this.stopped) return;
    const wait = Math.max(this.leastWait, backoff(this.failures, Math.random()));
    this.failures++;
    this.leastWait = 0;
    this.events.link({ state: 'waiting', until: performance.now() + wait, why: this.why });
    this.retry = window.setTimeout(() => this.connect(), wait);
  }

  private giveUp(why: string): void {
    this.why = why;
    const socket = this.socket;
    this.closed();
    socket?.close(4000);
  }

  private check(): void {
    if (this.socket === null || this.paused) return;
    if (performance.now() - this.lastFrame > SILENCE_MS) this.giveUp('The server has gone silent');
  }

  private receive(data: string | ArrayBuffer): void {
    this.lastFrame = performance.now();
    try {
      const frame = typeof data === 'string' ? decodeText(data) : decodeBinary(data);
      if (frame !== null) this.take(frame);
    } catch (e) {
      if (!(e instanceof FrameError)) throw e;
      this.giveUp(e.message);
    }
  }

  private take(frame: Frame): void {
    switch (frame.message) {
      case 'hello':
        if (!this.session.hello(frame)) {
          this.giveUp(`The server speaks protocol ${frame.protocol}; reload the page`);
          return;
        }
        this.events.hello(frame);
        if (this.paused) {
          this.send(JSON.stringify({ type: 'pause' }));
          this.events.link({ state: 'paused' });
        }
        return;
      case 'bye':
        this.why = frame.text || frame.reason;
        this.leastWait = frame.retryMs;
        return;
      case 'resync':
        this.send(JSON.stringify({ type: 'subscribe' }));
        return;
      case 'pong':
        return;
      default:
        this.takeData(frame);
    }
  }

  private takeData(frame: DataFrame): void {
    switch (this.session.judge(frame)) {
      case 'gap':
        this.send(this.session.resume());
        return;
      case 'apply':
        this.failures = 0;
        this.events.data(frame);
        this.events.link({ state: this.paused ? 'paused' : 'live' });
        this.send(this.session.ack());
        return;
      case 'drop':
        this.send(this.session.ack());
    }
  }
}
