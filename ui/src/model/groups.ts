import { SERVICE_KINDS } from './frame';
import type { Graph } from './graph';
import { flowOf } from './health';

/** One arc of the ring: the services of a namespace, or the far sides of one kind. */
export interface Group {
  /** Unique; prefixed so that a namespace named like a kind stays apart. */
  key: string;
  name: string;
  /** Groups of one parent share a hue and stand together. */
  parent: string;
  /** Index into SERVICE_KINDS when the group holds one kind of far side, else 0. */
  kind: number;
  /** Index into the palette of eight. */
  hue: number;
  count: number;
  /** Calls a second into the services of the group. */
  rate: number;
  /** Failed share of them. */
  errorRate: number;
}

export interface Grouping {
  groups: Group[];
  /** For each service slot its group; meaningless for empty slots. */
  of: Uint16Array;
}

/** More namespaces than this share one last group, so that arcs and labels stay bounded. */
export const MAX_GROUPS = 4096;

/** The order of the ring from twelve o'clock: people first, what is called last. */
const KIND_ORDER = [1, 3, 2, 4, 0];
const KIND_NAMES = ['services', 'databases', 'messaging', 'external', 'users'];
/** Hues for the far sides: they keep theirs however many teams there are. */
const KIND_HUES = [0, 3, 4, 6, 6];
/** In this order namespaces take their hues while there are no more than these. */
const FEW_HUES = [0, 2, 1, 7, 5, 4, 3, 6];

