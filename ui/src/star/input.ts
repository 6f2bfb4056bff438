/** Pointer, wheel, touch and keys on the star. */
import { NONE } from '../model/graph';
import type { AppState } from '../panels/state';
import type { StarView } from './view';

/** A press that moves less than this is a click. */
const CLICK_PX = 4;
/** The pointer looks for chords when it has rested for so long. */
const CHORD_DELAY_MS = 60;
const WHEEL_ZOOM = 0.0015;
const KEY_ZOOM = 1.3;

interface Point {
  x: number;
  y: number;
}

export class StarInput {
  private readonly pressed = new Map<number, Point>();
  private start: Point = { x: 0, y: 0 };
  private dragged = false;
  private chordTimer = 0;
  /** The canvas itself moves at times. */
  private readonly stage: Element;

  constructor(private readonly canvas: HTMLCanvasElement, private readonly view: StarView, private readonly state: AppState) {
    this.stage = canvas.parentElement ?? canvas;
    canvas.addEventListener('pointerdown', (e) => this.down(e));
    canvas.addEventListener('pointermove', (e) => this.move(e));
    canvas.addEventListener('pointerup', (e) => this.up(e));
    canvas.addEventListener('pointercancel', (e) => this.pressed.delete(e.pointerId));
    canvas.addEventListener('dblclick', (e) => this.open(e));
    canvas.addEventListener('pointerleave', () => this.clear());
    canvas.addEventListener('wheel', (e) => this.wheel(e), { passive: false });
    canvas.addEventListener('keydown', (e) => this.key(e));
  }

  private at(e: MouseEvent): Point {
    const box = this.stage.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  private clear(): void {
    window.clearTimeout(this.chordTimer);
    this.state.hovered.value = NONE;
    this.state.tip.value = null;
  }

  private down(e: PointerEvent): void {
    this.canvas.setPointerCapture(e.pointerId);
    this.canvas.focus({ preventScroll: true });
    const p = this.at(e);
    this.pressed.set(e.pointerId, p);
    this.start = p;
    this.dragged = this.pressed.size > 1;
  }

  private move(e: PointerEvent): void {
    const p = this.at(e);
    const before = this.pressed.get(e.pointerId);
    if (before === undefined) {
      this.hover(p);
      return;
    }
    if (!this.dragged && Math.hypot(p.x - this.start.x, p.y - this.start.y) < CLICK_PX) return;
    this.dragged = true;
    this.clear();
    if (this.pressed.size === 1) this.view.pilot.pan(p.x - before.x, p.y - before.y);
    else this.pinch(e.pointerId, before, p);
    this.pressed.set(e.pointerId, p);
  }

  private pinch(id: number, before: Point, now: Point): void {
    for (const [other, q] of this.pressed) {
      if (other === id) continue;
      const was = Math.hypot(before.x - q.x, before.y - q.y);
      const is = Math.hypot(now.x - q.x, now.y - q.y);
      if (was > 1) this.view.pilot.zoom(is / was, (now.x + q.x) / 2, (now.y + q.y) / 2);
      return;
    }
  }

  private up(e: PointerEvent): void {
    const single = this.pressed.size === 1;
    this.pressed.delete(e.pointerId);
    if (!single || this.dragged) return;
    const p = this.at(e);
    const service = this.view.serviceAt(p.x, p.y);
    if (service !== NONE) {
      // Shift and a second service: the paths from the first to it.
      if (e.shiftKey && this.state.pinned.value !== NONE) this.state.pathTo(service);
      else this.state.pin(service);
      return;
    }
    const group = this.view.groupAt(p.x, p.y);
    if (group >= 0 && e.shiftKey) {
      this.state.fold(group);
      return;
    }
    if (group >= 0) {
      this.state.pinTeam(group);
      this.view.zoomToTeam();
      return;
    }
    const call = this.view.callAt(p.x, p.y);
    if (call !== NONE) {
      this.state.pinCall(call);
      return;
    }
    if (this.state.call.value !== NONE) this.state.pinCall(NONE);
    else if (this.state.pinned.value !== NONE || this.state.url.value.team !== '') this.state.pin(NONE);
  }

  /** A double click opens the neighbourhood of a service, and a folded group. */
  private open(e: MouseEvent): void {
    const p = this.at(e);
    const service = this.view.serviceAt(p.x, p.y);
    if (service !== NONE) this.state.go({ view: 'layers', focus: this.state.graph.services.name[service], team: '' });
    else if (this.view.foldedAt(p.x, p.y)) this.state.fold(this.view.groupAt(p.x, p.y));
  }

  private hover(p: Point): void {
    window.clearTimeout(this.chordTimer);
    const service = this.view.serviceAt(p.x, p.y);
    this.state.hovered.value = service;
    const group = service === NONE ? this.view.groupAt(p.x, p.y) : -1;
    this.canvas.style.cursor = service !== NONE || group >= 0 ? 'pointer' : 'default';
    if (service !== NONE) this.state.tip.value = { ...p, kind: 'service', ref: service };
    else if (group >= 0) this.state.tip.value = { ...p, kind: 'group', ref: group };
    else {
      this.state.tip.value = null;
      this.chordTimer = window.setTimeout(() => this.hoverCall(p), CHORD_DELAY_MS);
    }
  }

  private hoverCall(p: Point): void {
    const call = this.view.callAt(p.x, p.y);
    if (call !== NONE) this.state.tip.value = { ...p, kind: 'call', ref: call };
  }

  private wheel(e: WheelEvent): void {
    e.preventDefault();
    this.clear();
    const p = this.at(e);
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.view.pilot.zoom(Math.exp(-e.deltaY * lines * (e.ctrlKey ? 4 : 1) * WHEEL_ZOOM), p.x, p.y);
  }

  /** Walks the graph: along the ring, up to the busiest caller, down to the busiest callee. */
  private walk(key: string): boolean {
    const { graph } = this.state;
    const from = this.state.pinned.value;
    const busiest = (calls: Uint32Array, end: Uint32Array): number => {
      let best = NONE;
      let most = -1;
      for (const c of calls) {
        if (end[c] === from || graph.calls.rate[c] <= most) continue;
        most = graph.calls.rate[c];
        best = end[c];
      }
      return best;
    };
    let to = NONE;
    if (key === 'ArrowLeft') to = this.view.neighbourOnRing(from, -1);
    else if (key === 'ArrowRight') to = this.view.neighbourOnRing(from, 1);
    else if (from === NONE) to = this.view.neighbourOnRing(from, 1);
    else if (key === 'ArrowUp') to = busiest(graph.callsTo(from), graph.calls.from);
    else to = busiest(graph.callsFrom(from), graph.calls.to);
    if (to === NONE) return false;
    this.clear();
    this.state.pin(to);
    return true;
  }

  private key(e: KeyboardEvent): void {
    if (e.altKey || e.ctrlKey || e.metaKey || !e.key.startsWith('Arrow')) return;
    this.walk(e.key);
    e.preventDefault();
  }

  /** Keys that work wherever the focus is. True: taken. */
  globalKey(key: string): boolean {
    if (key === '+' || key === '=') this.view.pilot.zoom(KEY_ZOOM);
    else if (key === '-' || key === '−') this.view.pilot.zoom(1 / KEY_ZOOM);
    else if (key === '0') this.view.pilot.fit();
    else return false;
    return true;
  }
}
