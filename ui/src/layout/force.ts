/**
 * The force layout: services repel each other, calls pull together, groups
 * hold a little together. It begins at the places of the star and uses no
 * chance, so it ends in the same picture every time.
 *
 * Users and external services, which would tie everything to everything, take
 * no part: they stand at the rim, beside what they call or what calls them.
 *
 * World units as for the star: everything lies within radius OUTER.
 */
import { QuadTree } from './quadtree';
import { OUTER } from './star';

export interface ForceInput {
  high: number;
  alive: Uint8Array;
  /** Index into SERVICE_KINDS. */
  kind: Uint8Array;
  group: Uint16Array;
  groups: number;
  /** Places to begin from. */
  x: Float32Array;
  y: Float32Array;
  /** Calls, by slots, in an order that depends on names alone. */
  from: Uint32Array;
  to: Uint32Array;
}

export interface ForceLayout {
  x: Float32Array;
  y: Float32Array;
  /** The largest radius of a circle that keeps off most neighbours. */
  room: number;
  services: number;
}

/** Beyond this many services each stays in the disc of its group, and only groups take part. */
export const MAX_SINGLE = 12_000;
const LENGTH = 30;
const CHARGE = 26;
const GRAVITY = 0.045;
const COHESION = 0.09;
/** Calls between groups pull this much less than calls within one. */
const BETWEEN = 0.22;
const FULL_ROUNDS = 300;
const FULL_SIZE = 2_000;
const LEAST_ROUNDS = 90;
const FRICTION = 0.6;
/** This share of the services fills the disc; what lies farther out is drawn in to this share of its excess. */
const MOSTLY = 0.985;
const OUTSIDE = 0.4;
const RIM = 0.97;
const INNER_RIM = 0.86;
/** Golden angle: points of a sunflower. */
const GOLDEN = 2.399963229728653;

/** Kinds that stand at the rim: external and user. */
export function atRim(kind: number): boolean {
  return kind >= 3;
}

interface Links {
  from: Uint32Array;
  to: Uint32Array;
  pull: Float64Array;
  /** How much of a pull moves the first end. */
  share: Float64Array;
}

/** Numbers of bodies for slots; −1 for what takes no part. */
function bodiesOf(input: ForceInput, single: boolean): { of: Int32Array; count: number } {
  const of = new Int32Array(input.high).fill(-1);
  if (!single) {
    for (let i = 0; i < input.high; i++) if (input.alive[i] === 1 && !atRim(input.kind[i])) of[i] = input.group[i];
    return { of, count: input.groups };
  }
  let count = 0;
  for (let i = 0; i < input.high; i++) if (input.alive[i] === 1 && !atRim(input.kind[i])) of[i] = count++;
  return { of, count };
}

function linksOf(input: ForceInput, body: Int32Array, count: number, single: boolean): Links {
  const seen = new Map<number, number>();
  const from: number[] = [];
  const to: number[] = [];
  const pull: number[] = [];
  const degree = new Float64Array(count);
  for (let c = 0; c < input.from.length; c++) {
    const a = body[input.from[c]];
    const b = body[input.to[c]];
    if (a < 0 || b < 0 || a === b) continue;
    const key = Math.min(a, b) * count + Math.max(a, b);
    if (seen.has(key)) continue;
    seen.set(key, from.length);
    from.push(a);
    to.push(b);
    pull.push(single && input.group[input.from[c]] !== input.group[input.to[c]] ? BETWEEN : 1);
    degree[a]++;
    degree[b]++;
  }
  return {
    from: Uint32Array.from(from), to: Uint32Array.from(to),
    pull: Float64Array.from(pull, (p, i) => p / Math.min(degree[from[i]], degree[to[i]])),
    share: Float64Array.from(from, (a, i) => degree[to[i]] / (degree[a] + degree[to[i]])),
  };
}

class Simulation {
  readonly x: Float64Array;
  readonly y: Float64Array;
  private readonly vx: Float64Array;
  private readonly vy: Float64Array;
  private readonly mass: Float64Array;
  private readonly tree: QuadTree;
  private readonly links: Links;
  private readonly group: Uint16Array;
  private readonly groups: number;

