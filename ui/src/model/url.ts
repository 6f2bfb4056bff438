/** What changes the picture is in the page's query string, so that a link reproduces it. */

import { CALL_KINDS } from './frame';
import { NO_FILTER, type Direction, type Filter } from './filter';
import { GROUPINGS, type GroupBy } from './groups';
import { RANGES, type Range } from './range';

export const VIEWS = ['star', 'layers', 'force', 'matrix', 'table'] as const;
export type View = (typeof VIEWS)[number];

export const SORT_KEYS = ['from', 'to', 'kind', 'rate', 'errors', 'p50', 'p99', 'calls'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export type Theme = 'dark' | 'light';

export const QUALITIES = ['auto', 'high', 'low'] as const;
export type QualityChoice = (typeof QUALITIES)[number];

export interface UrlState {
  view: View;
  /** Name of the pinned service (the id of the API), or empty. */
  focus: string;
  /** Key of the group zoomed to, or empty. */
  team: string;
  /** Hops towards callers and towards callees in the Layers view, 0 to 3. */
  up: number;
  down: number;
  /** What services are grouped by, and the keys of the groups that are folded. */
  group: GroupBy;
  folded: readonly string[];
  /** Seconds at which everything that moves by itself stands still; null: it moves. */
  still: number | null;
  /** Null: as the system prefers. */
  theme: Theme | null;
  /** auto: as the machine allows. */
  quality: QualityChoice;
  sort: SortKey;
  descending: boolean;
  /** Filter text of the table. */
  filter: string;
  /** What part of the graph is shown. */
  part: Filter;
  /** The end of the window shown, RFC 3339; empty: live. */
  at: string;
  /** The end of the window that is compared with, or empty. */
  base: string;
  /** How far back the timeline reaches. */
  range: Range;
  /** The call in focus: names of its ends and its kind, or empty. */
  caller: string;
  callee: string;
  callKind: string;
}

export const DEFAULT_URL_STATE: UrlState = { view: 'star', focus: '', team: '', up: 2, down: 2, group: 'namespace', folded: [], still: null, theme: null, quality: 'auto', sort: 'rate', descending: true, filter: '',
  part: NO_FILTER, at: '', base: '', range: '1h', caller: '', callee: '', callKind: '' };

export const MAX_HOPS = 3;
/** A link folds no more groups than this. */
export const MAX_FOLDED = 200;

/** No more of a value than this is read from a link. */
const MAX_VALUE = 1024;

function oneOf<T extends string>(value: string | null, allowed: readonly T[], fallback: T): T {
  return allowed.find((a) => a === value) ?? fallback;
}

function digit(value: string | null, most: number, fallback: number): number {
  return value !== null && /^\d$/.test(value) && Number(value) <= most ? Number(value) : fallback;
}

const DIRECTIONS: readonly Direction[] = ['up', 'down', 'both'];
const MOST_HOPS = 9;

/** Seconds of the clock of what moves by itself. */
function seconds(value: string | null): number | null {
  const n = value === null || value === '' ? Number.NaN : Number(value);
  return Number.isFinite(n) ? Math.max(0, Math.min(1e6, n)) : null;
}

/** A number above 0 and up to most, or 0. */
function positive(value: string | null, most: number): number {
  const n = value === null || value === '' ? 0 : Number(value);
  return n > 0 && n <= most ? n : 0;
}

function moment(value: string): string {
  const ms = Date.parse(value);
  return Number.isFinite(ms) ? momentText(ms) : '';
}

/** A moment as the URL and the API write it, to the second. */
export function momentText(ms: number): string {
  return new Date(Math.round(ms / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}

function parseFilter(p: URLSearchParams, text: (key: string) => string): Filter {
  return {
    namespace: text('namespace'), team: text('owner'), environment: text('environment'), kind: oneOf(p.get('kind'), ['', ...CALL_KINDS], ''),
    minErrors: positive(p.get('errors'), 1), minRate: positive(p.get('rate'), 1e9),
    failing: p.has('failing'), noInferred: p.has('reporting'),
    hops: digit(p.get('hops'), MOST_HOPS, 0), direction: oneOf(p.get('direction'), DIRECTIONS, 'both'),
    to: text('path'), viaInferred: p.has('via'),
  };
}

function formatFilter(p: URLSearchParams, f: Filter): void {
  if (f.namespace !== '') p.set('namespace', f.namespace);
  if (f.team !== '') p.set('owner', f.team);
  if (f.environment !== '') p.set('environment', f.environment);
  if (f.kind !== '') p.set('kind', f.kind);
  if (f.minErrors > 0) p.set('errors', String(f.minErrors));
  if (f.minRate > 0) p.set('rate', String(f.minRate));
  if (f.failing) p.set('failing', '');
  if (f.noInferred) p.set('reporting', '');
  if (f.hops > 0) p.set('hops', String(f.hops));
  if (f.direction !== 'both') p.set('direction', f.direction);
  if (f.to !== '') p.set('path', f.to);
  if (f.viaInferred) p.set('via', '');
}

/** parseUrl reads a query string; what it does not understand is ignored. */
export function parseUrl(query: string): UrlState {
  const p = new URLSearchParams(query);
  const text = (key: string): string => (p.get(key) ?? '').slice(0, MAX_VALUE);
  const theme = p.get('theme');
  const sort = text('sort');
  const key = sort.replace(/^-/, '');
  const d = DEFAULT_URL_STATE;
  return {
    view: oneOf(p.get('view'), VIEWS, d.view),
    focus: text('focus'),
    team: text('team'),
    up: digit(p.get('up'), MAX_HOPS, d.up),
    down: digit(p.get('down'), MAX_HOPS, d.down),
    group: oneOf(p.get('group'), GROUPINGS, d.group),
    folded: p.getAll('fold').slice(0, MAX_FOLDED).map((k) => k.slice(0, MAX_VALUE)),
    still: seconds(p.get('t')),
    theme: theme === 'dark' || theme === 'light' ? theme : null,
    quality: oneOf(p.get('quality'), QUALITIES, d.quality),
    sort: oneOf(key, SORT_KEYS, d.sort),
    descending: SORT_KEYS.some((k) => k === key) ? sort.startsWith('-') : d.descending,
    filter: text('filter'),
    part: parseFilter(p, text),
    at: moment(text('at')), base: moment(text('base')), range: oneOf(p.get('range'), RANGES, d.range),
    caller: text('caller'), callee: text('callee'), callKind: oneOf(p.get('call'), ['', ...CALL_KINDS], ''),
  };
}

/** formatUrl writes the query string, without what is as by default: "" or "?…". */
export function formatUrl(s: UrlState): string {
  const p = new URLSearchParams();
  const d = DEFAULT_URL_STATE;
  if (s.view !== d.view) p.set('view', s.view);
  if (s.focus !== '') p.set('focus', s.focus);
  if (s.team !== '') p.set('team', s.team);
  if (s.up !== d.up) p.set('up', String(s.up));
  if (s.down !== d.down) p.set('down', String(s.down));
  if (s.group !== d.group) p.set('group', s.group);
  for (const key of s.folded) p.append('fold', key);
  if (s.still !== null) p.set('t', String(s.still));
  if (s.theme !== null) p.set('theme', s.theme);
  if (s.quality !== d.quality) p.set('quality', s.quality);
  if (s.sort !== d.sort || s.descending !== d.descending) p.set('sort', (s.descending ? '-' : '') + s.sort);
  if (s.filter !== '') p.set('filter', s.filter);
  formatFilter(p, s.part);
  if (s.at !== '') p.set('at', s.at);
  if (s.base !== '') p.set('base', s.base);
  if (s.range !== d.range) p.set('range', s.range);
  if (s.caller !== '') p.set('caller', s.caller);
  if (s.callee !== '') p.set('callee', s.callee);
  if (s.callKind !== '') p.set('call', s.callKind);
  const query = p.toString();
  return query === '' ? '' : `?${query}`;
}
