/** From the graph and its layout to the arrays that the renderer takes. Pure. */
import { wrap } from './layout/angle';
import { curveSettings } from './layout/curve';
import { radiusOf } from './layout/size';
import { strengths } from './layout/strength';
import { BAND, OUTER, SMALL, type StarInput, type StarLayout } from './layout/star';
import type { Graph } from './model/graph';
import { isHead, isWithin, UNFOLDED } from './fold';
import { compareText, groupCells, type GroupCell, type Grouping } from './model/groups';
import { CHANGE_STEP, LOOK_CALLEE, LOOK_CALLER, LOOK_DIM, LOOK_FOCUS, LOOK_PLAIN, ROLE_CALLEE, ROLE_CALLER, type Geometry, type Weights } from './render/star';

/** The request for a layout. Everything in it is a copy, so that it can be given to a worker. */
export function starInput(graph: Graph, grouping: Grouping): StarInput {
  const high = graph.serviceHigh;
  const slots = [...graph.serviceList()];
  const name = graph.services.name;
  const nameRank = new Uint32Array(high);
  slots.sort((a, b) => compareText(name[a], name[b])).forEach((slot, i) => { nameRank[slot] = i; });
  const from = new Uint32Array(graph.callCount);
  const to = new Uint32Array(graph.callCount);
  let n = 0;
  for (const c of graph.callList()) {
    from[n] = graph.calls.from[c];
    to[n++] = graph.calls.to[c];
  }
  sortPairs(from, to, nameRank);
  const parents = new Map<string, number>();
  for (const g of grouping.groups) if (!parents.has(g.parent)) parents.set(g.parent, parents.size);
  return {
    high, nameRank, from, to,
    alive: graph.services.alive.slice(0, high),
    group: grouping.of.slice(0, high),
    bucket: graph.services.bucket.slice(0, high),
    groupParent: Uint16Array.from(grouping.groups, (g) => parents.get(g.parent) ?? 0),
    groupHue: Uint8Array.from(grouping.groups, (g) => g.hue),
  };
}

/** Calls in an order that depends on names alone, so that sums of floats do too. */
function sortPairs(from: Uint32Array, to: Uint32Array, rank: Uint32Array): void {
  const order = Array.from(from, (_, i) => i).sort((a, b) => rank[from[a]] - rank[from[b]] || rank[to[a]] - rank[to[b]]);
  const f = from.slice();
  const t = to.slice();
  order.forEach((o, i) => {
    from[i] = f[o];
    to[i] = t[o];
  });
}

/** The code of the shape of a folded group, after those of SERVICE_KINDS. */
const KIND_FOLDED = 5;
const NO_FOLDS = new Int32Array(0);

/** straight: calls run from end to end, not through the gates of the star. */
export function geometryOf(graph: Graph, layout: StarLayout, straight: boolean, heads: Int32Array = NO_FOLDS): Geometry {
  const n = layout.x.length;
  const groups = layout.arcs.length / 4;
  const places = new Float32Array((n + groups) * 4);
  for (let i = 0; i < n; i++) places.set([layout.x[i], layout.y[i], layout.gate[i], isHead(heads, i) ? KIND_FOLDED : graph.services.kind[i]], i * 4);
  for (let g = 0; g < groups; g++) places.set(groupPlace(layout, g), (n + g) * 4);
  return {
    places, services: n + groups,
    gates: Float32Array.from(layout.gates), arcs: Float32Array.from(layout.arcs),
    curve: { ...curveSettings(layout.inner, layout.services), straight: straight ? 1 : 0 },
    sectorFrom: layout.inner - (layout.services <= SMALL ? 26 : 14),
    outer: OUTER, band: BAND,
  };
}

/** Where the ribbons of a group end: on the innermost row, in the middle of its arc. */
function groupPlace(layout: StarLayout, group: number): [number, number, number, number] {
  const angle = layout.arcs[group * 4];
  let gate = 0;
  let nearest = Infinity;
  for (let i = 0; i < layout.gates.length / 4; i++) {
    const away = layout.gates[i * 4 + 3] === group ? Math.abs(wrap(layout.gates[i * 4] - angle)) : Infinity;
    if (away < nearest) {
      nearest = away;
      gate = i;
    }
  }
  return [Math.cos(angle) * layout.inner, Math.sin(angle) * layout.inner, gate, 0];
}

export interface Focus {
  service: number;
  /** Slots of the services that call it, and that it calls. */
  callers: Set<number>;
  callees: Set<number>;
  calls: Uint32Array<ArrayBuffer>;
  roles: Uint8Array<ArrayBuffer>;
}

