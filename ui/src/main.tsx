/** The wiring: stream to graph, graph to panels and star, keys to both. */
import { batch, computed, effect, untracked } from '@preact/signals';
import { render } from 'preact';
import './style.css';
import { ask } from './ask';
import { aboutOf } from './model/about';
import type { DataFrame } from './model/frame';
import { NONE } from './model/graph';
import type { View } from './model/url';
import { App, type Actions } from './panels/app';
import { VIEW_KEYS } from './panels/header';
import { AppState } from './panels/state';
import { compare, pause } from './panels/time';
import { RenderError } from './render/gl';
import { StarInput } from './star/input';
import { StarView } from './star/view';
import { Stream } from './stream';
import type { Travel } from './travel';

const state = new AppState();
let star: StarView | null = null;
let input: StarInput | null = null;

function streamUrl(): string {
  const url = new URL('api/v1/stream', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  return url.href;
}

/** Mirrors the state in the document's data attributes, for tests to read. */
function mirror(): void {
  const { dataset } = document.documentElement;
  dataset.services = String(state.graph.serviceCount);
  dataset.calls = String(state.graph.callCount);
  dataset.window = state.window.value === null ? '' : String(state.window.value.toMs);
}

/** Brings everything in step with a graph that has changed. */
function changed(structure: boolean, order: boolean): void {
  if (structure) state.regroup();
  else state.resum();
  mirror();
  batch(() => {
    if (structure) {
      state.hovered.value = NONE;
      state.tip.value = null;
      state.structure.value++;
    }
    state.version.value++;
  });
  star?.applied(structure, order);
}

/** The live graph has been replaced by one of the past. */
let away = false;
let travel: Promise<Travel> | null = null;

/** Shows a graph of the past. */
function showPast(frame: DataFrame): void {
  away = true;
  state.graph.apply(frame);
  state.ready.value = true;
  changed(true, true);
}

/** Follows the moment in the URL: now, standing still, or the past. */
function followTime(): void {
  const { at, base } = state.url.value;
  if (at === '' && away) stream.forget();
  stream.setPaused(document.hidden || at !== '');
  if (at === '') {
    state.playing.value = false;
    state.window.value = null;
    state.travelError.value = '';
    state.changed.value = [];
    return;
  }
  if (at === state.frozen && base === '') return;
  travel ??= import('./travel').then((m) => new m.Travel(state, showPast));
  travel.then((t) => t.request(), () => {
    travel = null;
    state.travelError.value = 'the server does not answer';
  });
}

const stream = new Stream(streamUrl(), {
  hello(h) {
    state.server.value = h.version;
    if (h.status !== null) state.marks.value = h.status.marks;
    // Without an answer what was known stands.
    ask('v1/status').then((v) => { state.about.value = aboutOf(v); }, () => undefined);
  },
  data(frame) {
    // What is still under way when the past is shown is not for this picture.
    if (!state.live.value && state.url.value.at !== state.frozen) {
      stream.forget();
      return;
    }
    away = false;
    const change = state.graph.apply(frame);
    state.clockSkewMs = frame.timeMs - Date.now();
    document.documentElement.dataset.seq = String(frame.seq);
    if (frame.status !== null) state.marks.value = frame.status.marks;
    state.lagMs.value = frame.lagMs;
    state.ready.value = true;
    changed(change.structure, change.order);
  },
  link(l) {
    if (l.state === 'waiting' || l.state !== state.link.value.state) state.link.value = l;
    document.documentElement.dataset.connected = String(l.state === 'live');
  },
});

const actions: Actions = {
  mount(canvas, overlay) {
    try {
      const view = new StarView(canvas, overlay, state);
      star = view;
      state.draw = () => view.redraw();
      input = new StarInput(canvas, view, state);
      new ResizeObserver(() => view.resize(canvas.clientWidth, canvas.clientHeight)).observe(canvas);
      effect(() => view.show(state.url.value.view));
      if (state.ready.value) view.applied(true, true);
    } catch (e) {
      if (!(e instanceof RenderError)) throw e;
      state.noStar.value = e.message;
    }
  },
  retry() {
    stream.hurry();
  },
};

function leave(): void {
  if (state.url.value.caller !== '') {
    state.pinCall(NONE);
  } else if (state.url.value.part.to !== '') {
    state.filter({ to: '' });
  } else if (!['star', 'force', 'table'].includes(state.url.value.view)) {
    state.go({ view: 'star' });
  } else if (state.pinned.value !== NONE || state.url.value.team !== '' || state.url.value.focus !== '') {
    state.pin(NONE);
    star?.zoomToTeam();
  } else if (state.url.value.view !== 'star') {
    state.go({ view: 'star' });
  } else {
    star?.pilot.fit();
  }
}

function viewOfKey(key: string): View | undefined {
  const found = Object.entries(VIEW_KEYS).find(([, k]) => k === key);
  return found?.[0] as View | undefined;
}

/** From the star to the neighbourhood of the service in focus. */
function openNeighbourhood(e: KeyboardEvent): boolean {
  const onControl = e.target instanceof HTMLElement && e.target.closest('button, a, input, summary, [role="option"]') !== null;
  if (onControl || state.url.value.view !== 'star' || state.pinned.value === NONE) return false;
  state.go({ view: 'layers' });
  return true;
}

function onKey(e: KeyboardEvent): void {
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || state.helpOpen.value) return;
  const typing = e.target instanceof HTMLInputElement || e.target instanceof HTMLTextAreaElement || e.target instanceof HTMLSelectElement;
  if (typing && e.key !== 'Escape') return;
  const onButton = e.target instanceof HTMLElement && e.target.closest('button, a, summary') !== null;
  const view = viewOfKey(e.key);
  if (view !== undefined) state.go({ view });
  else if (e.key === '/') document.getElementById('search')?.focus();
  else if (e.key === '?') state.helpOpen.value = true;
  else if (e.key === 't') state.go({ theme: state.theme.value === 'dark' ? 'light' : 'dark' }, false);
  else if (e.key === ' ' && !onButton) pause(state);
  else if (e.key === 'f') state.filterOpen.value = !state.filterOpen.value;
  else if (e.key === 'i') state.filter({ noInferred: !state.url.value.part.noInferred });
  else if (e.key === 'c') compare(state);
  else if (e.key === 'Escape') leave();
  else if (e.key === 'Enter') {
    if (!openNeighbourhood(e)) return;
  }
  else if ((state.viewKey.value ?? ((key: string) => input?.globalKey(key) === true))(e.key) !== true) return;
  e.preventDefault();
}

effect(() => {
  document.documentElement.dataset.theme = state.theme.value;
  document.documentElement.classList.toggle('still', state.still.value);
});
window.addEventListener('keydown', onKey);
document.addEventListener('visibilitychange', () => stream.setPaused(document.hidden || !state.live.value));
const root = document.getElementById('app');
if (root !== null) render(<App state={state} actions={actions} />, root);
stream.start();
// After the start, so that a link to the past finds a stream to pause.
const moment = computed(() => [state.url.value.at, state.url.value.base, state.url.value.range].join());
effect(() => {
  moment.value;
  untracked(followTime);
});
const part = computed(() => JSON.stringify([state.url.value.part, state.url.value.part.hops > 0 || state.url.value.part.to !== '' ? state.url.value.focus : '']));
effect(() => {
  part.value;
  untracked(() => { if (state.refilter()) changed(true, true); });
});