  constructor(private readonly input: ForceInput, body: Int32Array, readonly count: number, private readonly single: boolean) {
    this.x = new Float64Array(count);
    this.y = new Float64Array(count);
    this.vx = new Float64Array(count);
    this.vy = new Float64Array(count);
    this.mass = new Float64Array(count);
    this.group = new Uint16Array(count);
    this.groups = single ? input.groups : 0;
    this.links = linksOf(input, body, count, single);
    this.tree = new QuadTree(count);
    this.begin(body);
  }

  /** Bodies begin where their services are on the star, drawn in so that the middle fills. */
  private begin(body: Int32Array): void {
    const scale = (LENGTH * Math.sqrt(this.count) * 0.9) / OUTER;
    for (let i = 0; i < this.input.high; i++) {
      const b = body[i];
      if (b < 0) continue;
      this.mass[b]++;
      this.x[b] += this.input.x[i] * scale;
      this.y[b] += this.input.y[i] * scale;
      this.group[b] = this.input.group[i];
    }
    for (let b = 0; b < this.count; b++) {
      if (this.mass[b] === 0) continue;
      this.x[b] /= this.mass[b];
      this.y[b] /= this.mass[b];
      this.mass[b] = this.single ? 1 : Math.sqrt(this.mass[b]);
    }
  }

  step(heat: number): void {
    this.pull(heat);
    this.repel(heat);
    this.gather(heat);
    for (let i = 0; i < this.count; i++) {
      this.x[i] += this.vx[i] *= FRICTION;
      this.y[i] += this.vy[i] *= FRICTION;
    }
  }

  private pull(heat: number): void {
    const { from, to, pull, share } = this.links;
    for (let k = 0; k < from.length; k++) {
      const a = from[k];
      const b = to[k];
      const dx = this.x[b] + this.vx[b] - this.x[a] - this.vx[a] || 1e-6;
      const dy = this.y[b] + this.vy[b] - this.y[a] - this.vy[a];
      const d = Math.sqrt(dx * dx + dy * dy);
      const f = ((d - LENGTH) / d) * heat * pull[k];
      this.vx[a] += dx * f * share[k];
      this.vy[a] += dy * f * share[k];
      this.vx[b] -= dx * f * (1 - share[k]);
      this.vy[b] -= dy * f * (1 - share[k]);
    }
  }

  private repel(heat: number): void {
    this.tree.build(this.x, this.y, this.mass, this.count);
    const out = new Float64Array(2);
    for (let i = 0; i < this.count; i++) {
      out[0] = 0;
      out[1] = 0;
      this.tree.repel(this.x[i], this.y[i], out);
      this.vx[i] += out[0] * CHARGE * heat - this.x[i] * GRAVITY * heat;
      this.vy[i] += out[1] * CHARGE * heat - this.y[i] * GRAVITY * heat;
    }
  }

  /** Pulls each towards the middle of its group. */
  private gather(heat: number): void {
    if (this.groups <= 1) return;
    const sx = new Float64Array(this.groups);
    const sy = new Float64Array(this.groups);
    const n = new Float64Array(this.groups);
    for (let i = 0; i < this.count; i++) {
      sx[this.group[i]] += this.x[i];
      sy[this.group[i]] += this.y[i];
      n[this.group[i]]++;
    }
    for (let i = 0; i < this.count; i++) {
      const g = this.group[i];
      this.vx[i] += (sx[g] / n[g] - this.x[i]) * COHESION * heat;
      this.vy[i] += (sy[g] / n[g] - this.y[i]) * COHESION * heat;
    }
  }
}

function roundsOf(count: number): number {
  return Math.max(LEAST_ROUNDS, Math.min(FULL_ROUNDS, Math.round((FULL_ROUNDS * FULL_SIZE) / Math.max(1, count))));
}

/** The places of the services in the middle of their bodies, or around it when a body is a group. */
function scatter(input: ForceInput, body: Int32Array, sim: Simulation, single: boolean, layout: ForceLayout): void {
  const nth = new Uint32Array(sim.count);
  for (let i = 0; i < input.high; i++) {
    const b = body[i];
    if (b < 0) continue;
    const k = nth[b]++;
    const r = single ? 0 : LENGTH * 0.16 * Math.sqrt(k);
    layout.x[i] = sim.x[b] + Math.cos(k * GOLDEN) * r;
    layout.y[i] = sim.y[b] + Math.sin(k * GOLDEN) * r;
  }
}

