/** The wiring: stream to graph, graph to panels and star, keys to both. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import './style.css';
import type { DataFrame } from './model/frame';
import { NONE } from './model/graph';
import type { View } from './model/url';
import { App, type Actions } from './panels/app';
import { VIEW_KEYS } from './panels/header';
import { AppState } from './panels/state';
import { RenderError } from './render/gl';
import { StarInput } from './star/input';
import { StarView } from './star/view';
import { Stream } from './stream';

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
function mirror(frame: DataFrame): void {
  const { dataset } = document.documentElement;
  dataset.services = String(state.graph.serviceCount);
  dataset.calls = String(state.graph.callCount);
  dataset.seq = String(frame.seq);
}

const stream = new Stream(streamUrl(), {
  hello(h) {
    state.server.value = h.version;
    if (h.status !== null) state.marks.value = h.status.marks;
  },
  data(frame) {
    const change = state.graph.apply(frame);
    if (change.structure) state.regroup();
    else state.resum();
    if (frame.status !== null) state.marks.value = frame.status.marks;
    state.lagMs.value = frame.lagMs;
    state.ready.value = true;
    mirror(frame);
    if (change.structure) {
      state.hovered.value = NONE;
      state.tip.value = null;
      state.structure.value++;
    }
    state.version.value++;
    star?.applied(change.structure, change.order);
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
  if (!['star', 'force', 'table'].includes(state.url.value.view)) {
    state.go({ view: 'star' });
  } else if (state.pinned.value !== NONE || state.url.value.team !== '' || state.url.value.focus !== '') {
    state.pin(NONE);
    star?.zoomToTeam();
  } else if (state.url.value.view !== 'star') {
    state.go({ view: 'star' });
  } else {
    star?.fit();
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
  const typing = e.target instanceof HTMLInputElement || e.target instanceof HTMLTextAreaElement;
  if (typing && e.key !== 'Escape') return;
  const view = viewOfKey(e.key);
  if (view !== undefined) state.go({ view });
  else if (e.key === '/') document.getElementById('search')?.focus();
  else if (e.key === '?') state.helpOpen.value = true;
  else if (e.key === 't') state.go({ theme: state.theme.value === 'dark' ? 'light' : 'dark' }, false);
  else if (e.key === 'Escape') leave();
  else if (e.key === 'Enter') {
    if (!openNeighbourhood(e)) return;
  }
  else if (input?.globalKey(e.key) !== true) return;
  e.preventDefault();
}

effect(() => { document.documentElement.dataset.theme = state.theme.value; });
window.addEventListener('keydown', onKey);
document.addEventListener('visibilitychange', () => stream.setPaused(document.hidden));
const root = document.getElementById('app');
if (root !== null) render(<App state={state} actions={actions} />, root);
stream.start();
