/** What the panels show, as signals. The graph itself is changed in place; version tells that it was. */
import { computed, signal } from '@preact/signals';
import type { StarLayout } from '../layout/star';
import { NOTHING_KNOWN, type About } from '../model/about';
import { activeFilters, PathFinder, sightOf, type Filter } from '../model/filter';
import { CALL_KINDS, type Mark } from '../model/frame';
import { NONE, Graph } from '../model/graph';
import { groupServices, sumGroups, type Grouping } from '../model/groups';
import { DEFAULT_THRESHOLDS, healthOf, needsAttention } from '../model/health';
import { count, percent, rate } from '../model/format';
import type { Path } from '../model/paths';
import { formatUrl, MAX_FOLDED, parseUrl, type Theme, type UrlState } from '../model/url';
import type { Link } from '../stream';

export interface Tip {
  /** Pixels of the page. */
  x: number;
  y: number;
  kind: 'call' | 'service' | 'group';
  /** Slot of a call or a service, or a group's index. */
  ref: number;
}

/** What the picture of the past covers, Unix milliseconds. */
export interface PastWindow {
  fromMs: number;
  toMs: number;
  /** The window that it is compared with. */
  base: { fromMs: number; toMs: number } | null;
}

/** A call that differs between two windows. */
export interface ChangedCall {
  from: string;
  to: string;
  kind: string;
  /** What moved: rate, errors, latency. */
  what: readonly string[];
  base: ChangedFigures;
  now: ChangedFigures;
}

export interface ChangedFigures {
  rate: number;
  errorShare: number;
  p99: number;
}

const NO_CALL = { caller: '', callee: '', callKind: '' } as const;

export class AppState {
  readonly graph = new Graph();
  /** For each slot the head of its community, once they are found. */
  heads: Uint32Array | null = null;
  grouping: Grouping = { groups: [], of: new Uint16Array(0) };
  readonly thresholds = DEFAULT_THRESHOLDS;

  readonly url = signal<UrlState>(parseUrl(window.location.search));
  /** Rises with every frame applied. */
  readonly version = signal(0);
  /** Rises when services or calls come or go. */
  readonly structure = signal(0);
  readonly link = signal<Link>({ state: 'connecting' });
  readonly lagMs = signal(0);
  readonly marks = signal<readonly Mark[]>([]);
  readonly server = signal('');
  /** A snapshot has been applied. */
  readonly ready = signal(false);
  /** Why the star cannot be drawn, or empty. */
  readonly noStar = signal('');
  /** The star has been drawn once. */
  readonly pictured = signal(false);
  /** Nobody waits for the first picture: what comes after it may be loaded. */
  readonly calm = computed(() => {
    this.structure.value;
    const { view } = this.url.value;
    return this.pictured.value || this.noStar.value !== '' || (view !== 'star' && view !== 'force') || (this.ready.value && this.graph.serviceCount === 0);
  });
  readonly hovered = signal(NONE);
  readonly tip = signal<Tip | null>(null);
  /** The newest places of the star, also while another view is shown. */
  readonly starLayout = signal<StarLayout | null>(null);
  /** Where the view in front has its services, in pixels; null: it says nothing. */
  readonly places = signal<ReadonlyMap<number, readonly [number, number]> | null>(null);
  /** What takes keys for the view in front, such as + and −; null: the star does. */
  readonly viewKey = signal<((key: string) => boolean) | null>(null);
  /** Services are flying to the places of another view. */
  readonly staging = signal(false);
  /** The share of the force layout that is done; null: none is under way. */
  readonly arranging = signal<number | null>(null);
  /** What the picture of the past covers, Unix milliseconds; null: it is live, or stands still. */
  readonly window = signal<PastWindow | null>(null);
  /** The picture of the past is on its way. */
  readonly travelling = signal(false);
  /** Why it could not be had, or empty. */
  readonly travelError = signal('');
  /** The picture moves on by itself through the past. */
  readonly playing = signal(false);
  /** Calls in both windows of a comparison that changed. */
  readonly changed = signal<readonly ChangedCall[]>([]);
  /** The picture stands still at this moment (as in the URL), and nothing was fetched for it; or empty. */
  frozen = '';
  /** The server's clock less this machine's, milliseconds. */
  clockSkewMs = 0;
  /** What the server says about itself. */
  readonly about = signal<About>(NOTHING_KNOWN);
  /** Calls and failed shares over time of the services in a list, by name. */
  readonly series = signal<ReadonlyMap<string, { calls: readonly number[]; shares: readonly number[] }>>(new Map());
  /** Draws the picture at once; null: there is none. */
  draw: (() => void) | null = null;
  readonly filterOpen = signal(false);
  /** The search looks for the far end of a path from the service in focus. */
  readonly pathSearch = signal(false);
  private readonly finder = new PathFinder();
  readonly helpOpen = signal(false);
  readonly searchOpen = signal(false);
  /** Said to screen readers. */
  readonly announcement = signal('');
  private readonly systemDark = signal(matchMedia('(prefers-color-scheme: dark)').matches);
  private readonly systemStill = signal(matchMedia('(prefers-reduced-motion: reduce)').matches);
  /** Nothing moves by itself. */
  readonly still = computed(() => this.systemStill.value || this.url.value.still !== null);

