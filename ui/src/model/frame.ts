/** The data frames of the stream, decoded to columns. See docs/protocol.md. */

export const SERVICE_KINDS = ['service', 'database', 'messaging', 'external', 'user'] as const;
export type ServiceKind = (typeof SERVICE_KINDS)[number];

export const CALL_KINDS = ['rpc', 'database', 'messaging', 'link'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** How a service or a call differs from the base that is compared with; index into it is its code. */
export const CHANGES = ['same', 'new', 'gone', 'more', 'less'] as const;
export const SAME = 0;
export const NEW = 1;
export const GONE = 2;
export const MORE = 3;
export const LESS = 4;

/** Why the picture may be incomplete, or another standing fact. */
export interface Mark {
  reason: string;
  text: string;
  /** Unix milliseconds, 0 when not said. */
  sinceMs: number;
}

export interface Status {
  lagMs: number;
  marks: Mark[];
}

/** The figures of services, in step with some column of numbers. NaN: not known. */
export interface ServiceFigures {
  /** Calls a second into the service. */
  rate: Float32Array;
  /** Failed share of them, 0 to 1. */
  errorRate: Float32Array;
  p50: Float32Array;
  p99: Float32Array;
}

export interface ServiceRows extends ServiceFigures {
  id: Uint32Array;
  name: string[];
  namespace: string[];
  label: string[];
  /** What the service's own spans told; empty: nothing. */
  team: string[];
  environment: string[];
  /** Index into SERVICE_KINDS. */
  kind: Uint8Array;
  /** Codes of CHANGES; missing: nothing is compared. */
  change?: Uint8Array;
}

export interface ServiceChanges extends ServiceFigures {
  id: Uint32Array;
}

/** The figures of calls; latencies in milliseconds, NaN: not known. */
export interface CallFigures {
  rate: Float32Array;
  errorRate: Float32Array;
  p50: Float32Array;
  p95: Float32Array;
  p99: Float32Array;
  /** All calls in the window. */
  calls: Float64Array;
  /** All failed calls in the window. */
  errors: Float64Array;
  /** Unix milliseconds. */
  lastSeen: Float64Array;
}

export interface CallRows extends CallFigures {
  id: Uint32Array;
  /** Numbers of services. */
  from: Uint32Array;
  to: Uint32Array;
  /** Index into CALL_KINDS. */
  kind: Uint8Array;
  firstSeen: Float64Array;
  /** Codes of CHANGES; missing: nothing is compared. */
  change?: Uint8Array;
}

export interface CallChanges extends CallFigures {
  id: Uint32Array;
}

export interface DataFrame {
  message: 'snapshot' | 'delta';
  /** Set in a snapshot, empty in a delta. */
  epoch: string;
  seq: number;
  /** The frame holds every change after base up to seq. */
  base: number;
  timeMs: number;
  lagMs: number;
  status: Status | null;
  services: ServiceRows;
  serviceChanges: ServiceChanges;
  calls: CallRows;
  callChanges: CallChanges;
  removedServices: Uint32Array;
  removedCalls: Uint32Array;
  /** The rows say how they differ from a base. */
  comparing?: boolean;
}

export interface Hello {
  message: 'hello';
  protocol: number;
  version: string;
  epoch: string;
  windowS: number;
  rateS: number;
  serverTimeMs: number;
  status: Status | null;
}

export interface Resync {
  message: 'resync';
  reason: string;
}

export interface Bye {
  message: 'bye';
  reason: string;
  text: string;
  retryMs: number;
}

export interface Pong {
  message: 'pong';
  timeMs: number;
  lagMs: number;
}

export type ControlFrame = Hello | Resync | Bye | Pong;
export type Frame = DataFrame | ControlFrame;

/** FrameError: the server sent something that the protocol does not allow. */
export class FrameError extends Error {
  constructor(what: string) {
    super(`stream: ${what}`);
    this.name = 'FrameError';
  }
}
