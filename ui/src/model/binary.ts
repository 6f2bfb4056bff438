import { FrameError, type DataFrame } from './frame';
import { statusOf, parseJson } from './json';

const HEADER_BYTES = 32;
const ENTRY_BYTES = 12;
const MAGIC = 0x31534347; // "GCS1", little-endian

const U8 = 1;
const U32 = 2;
const F32 = 3;
const F64 = 4;

/** The element type of each column that this reader knows. */
const COLUMN_TYPES: ReadonlyMap<number, number> = new Map([
  [1, U8], [2, U8], [10, U8], [11, U32], [19, U32],
  [20, U32], [21, U32], [22, U32], [23, U32], [24, U8], [25, F32], [26, F32], [27, F32], [28, F32], [29, U32],
  [30, U32], [31, F32], [32, F32], [33, F32], [34, F32],
  [40, U32], [41, U32], [42, U32], [43, U8], [44, F32], [45, F32], [46, F32], [47, F32], [48, F32],
  [49, F64], [50, F64], [51, F64], [52, F64],
  [60, U32], [61, F32], [62, F32], [63, F32], [64, F32], [65, F32], [66, F64], [67, F64], [68, F64],
  [80, U32], [81, U32],
]);

const ELEMENT_BYTES = [0, 1, 4, 4, 8];

interface Entry {
  type: number;
  offset: number;
  length: number;
}

/** Columns gives typed views into one binary frame; nothing is copied. */
class Columns {
  private readonly entries = new Map<number, Entry>();

  constructor(private readonly buffer: ArrayBuffer, count: number) {
    const view = new DataView(buffer);
    for (let i = 0; i < count; i++) {
      const at = HEADER_BYTES + i * ENTRY_BYTES;
      const column = view.getUint16(at, true);
      const entry = { type: view.getUint8(at + 2), offset: view.getUint32(at + 4, true), length: view.getUint32(at + 8, true) };
      const type = COLUMN_TYPES.get(column);
      if (type === undefined) continue;
      if (entry.type !== type) throw new FrameError(`column ${column} has element type ${entry.type}, want ${type}`);
      if (entry.offset % 8 !== 0) throw new FrameError(`column ${column} is misaligned`);
      if (entry.offset + entry.length * ELEMENT_BYTES[type] > buffer.byteLength) throw new FrameError(`column ${column} reaches past the end`);
      if (this.entries.has(column)) throw new FrameError(`column ${column} occurs twice`);
      this.entries.set(column, entry);
    }
  }

  private find(column: number, rows: number): Entry {
    const entry = this.entries.get(column) ?? { type: 0, offset: 0, length: 0 };
    if (rows >= 0 && entry.length !== rows) throw new FrameError(`column ${column} has ${entry.length} elements, want ${rows}`);
    return entry;
  }

  u8(column: number, rows = -1): Uint8Array {
    const e = this.find(column, rows);
    return new Uint8Array(this.buffer, e.offset, e.length);
  }

  u32(column: number, rows = -1): Uint32Array {
    const e = this.find(column, rows);
    return new Uint32Array(this.buffer, e.offset, e.length);
  }

  f32(column: number, rows: number): Float32Array {
    const e = this.find(column, rows);
    return new Float32Array(this.buffer, e.offset, e.length);
  }

  f64(column: number, rows: number): Float64Array {
    const e = this.find(column, rows);
    return new Float64Array(this.buffer, e.offset, e.length);
  }

  text(column: number): string {
    return new TextDecoder().decode(this.u8(column));
  }
}

function strings(columns: Columns): string[] {
  const bytes = columns.u8(10);
  const ends = columns.u32(11);
  const decoder = new TextDecoder();
  const out = new Array<string>(ends.length);
  let start = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i];
    if (end < start || end > bytes.length) throw new FrameError(`string ${i} ends at ${end}`);
    out[i] = decoder.decode(bytes.subarray(start, end));
    start = end;
  }
  return out;
}

function lookUp(table: string[], numbers: Uint32Array): string[] {
  const out = new Array<string>(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const s = table[numbers[i]];
    if (s === undefined) throw new FrameError(`string ${numbers[i]} of ${table.length}`);
    out[i] = s;
  }
  return out;
}

/** A column of strings that may be left out. */
function optional(table: string[], numbers: Uint32Array, rows: number): string[] {
  if (numbers.length === 0) return new Array<string>(rows).fill('');
  if (numbers.length !== rows) throw new FrameError(`an optional column has ${numbers.length} elements, want ${rows}`);
  return lookUp(table, numbers);
}

/**
 * decodeBinary reads a binary frame. The columns of the result are views into
 * the buffer, which the caller gives away. Throws FrameError.
 */
export function decodeBinary(buffer: ArrayBuffer): DataFrame {
  if (buffer.byteLength < HEADER_BYTES) throw new FrameError(`binary frame of ${buffer.byteLength} bytes`);
  const head = new DataView(buffer);
  if (head.getUint32(0, true) !== MAGIC) throw new FrameError('binary frame does not start with GCS1');
  const message = head.getUint8(4);
  if (message !== 1 && message !== 2) throw new FrameError(`binary message ${message}`);
  const count = head.getUint16(6, true);
  if (HEADER_BYTES + count * ENTRY_BYTES > buffer.byteLength) throw new FrameError('directory reaches past the end');
  if (head.getUint32(28, true) !== buffer.byteLength) throw new FrameError('length in the header differs from the frame');

  const c = new Columns(buffer, count);
  const table = strings(c);
  const s = c.u32(20);
  const sc = c.u32(30);
  const e = c.u32(40);
  const ec = c.u32(60);
  const statusText = c.text(2);
  return {
    message: message === 1 ? 'snapshot' : 'delta',
    epoch: c.text(1),
    seq: head.getUint32(8, true),
    base: head.getUint32(12, true),
    timeMs: head.getFloat64(16, true),
    lagMs: head.getUint32(24, true),
    status: statusText === '' ? null : statusOf(parseJson(statusText)),
    services: {
      id: s,
      name: lookUp(table, c.u32(21, s.length)),
      namespace: lookUp(table, c.u32(22, s.length)),
      label: lookUp(table, c.u32(23, s.length)),
      team: optional(table, c.u32(29), s.length),
      environment: optional(table, c.u32(19), s.length),
      kind: c.u8(24, s.length),
      rate: c.f32(25, s.length), errorRate: c.f32(26, s.length), p50: c.f32(27, s.length), p99: c.f32(28, s.length),
    },
    serviceChanges: {
      id: sc,
      rate: c.f32(31, sc.length), errorRate: c.f32(32, sc.length), p50: c.f32(33, sc.length), p99: c.f32(34, sc.length),
    },
    calls: {
      id: e,
      from: c.u32(41, e.length), to: c.u32(42, e.length), kind: c.u8(43, e.length),
      rate: c.f32(44, e.length), errorRate: c.f32(45, e.length),
      p50: c.f32(46, e.length), p95: c.f32(47, e.length), p99: c.f32(48, e.length),
      calls: c.f64(49, e.length), errors: c.f64(50, e.length),
      firstSeen: c.f64(51, e.length), lastSeen: c.f64(52, e.length),
    },
    callChanges: {
      id: ec,
      rate: c.f32(61, ec.length), errorRate: c.f32(62, ec.length),
      p50: c.f32(63, ec.length), p95: c.f32(64, ec.length), p99: c.f32(65, ec.length),
      calls: c.f64(66, ec.length), errors: c.f64(67, ec.length), lastSeen: c.f64(68, ec.length),
    },
    removedServices: c.u32(80),
    removedCalls: c.u32(81),
  };
}