  readonly theme = computed<Theme>(() => this.url.value.theme ?? (this.systemDark.value ? 'dark' : 'light'));
  /** Slot of the pinned service, or NONE. */
  readonly pinned = computed(() => {
    this.structure.value;
    return this.url.value.focus === '' ? NONE : this.graph.find(this.url.value.focus);
  });
  /** The picture is of now. */
  readonly live = computed(() => this.url.value.at === '');
  /** Slot of the call in focus, or NONE. */
  readonly call = computed(() => {
    this.structure.value;
    const { caller, callee, callKind } = this.url.value;
    return caller === '' ? NONE : this.graph.findCall(caller, callee, callKind);
  });
  /** Slot of the service whose calls are lit, or NONE: among the paths that were asked for all are. */
  readonly lit = computed(() => (this.url.value.part.to === '' ? this.pinned.value : NONE));
  readonly filters = computed(() => activeFilters(this.url.value.part, this.url.value.focus));
  /** The paths that are asked for; null: none are. */
  readonly paths = computed<readonly Path[] | null>(() => {
    this.structure.value;
    const { focus, part } = this.url.value;
    if (focus === '' || part.to === '') return null;
    const [from, to] = [this.graph.findPresent(focus), this.graph.findPresent(part.to)];
    return from === NONE || to === NONE ? [] : this.finder.find(this.graph, from, to, part.viaInferred);
  });
  /** Index of the group in focus, or −1. */
  readonly team = computed(() => {
    this.structure.value;
    return this.url.value.team === '' ? -1 : this.grouping.groups.findIndex((g) => g.key === this.url.value.team);
  });
  readonly attention = computed(() => {
    this.version.value;
    return needsAttention(this.graph, this.thresholds);
  });
  readonly totals = computed(() => {
    this.version.value;
    const s = this.graph.services;
    let calls = 0;
    let failed = 0;
    for (const i of this.graph.serviceList()) {
      calls += s.rate[i];
      failed += s.rate[i] * s.errorRate[i];
    }
    return { calls, errorRate: calls > 0 ? failed / calls : 0 };
  });
  /** The star in a sentence. */
  readonly summary = computed(() => {
    this.version.value;
    const n = this.graph.serviceCount;
    const bad = this.attention.value.length;
    return `${count(n)} ${n === 1 ? 'service' : 'services'}, ${count(this.graph.callCount)} calls, ${bad === 0 ? 'none needs' : `${count(bad)} ${bad === 1 ? 'needs' : 'need'}`} attention`;
  });

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (e) => { this.systemDark.value = e.matches; });
    matchMedia('(prefers-reduced-motion: reduce)').addEventListener('change', (e) => { this.systemStill.value = e.matches; });
    window.addEventListener('popstate', () => { this.url.value = parseUrl(window.location.search); });
  }

  /** The server's time now, Unix milliseconds. */
  now(): number {
    return Date.now() + this.clockSkewMs;
  }

  /** Brings what is in sight in step with the filters. True: something came or went. */
  refilter(): boolean {
    const { part, focus } = this.url.value;
    return this.graph.setSight(sightOf(part, focus, this.finder));
  }

  filter(change: Partial<Filter>, push = true): void {
    this.go({ part: { ...this.url.value.part, ...change } }, push);
  }

  regroup(): void {
    this.grouping = groupServices(this.graph, this.url.value.group, this.heads);
  }

  resum(): void {
    sumGroups(this.graph, this.grouping);
  }

  /** Changes the URL; push makes a step for the back button. */
  go(change: Partial<UrlState>, push = true): void {
    const next = { ...this.url.value, ...change };
    const query = formatUrl(next);
    if (query !== formatUrl(this.url.value)) {
      const target = query === '' ? window.location.pathname : query;
      if (push) window.history.pushState(null, '', target);
      else window.history.replaceState(null, '', target);
    }
    this.url.value = next;
  }

  /** Folds a group, or unfolds it. */
  fold(group: number): void {
    const key = this.grouping.groups[group]?.key;
    if (key === undefined) return;
    const { folded } = this.url.value;
    this.go({ folded: folded.includes(key) ? folded.filter((k) => k !== key) : [...folded, key].slice(-MAX_FOLDED) }, false);
  }

  /** Pins a service by slot, or nothing with NONE. */
  pin(slot: number): void {
    const part = slot === NONE || this.url.value.part.to === '' ? this.url.value.part : { ...this.url.value.part, to: '' };
    this.go({ focus: slot === NONE ? '' : this.graph.services.name[slot], team: '', ...NO_CALL, part: slot === NONE ? { ...part, to: '' } : part });
    if (slot !== NONE) this.announcement.value = this.sentence(slot);
  }

  pinTeam(group: number): void {
    const g = this.grouping.groups[group];
    this.go({ focus: '', team: g === undefined ? '' : g.key, ...NO_CALL });
    if (g !== undefined) this.announcement.value = `Team ${g.name}: ${count(g.count)} services, ${rate(g.rate)} calls a second`;
  }

  /** Puts a call in focus, or none with NONE. */
  pinCall(slot: number): void {
    const { calls, services } = this.graph;
    this.go(slot === NONE ? NO_CALL : { caller: services.name[calls.from[slot]], callee: services.name[calls.to[slot]], callKind: CALL_KINDS[calls.kind[slot]] });
    if (slot === NONE) return;
    this.announcement.value = `Call from ${services.label[calls.from[slot]]} to ${services.label[calls.to[slot]]}: `
      + `${rate(calls.rate[slot])} a second, ${percent(calls.errorRate[slot])} errors`;
  }

  /** Shows the paths from the service in focus to another. */
  pathTo(slot: number): void {
    if (this.url.value.focus === '' || slot === NONE) return;
    this.go({ ...NO_CALL, view: this.url.value.view === 'table' ? 'star' : this.url.value.view, part: { ...this.url.value.part, to: this.graph.services.name[slot], hops: 0 } });
  }

  /** A service in a sentence. */
  sentence(slot: number): string {
    const s = this.graph.services;
    const health = healthOf(s.errorRate[slot], this.thresholds);
    return `${s.label[slot]}, ${health}: ${rate(s.rate[slot])} calls a second, ${percent(s.errorRate[slot])} errors, `
      + `called by ${this.graph.callsTo(slot).length}, calls ${this.graph.callsFrom(slot).length}`;
  }
}