/** Everything that is lit when a service is in focus. */
export function focusOf(graph: Graph, service: number): Focus {
  const into = graph.callsTo(service);
  const out = graph.callsFrom(service);
  const calls = new Uint32Array(into.length + out.length);
  const roles = new Uint8Array(calls.length);
  calls.set(into);
  calls.set(out, into.length);
  roles.fill(ROLE_CALLER, 0, into.length);
  roles.fill(ROLE_CALLEE, into.length);
  return {
    service, calls, roles,
    callers: new Set(Array.from(into, (c) => graph.calls.from[c])),
    callees: new Set(Array.from(out, (c) => graph.calls.to[c])),
  };
}

/** What is lit when a single call is in focus: it and its ends. */
export function focusOfCall(graph: Graph, call: number): Focus {
  return {
    service: -1, calls: Uint32Array.of(call), roles: Uint8Array.of(ROLE_CALLEE),
    callers: new Set([graph.calls.from[call]]), callees: new Set([graph.calls.to[call]]),
  };
}

/** What is lit when a group is in focus: its services and their calls. */
export function focusOfGroup(graph: Graph, grouping: Grouping, group: number): Focus {
  const calls: number[] = [];
  const roles: number[] = [];
  const callers = new Set<number>();
  const callees = new Set<number>();
  const { from, to } = graph.calls;
  for (const c of graph.callList()) {
    const a = grouping.of[from[c]] === group;
    const b = grouping.of[to[c]] === group;
    if (!a && !b) continue;
    calls.push(c);
    roles.push(a ? ROLE_CALLEE : ROLE_CALLER);
    if (!a) callers.add(from[c]);
    if (!b) callees.add(to[c]);
  }
  return { service: -1, calls: Uint32Array.from(calls), roles: Uint8Array.from(roles), callers, callees };
}

function lookOf(slot: number, focus: Focus | null, member: (slot: number) => boolean): number {
  if (focus === null) return LOOK_PLAIN;
  if (slot === focus.service) return LOOK_FOCUS;
  if (member(slot)) return LOOK_PLAIN;
  if (focus.callees.has(slot)) return LOOK_CALLEE;
  return focus.callers.has(slot) ? LOOK_CALLER : LOOK_DIM;
}

/** Which groups are folded: for each slot its head, and the groups whose figures heads show. */
export interface Folds {
  heads: Int32Array;
  grouping: Grouping;
}

const NOTHING_FOLDED: Folds = { heads: NO_FOLDS, grouping: { groups: [], of: new Uint16Array(0) } };

export interface Looks {
  /** Four values a slot: radius, failed share, look, rank. */
  values: Float32Array<ArrayBuffer>;
  /** Slots, the topmost last. */
  order: Uint32Array<ArrayBuffer>;
}

/**
 * member says which services belong to the group in focus; with a service in
 * focus it is false for all. The circles of a small star keep their size in
 * pixels when the window, and with it the fitting zoom, is small.
 */
export function looksOf(graph: Graph, layout: StarLayout, focus: Focus | null, member: (slot: number) => boolean, fittingZoom: number, folds: Folds = NOTHING_FOLDED): Looks {
  const s = graph.services;
  const slots = [...graph.serviceList()].filter((i) => i < layout.x.length && !isWithin(folds.heads, i));
  const traffic = (i: number): number => (isHead(folds.heads, i) ? folds.grouping.groups[folds.grouping.of[i]].rate : s.traffic[i]);
  const failed = (i: number): number => (isHead(folds.heads, i) ? folds.grouping.groups[folds.grouping.of[i]].errorRate : s.rate[i] > 0 ? s.errorRate[i] : 0);
  let most = 0;
  for (const i of slots) if (s.kind[i] !== 4) most = Math.max(most, traffic(i));
  const values = new Float32Array(layout.x.length * 4);
  const enlarge = layout.services <= SMALL ? Math.max(1, Math.min(2.5, 1 / fittingZoom)) : 1;
  slots.sort((a, b) => traffic(a) - traffic(b) || a - b);
  slots.forEach((i, place) => {
    const look = lookOf(i, focus, member);
    let radius = radiusOf(traffic(i), most, layout.services, layout.room[i] / enlarge) * enlarge;
    if (look === LOOK_FOCUS) radius = Math.max(radius, 7);
    const silent = traffic(i) <= 0;
    const rank = layout.services <= SMALL ? (silent ? 0.35 : 1) : (place / slots.length) ** 1.5;
    const lit = focus !== null && look !== LOOK_DIM && look !== LOOK_PLAIN;
    values.set([radius, failed(i), look, lit ? 1 : rank], i * 4);
  });
  return { values, order: Uint32Array.from(slots) };
}

/** In a fleet of more calls than this the quieter ones are drawn as one ribbon for each two groups. */
export const MAX_CHORDS = 60_000;

