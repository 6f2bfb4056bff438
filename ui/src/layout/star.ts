/**
 * The layout of the star: which arc a group gets, which row and angle a
 * service gets. A pure function of names, groups and traffic buckets, so that
 * the picture is the same from load to load. docs/star-layout.md specifies it;
 * graph/export/star is held to the same golden files.
 *
 * World units: the arc band ends at radius OUTER around (0, 0), x to the right, y down.
 */
import { TAU, positive } from './angle';
import { orderSmall } from './order';

/** Outer radius of the arc band. */
export const OUTER = 500;
/** Thickness of the arc band. */
export const BAND = 4;
/** Up to this many services stand in one row with all their names. */
export const SMALL = 60;

export interface StarInput {
  /** Slots run from 0 to high−1; alive says which are taken. */
  high: number;
  alive: Uint8Array;
  /** For each slot its group. */
  group: Uint16Array;
  /** For each slot the logarithmic bucket of its traffic. */
  bucket: Int8Array;
  /** For each slot the place of its name among all names. */
  nameRank: Uint32Array;
  /** Calls, by slots of services. */
  from: Uint32Array;
  to: Uint32Array;
  /** For each group, in the order of the ring: equal numbers stand together. */
  groupParent: Uint16Array;
  groupHue: Uint8Array;
}

export interface StarLayout {
  /** For each slot its place. */
  x: Float32Array;
  y: Float32Array;
  /** For each slot its row, 0 the innermost. */
  row: Uint8Array;
  /** For each slot its gate: where its chords gather. */
  gate: Uint16Array;
  /** For each slot the largest radius that keeps off the neighbours. */
  room: Float32Array;
  /** Four values a gate: angle, hue, angle of the parent group, group. */
  gates: Float64Array;
  /** Four values a group: angle of the middle, span, hue, number of services. */
  arcs: Float64Array;
  /** Radius of the innermost row. */
  inner: number;
  services: number;
}

interface Spacing {
  /** Distance between neighbours in a row. */
  step: number;
  /** Distance between rows. */
  pitch: number;
}

const RAW_INNER = 400;
/** The rows may take this much of the radius, in raw units. */
const RAW_DEPTH = 96;
const MAX_ROWS = 255;
const GATE_SPAN = 0.5;
/** Rows are shifted against each other by this share of a step, so that no columns show. */
const GOLDEN = 0.6180339887;
/** Directions are added up as whole numbers, this long: the sum does not depend on the order. */
const UNIT = 1 << 20;
/** A sum of directions shorter than this has none. */
const NO_DIRECTION = UNIT >> 10;
/** Keys of the innermost row divide the circle into so many parts. */
const KEYS = 1 << 16;
/** Keeps a service that lies between two gates, but for rounding, from going either way. */
const GATE_EPSILON = 1e-9;

function countGroups(input: StarInput): number[] {
  const counts = new Array<number>(input.groupParent.length).fill(0);
  for (let i = 0; i < input.high; i++) if (input.alive[i] === 1) counts[input.group[i]]++;
  return counts;
}

function gapsOf(input: StarInput, n: number): number[] {
  const groups = input.groupParent.length;
  const near = n <= SMALL ? 0.035 : 0.012;
  const far = n <= SMALL ? 0.035 : 0.026;
  const gaps = input.groupParent.length === 1
    ? [0.03]
    : Array.from(input.groupParent, (p, i) => near + (p === input.groupParent[(i + 1) % groups] ? 0 : far));
  const total = gaps.reduce((a, b) => a + b, 0);
  const most = TAU * 0.2;
  return total <= most ? gaps : gaps.map((g) => (g * most) / total);
}

/** Places the arcs clockwise; the first group's middle, or for large fleets its start, is at twelve o'clock. */
function arcsOf(input: StarInput, counts: number[], n: number): Float64Array {
  const gaps = gapsOf(input, n);
  const free = TAU - gaps.reduce((a, b) => a + b, 0);
  const weight = counts.map((c) => (n <= SMALL ? c + 0.35 : Math.round(c ** 0.8 * 1024) / 1024 + 1.5));
  const total = weight.reduce((a, b) => a + b, 0);
  const arcs = new Float64Array(counts.length * 4);
  let at = -Math.PI / 2;
  if (n <= SMALL && counts.length > 1) at -= (weight[0] / total) * free * 0.5;
  for (let g = 0; g < counts.length; g++) {
    const span = (weight[g] / total) * free;
    arcs.set([at + span / 2, span, input.groupHue[g], counts[g]], g * 4);
    at += span + gaps[g];
  }
  return arcs;
}