/** Moves and scales so that all fits; the few that lie far out are drawn in, so that the rest may be large. */
function fit(input: ForceInput, body: Int32Array, layout: ForceLayout, radius: number): void {
  const slots: number[] = [];
  for (let i = 0; i < input.high; i++) if (body[i] >= 0) slots.push(i);
  if (slots.length === 0) return;
  let cx = 0;
  let cy = 0;
  for (const i of slots) {
    cx += layout.x[i] / slots.length;
    cy += layout.y[i] / slots.length;
  }
  const far = slots.map((i) => Math.sqrt((layout.x[i] - cx) ** 2 + (layout.y[i] - cy) ** 2));
  const sorted = [...far].sort((a, b) => a - b);
  const most = Math.max(1, sorted[Math.floor((sorted.length - 1) * MOSTLY)]);
  const drawnIn = (r: number): number => (r <= most ? r : most + (r - most) * OUTSIDE);
  const scale = radius / drawnIn(Math.max(most, sorted[sorted.length - 1]));
  slots.forEach((i, k) => {
    const factor = far[k] > 1e-9 ? (drawnIn(far[k]) / far[k]) * scale : 0;
    layout.x[i] = (layout.x[i] - cx) * factor;
    layout.y[i] = (layout.y[i] - cy) * factor;
  });
}

/** Puts what stands at the rim at the angle of its neighbours, kept apart. */
function rim(input: ForceInput, layout: ForceLayout): void {
  const sx = new Float64Array(input.high);
  const sy = new Float64Array(input.high);
  for (let c = 0; c < input.from.length; c++) {
    for (const [own, other] of [[input.from[c], input.to[c]], [input.to[c], input.from[c]]]) {
      if (!atRim(input.kind[own]) || atRim(input.kind[other])) continue;
      sx[own] += layout.x[other];
      sy[own] += layout.y[other];
    }
  }
  const slots: number[] = [];
  for (let i = 0; i < input.high; i++) if (input.alive[i] === 1 && atRim(input.kind[i])) slots.push(i);
  const wanted = new Map(slots.map((i) => [i, sx[i] === 0 && sy[i] === 0 ? Math.atan2(input.y[i], input.x[i]) : Math.atan2(sy[i], sx[i])]));
  slots.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || a - b);
  const step = Math.min(0.22, (2 * Math.PI) / Math.max(1, slots.length));
  let last = -Infinity;
  for (const i of slots) {
    const angle = Math.max(wanted.get(i) ?? 0, last + step);
    last = angle;
    layout.x[i] = Math.cos(angle) * OUTER * RIM;
    layout.y[i] = Math.sin(angle) * OUTER * RIM;
  }
}

/** layoutForce places every service. progress is told the share that is done, some dozen times. */
export function layoutForce(input: ForceInput, progress: (share: number) => void = () => undefined): ForceLayout {
  let services = 0;
  let rims = 0;
  for (let i = 0; i < input.high; i++) {
    if (input.alive[i] !== 1) continue;
    services++;
    if (atRim(input.kind[i])) rims++;
  }
  const single = services - rims <= MAX_SINGLE;
  const { of, count } = bodiesOf(input, single);
  const sim = new Simulation(input, of, count, single);
  const rounds = roundsOf(count);
  const every = Math.ceil(rounds / 24);
  for (let round = 0; round < rounds; round++) {
    sim.step(Math.pow(0.001, round / rounds));
    if (round % every === 0) progress(round / rounds);
  }
  const room = 0.42 * OUTER * Math.sqrt(Math.PI / Math.max(4, services));
  const layout = { x: new Float32Array(input.high), y: new Float32Array(input.high), room: Math.min(26, room), services };
  scatter(input, of, sim, single, layout);
  fit(input, of, layout, OUTER * (rims > 0 ? INNER_RIM : RIM));
  rim(input, layout);
  return layout;
}