/** A ribbon stands for all calls from one group to another that have no chord of their own. */
export interface Ribbon extends GroupCell {
  /** Its number, after those of the calls. */
  slot: number;
}

export interface CallValues {
  /** Two values a call slot: weight 0 to 1, failed share; in a comparison plus CHANGE_STEP times the code of its change. */
  values: Float32Array<ArrayBuffer>;
  /** Numbers of ribbons, then slots of calls, the heaviest first. */
  order: Uint32Array<ArrayBuffer>;
  ribbons: readonly Ribbon[];
}

/** callValues gives each call its look. most: so many have a chord of their own. */
export function callValues(graph: Graph, grouping: Grouping, heads: Int32Array = NO_FOLDS, most = MAX_CHORDS): CallValues {
  const single = chordValues(graph, heads);
  if (single.order.length <= most) return { ...single, ribbons: [] };
  const ribbons = groupCells(graph, grouping, single.order.subarray(most)).map((c, i) => ({ ...c, slot: graph.callHigh + i }));
  const values = new Float32Array((graph.callHigh + ribbons.length) * 2);
  values.set(single.values);
  const strength = strengths(ribbons.map((_, i) => i), ribbons.map((r) => r.rate), ribbons.length);
  ribbons.forEach((r, i) => values.set([strength[i] ** 1.5, r.rate > 0 ? r.failed / r.rate : 0], r.slot * 2));
  const order = Uint32Array.from([...ribbons.map((r) => r.slot), ...single.order.subarray(0, most)]);
  return { values, order, ribbons };
}

function chordValues(graph: Graph, heads: Int32Array): Omit<CallValues, 'ribbons'> {
  const { rate, errorRate } = graph.calls;
  const values = new Float32Array(Math.max(1, graph.callHigh) * 2);
  const strength = strengths([...graph.callList()], rate, graph.callHigh);
  const few = graph.callCount <= 300 ? 0.22 : graph.callCount <= 2000 ? 0.08 : 0;
  const order: number[] = [];
  for (const c of graph.callList()) {
    const head = heads[graph.calls.from[c]] ?? UNFOLDED;
    if (head !== UNFOLDED && head === heads[graph.calls.to[c]]) continue;
    order.push(c);
    if (rate[c] <= 0) {
      if (graph.comparing) values[c * 2 + 1] = CHANGE_STEP * graph.calls.change[c];
      continue;
    }
    values[c * 2] = few + (1 - few) * strength[c] ** 1.5;
    values[c * 2 + 1] = errorRate[c] + (graph.comparing ? CHANGE_STEP * graph.calls.change[c] : 0);
  }
  order.sort((a, b) => rate[b] - rate[a] || a - b);
  return { values, order: Uint32Array.from(order) };
}

/** From and to of each call; ribbons run between the places that geometryOf adds for groups. */
export function endsOf(graph: Graph, ribbons: readonly Ribbon[], layout: StarLayout): Uint32Array<ArrayBuffer> {
  const ends = new Uint32Array(Math.max(1, graph.callHigh + ribbons.length) * 2);
  for (const c of graph.callList()) ends.set([graph.calls.from[c], graph.calls.to[c]], c * 2);
  for (const r of ribbons) ends.set([layout.x.length + r.from, layout.x.length + r.to], r.slot * 2);
  return ends;
}

/** How bright and wide chords and comets are, for so many of them. The fewer, the more each may show. */
export function weightsOf(services: number, calls: number, groups: number, light: boolean): Weights {
  const n = Math.max(1, calls);
  const crowd = Math.min(0.46, 0.082 * (10_000 / n) ** 0.5);
  const gain = n > 10_000 ? 0.082 * (10_000 / n) ** 0.64 : crowd;
  const small = services <= SMALL;
  return {
    gain: light ? gain * 1.05 : gain,
    floor: small ? 0.3 : services <= 500 ? 0.2 : 0.13,
    width: services <= 30 ? 2.1 : small ? 1.7 : services <= 500 ? 1.25 : services <= 2000 ? 1 : 0.8,
    inside: groups <= 3 || small ? 1 : 0.42,
    focusGain: small ? 0.6 : 0.62,
    cometGain: small ? 0.8 : services <= 500 ? 0.9 : 0.85,
    cometSize: services <= 30 ? 1.7 : small ? 1.4 : 1,
    glow: small ? 0.6 : services <= 500 ? 0.85 : 1,
    segments: small ? 48 : services <= 2000 ? 30 : 20,
  };
}

/** Comets a call of full weight has. */
export function cometsPerCall(services: number): number {
  return services <= SMALL ? 7 : services <= 500 ? 5 : 4;
}