function rowRadius(row: number, s: Spacing): number {
  return row === 0 ? RAW_INNER : RAW_INNER + s.pitch * (row + 0.45);
}

function rowStep(row: number, s: Spacing): number {
  return row === 0 ? s.step * 1.75 : row === 1 ? s.step * 1.2 : s.step;
}

function rowCapacity(row: number, span: number, s: Spacing): number {
  const radius = rowRadius(row, s);
  const free = Math.max(0, span - (s.step * 0.6) / radius);
  return Math.max(1, Math.floor((free * radius) / rowStep(row, s)));
}

function rowsNeeded(count: number, span: number, s: Spacing): number {
  let row = 0;
  for (let left = count; left > 0 && row < MAX_ROWS; row++) left -= rowCapacity(row, span, s);
  return row;
}

/** The widest spacing with which every group fits into the depth. */
function fitSpacing(counts: number[], arcs: Float64Array): { spacing: Spacing; rows: number } {
  const at = (step: number): Spacing => ({ step, pitch: step * 1.15 });
  const deepest = (s: Spacing): number => counts.reduce((most, c, g) => Math.max(most, rowsNeeded(c, arcs[g * 4 + 1], s)), 1);
  const fits = (step: number): boolean => rowRadius(deepest(at(step)) - 1, at(step)) - RAW_INNER <= RAW_DEPTH;
  let low = 0.05;
  let high = 22;
  for (let i = 0; i < 24; i++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return { spacing: at(low), rows: deepest(at(low)) };
}

/** A direction as whole numbers. */
function unit(angle: number): [number, number] {
  return [Math.round(Math.cos(angle) * UNIT), Math.round(Math.sin(angle) * UNIT)];
}

/** The direction of a sum of units, or otherwise where they cancel out. */
function directionOf(x: number, y: number, otherwise: number): number {
  return Math.max(Math.abs(x), Math.abs(y)) < NO_DIRECTION ? otherwise : Math.atan2(y, x);
}

/** Where a service's neighbours lie, seen from its group: a key that sorts row 0 so that chords cross less. */
function neighbourKeys(input: StarInput, arcs: Float64Array): Uint32Array {
  const sx = new Float64Array(input.high);
  const sy = new Float64Array(input.high);
  const units = Array.from(input.groupParent, (_, g) => unit(arcs[g * 4]));
  const add = (slot: number, group: number): void => {
    sx[slot] += units[group][0];
    sy[slot] += units[group][1];
  };
  for (let c = 0; c < input.from.length; c++) {
    const a = input.from[c];
    const b = input.to[c];
    if (input.group[a] === input.group[b]) continue;
    add(a, input.group[b]);
    add(b, input.group[a]);
  }
  const keys = new Uint32Array(input.high);
  for (let i = 0; i < input.high; i++) {
    const middle = arcs[input.group[i] * 4];
    const turn = positive(directionOf(sx[i], sy[i], middle + Math.PI) - middle) / TAU;
    keys[i] = Math.round(turn * KEYS) % KEYS;
  }
  return keys;
}

class Placer {
  readonly layout: StarLayout;
  readonly angle: Float64Array;

  constructor(input: StarInput, arcs: Float64Array, n: number) {
    this.angle = new Float64Array(input.high);
    this.layout = {
      x: new Float32Array(input.high), y: new Float32Array(input.high), row: new Uint8Array(input.high),
      gate: new Uint16Array(input.high), room: new Float32Array(input.high),
      gates: new Float64Array(0), arcs, inner: 0, services: n,
    };
  }

  put(slot: number, angle: number, radius: number, row: number, room: number): void {
    this.angle[slot] = angle;
    this.layout.x[slot] = Math.cos(angle) * radius;
    this.layout.y[slot] = Math.sin(angle) * radius;
    this.layout.row[slot] = row;
    this.layout.room[slot] = room;
  }

  /** Divides wide arcs into gates and tells each service its own. */
  gates(input: StarInput): void {
    const { arcs } = this.layout;
    const groups = arcs.length / 4;
    const first = new Uint32Array(groups);
    const count = new Uint32Array(groups);
    const values: number[] = [];
    const parents = parentAngles(input, arcs);
    for (let g = 0; g < groups; g++) {
      const [middle, span, hue] = arcs.subarray(g * 4, g * 4 + 3);
      first[g] = values.length / 4;
      count[g] = Math.max(1, Math.ceil(span / GATE_SPAN - 0.4));
      for (let k = 0; k < count[g]; k++) {
        const angle = middle + ((k + 0.5) / count[g] - 0.5) * span;
        const trunk = count[g] > 1 ? angle : parents[g];
        values.push(angle, hue, trunk, g);
      }
    }
    this.layout.gates = Float64Array.from(values);
    for (let i = 0; i < input.high; i++) {
      const g = input.group[i];
      if (input.alive[i] === 0) continue;
      const share = (this.angle[i] - arcs[g * 4]) / Math.max(1e-6, arcs[g * 4 + 1]) + 0.5;
      this.layout.gate[i] = first[g] + Math.min(count[g] - 1, Math.max(0, Math.floor(share * count[g] + GATE_EPSILON)));
    }
  }
}

function parentAngles(input: StarInput, arcs: Float64Array): Float64Array {
  const x = new Map<number, number>();
  const y = new Map<number, number>();
  input.groupParent.forEach((p, g) => {
    const [ux, uy] = unit(arcs[g * 4]);
    x.set(p, (x.get(p) ?? 0) + ux);
    y.set(p, (y.get(p) ?? 0) + uy);
  });
  return Float64Array.from(input.groupParent, (p, g) => directionOf(x.get(p) ?? 0, y.get(p) ?? 0, arcs[g * 4]));
}

function membersOf(input: StarInput): number[][] {
  const members: number[][] = Array.from(input.groupParent, () => []);
  for (let i = 0; i < input.high; i++) if (input.alive[i] === 1) members[input.group[i]].push(i);
  for (const list of members) list.sort((a, b) => input.bucket[b] - input.bucket[a] || input.nameRank[a] - input.nameRank[b]);
  return members;
}

function placeSmall(input: StarInput, placer: Placer, n: number): void {
  const arcs = placer.layout.arcs;
  const members = membersOf(input).map((list) => list.sort((a, b) => input.nameRank[a] - input.nameRank[b]));
  const angleOf = (g: number, i: number): number => arcs[g * 4] + ((i + 0.5) / members[g].length - 0.5) * arcs[g * 4 + 1];
  const ordered = orderSmall(members, angleOf, input.from, input.to, input.high);
  const radius = OUTER - BAND - 30;
  const room = Math.min(26, (TAU * radius * 0.42) / Math.max(1, n));
  ordered.forEach((list, g) => list.forEach((slot, i) => placer.put(slot, angleOf(g, i), radius, 0, room)));
  placer.layout.inner = radius;
}

function placeRows(input: StarInput, placer: Placer, counts: number[]): void {
  const arcs = placer.layout.arcs;
  const { spacing, rows } = fitSpacing(counts, arcs);
  const scale = (OUTER - BAND - 7) / (rowRadius(rows - 1, spacing) + spacing.pitch * 0.5);
  const keys = neighbourKeys(input, arcs);
  membersOf(input).forEach((list, g) => {
    const middle = arcs[g * 4];
    const span = arcs[g * 4 + 1];
    for (let row = 0, at = 0; at < list.length; row++) {
      const radius = rowRadius(row, spacing);
      const step = rowStep(row, spacing);
      const free = Math.max(0, span - (spacing.step * 0.6) / radius);
      const capacity = row < MAX_ROWS ? rowCapacity(row, span, spacing) : list.length - at;
      const chunk = list.slice(at, at + capacity);
      if (row === 0) chunk.sort((a, b) => keys[b] - keys[a] || input.nameRank[a] - input.nameRank[b]);
      const full = chunk.length >= capacity;
      const stride = full ? free / capacity : Math.min(free / chunk.length, (step * 1.05) / radius);
      const shift = full ? ((row * GOLDEN) % 1) - 0.5 : 0;
      chunk.forEach((slot, i) => {
        const angle = middle + (i - (chunk.length - 1) / 2 + shift * 0.9) * stride;
        const room = Math.min(stride * radius, row === 0 ? step : spacing.pitch) * 0.5 * scale;
        placer.put(slot, angle, radius * scale, Math.min(row, MAX_ROWS), room);
      });
      at += chunk.length;
    }
  });
  placer.layout.inner = RAW_INNER * scale;
}

/** layoutStar places every service. Deterministic; linear but for sorting. */
export function layoutStar(input: StarInput): StarLayout {
  const counts = countGroups(input);
  const n = counts.reduce((a, b) => a + b, 0);
  const arcs = arcsOf(input, counts, n);
  const placer = new Placer(input, arcs, n);
  if (n <= SMALL) placeSmall(input, placer, n);
  else placeRows(input, placer, counts);
  placer.gates(input);
  return placer.layout;
}