/** The parent of a namespace: what stands before its first dot or slash. */
export function parentOf(namespace: string): string {
  const cut = namespace.search(/[./]/);
  return cut > 0 ? namespace.slice(0, cut) : namespace;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareGroups(a: Group, b: Group): number {
  return KIND_ORDER[a.kind] - KIND_ORDER[b.kind] || compareText(a.parent, b.parent) || compareText(a.name, b.name);
}

/** The parents of all namespaces, in order; of those that a filter hides too, so that no filter changes a hue. */
function parentsOf(graph: Graph): string[] {
  const s = graph.services;
  const found = new Set<string>();
  for (let i = 0; i < graph.serviceHigh; i++) if (s.present[i] === 1 && s.kind[i] === 0) found.add(parentOf(s.namespace[i] || KIND_NAMES[0]));
  return [...found].sort(compareText);
}

/** Gives each parent its hue: one each while eight suffice, else neighbours share. */
function paint(groups: Group[], parents: readonly string[]): void {
  const place = new Map(parents.map((p, i) => [p, i]));
  for (const g of groups) {
    if (g.kind !== 0) {
      g.hue = KIND_HUES[g.kind];
      continue;
    }
    const i = place.get(g.parent) ?? 0;
    g.hue = parents.length <= FEW_HUES.length ? FEW_HUES[i] : Math.floor((i * 8) / parents.length);
  }
  if (parents.length > 4 && parents.length <= FEW_HUES.length) {
    for (const g of groups) if (g.kind === 0) g.hue = place.get(g.parent) ?? 0;
  }
}

/** What services can be grouped by. */
export const GROUPINGS = ['namespace', 'team', 'environment', 'community', 'kind'] as const;
export type GroupBy = (typeof GROUPINGS)[number];

/** The group of a service: its key, its name and the namespace that its hue follows. */
function homeOf(graph: Graph, i: number, by: GroupBy, heads: Uint32Array | null): { key: string; name: string; kind: number } {
  const s = graph.services;
  const kind = s.kind[i] < SERVICE_KINDS.length ? s.kind[i] : 0;
  const head = by === 'community' && heads !== null && i < heads.length ? heads[i] : NO_HEAD;
  if (head !== NO_HEAD && s.alive[head] === 1) return { key: `c:${s.name[head]}`, name: `around ${s.label[head]}`, kind: 0 };
  if (kind !== 0) return { key: `k:${kind}`, name: KIND_NAMES[kind], kind };
  if (by === 'kind') return { key: 'n:', name: KIND_NAMES[0], kind: 0 };
  if (by === 'community') return { key: 'c:', name: 'others', kind: 0 };
  if (by === 'team' || by === 'environment') return { key: `${by[0]}:${s[by][i]}`, name: s[by][i] || `no ${by}`, kind: 0 };
  return { key: `n:${s.namespace[i]}`, name: s.namespace[i] || KIND_NAMES[0], kind: 0 };
}

/** No community, in the list of heads. */
const NO_HEAD = 0xffffffff;

/** In a graph of more services than this, communities of fewer than that are one group: many slivers would hide the rest. */
const FEW_SERVICES = 60;
const SMALL_COMMUNITY = 4;

/** The communities with the small ones taken out. */
function withoutSmall(graph: Graph, heads: Uint32Array): Uint32Array {
  if (graph.serviceCount <= FEW_SERVICES) return heads;
  const sizes = new Map<number, number>();
  for (const i of graph.serviceList()) if (i < heads.length) sizes.set(heads[i], (sizes.get(heads[i]) ?? 0) + 1);
  return heads.map((head) => ((sizes.get(head) ?? 0) < SMALL_COMMUNITY ? NO_HEAD : head));
}

/** groupServices splits the services into groups, in the order of the ring. heads: for each slot the head of its community. */
export function groupServices(graph: Graph, by: GroupBy = 'namespace', heads: Uint32Array | null = null): Grouping {
  const large = by === 'community' && heads !== null ? withoutSmall(graph, heads) : heads;
  const byKey = new Map<string, Group>();
  const keys = new Array<string>(graph.serviceHigh);
  for (const i of graph.serviceList()) {
    let { key, name, kind } = homeOf(graph, i, by, large);
    if (!byKey.has(key) && byKey.size >= MAX_GROUPS) [key, name, kind] = ['n:', KIND_NAMES[0], 0];
    let group = byKey.get(key);
    if (group === undefined) {
      group = { key, name, parent: kind !== 0 || by !== 'namespace' ? key : parentOf(name), kind, hue: 0, count: 0, rate: 0, errorRate: 0 };
      byKey.set(key, group);
    }
    group.count++;
    keys[i] = key;
  }
  const groups = [...byKey.values()].sort(compareGroups);
  paint(groups, by === 'namespace' ? parentsOf(graph) : groups.filter((g) => g.kind === 0).map((g) => g.parent));
  const index = new Map(groups.map((g, i) => [g.key, i]));
  const of = new Uint16Array(graph.serviceHigh);
  for (const i of graph.serviceList()) of[i] = index.get(keys[i]) ?? 0;
  const grouping = { groups, of };
  sumGroups(graph, grouping);
  return grouping;
}

/** sumGroups brings the figures of the groups up to date. */
export function sumGroups(graph: Graph, grouping: Grouping): void {
  const failed = new Float64Array(grouping.groups.length);
  for (const g of grouping.groups) g.rate = 0;
  for (const i of graph.serviceList()) {
    const g = grouping.groups[grouping.of[i]];
    g.rate += flowOf(graph, i);
    failed[grouping.of[i]] += graph.services.rate[i] * graph.services.errorRate[i];
  }
  grouping.groups.forEach((g, i) => {
    g.errorRate = g.rate > 0 ? failed[i] / g.rate : 0;
  });
}

/** All calls from one group to another. */
export interface GroupCell {
  from: number;
  to: number;
  calls: number;
  /** Calls a second, and the failed ones among them. */
  rate: number;
  failed: number;
  /** The groups call each other: a cycle between them. */
  mutual: boolean;
}

/** groupCells sums the given calls by the groups of their ends; ordered by from, then to. */
export function groupCells(graph: Graph, grouping: Grouping, calls: Iterable<number> = graph.callList()): GroupCell[] {
  const n = grouping.groups.length;
  const cells = new Map<number, GroupCell>();
  const { from, to, rate, errorRate } = graph.calls;
  for (const c of calls) {
    const a = grouping.of[from[c]];
    const b = grouping.of[to[c]];
    const key = a * n + b;
    let cell = cells.get(key);
    if (cell === undefined) {
      cell = { from: a, to: b, calls: 0, rate: 0, failed: 0, mutual: false };
      cells.set(key, cell);
    }
    cell.calls++;
    cell.rate += rate[c];
    cell.failed += rate[c] * errorRate[c];
  }
  for (const cell of cells.values()) cell.mutual = cell.from !== cell.to && cells.has(cell.to * n + cell.from);
  return [...cells.values()].sort((a, b) => a.from - b.from || a.to - b.to);
}
