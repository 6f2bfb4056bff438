/** What changes the picture is in the page's query string, so that a link reproduces it. */

export const VIEWS = ['star', 'layers', 'table'] as const;
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
  /** Null: as the system prefers. */
  theme: Theme | null;
  /** auto: as the machine allows. */
  quality: QualityChoice;
  sort: SortKey;
  descending: boolean;
  /** Filter text of the table. */
  filter: string;
}

export const DEFAULT_URL_STATE: UrlState = { view: 'star', focus: '', team: '', up: 2, down: 2, theme: null, quality: 'auto', sort: 'rate', descending: true, filter: '' };

export const MAX_HOPS = 3;

/** No more of a value than this is read from a link. */
const MAX_VALUE = 1024;

function oneOf<T extends string>(value: string | null, allowed: readonly T[], fallback: T): T {
  return allowed.find((a) => a === value) ?? fallback;
}

function digit(value: string | null, most: number, fallback: number): number {
  return value !== null && /^\d$/.test(value) && Number(value) <= most ? Number(value) : fallback;
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
    theme: theme === 'dark' || theme === 'light' ? theme : null,
    quality: oneOf(p.get('quality'), QUALITIES, d.quality),
    sort: oneOf(key, SORT_KEYS, d.sort),
    descending: SORT_KEYS.some((k) => k === key) ? sort.startsWith('-') : d.descending,
    filter: text('filter'),
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
  if (s.theme !== null) p.set('theme', s.theme);
  if (s.quality !== d.quality) p.set('quality', s.quality);
  if (s.sort !== d.sort || s.descending !== d.descending) p.set('sort', (s.descending ? '-' : '') + s.sort);
  if (s.filter !== '') p.set('filter', s.filter);
  const query = p.toString();
  return query === '' ? '' : `?${query}`;
}
