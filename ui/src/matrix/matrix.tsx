/** The Matrix view: callers down, callees across, grouped. The picture is a canvas; a second one above it holds what is lit. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { strengths } from '../layout/strength';
import { count } from '../model/format';
import { NONE } from '../model/graph';
import { groupCells, type GroupCell } from '../model/groups';
import type { AppState } from '../panels/state';
import { Tooltip } from '../panels/tooltip';
import './matrix.css';
import { axisOf, callBetween, type Axis } from './axis';
import { clampLens, fitLens, placeAt, zoomLens, type Area, type Lens } from './lens';
import { paintLit, paintMatrix, type Lit, type MatrixScene } from './paint';

const CLICK_PX = 4;
const WHEEL_ZOOM = 0.0015;
const KEY_ZOOM = 1.4;
/** Space for names: no more than these, and no more than this share of the view. */
const LEFT_PX = 196;
const TOP_PX = 150;
const NAMES_SHARE = 0.24;
/** Strengths of a large graph are reckoned anew at most this often. */
const RECKON_MS = 5_000;

/** What the matrix draws from, renewed when the graph changes; no part of what the panels show. */
class Matrix {
  private axis: Axis = { slots: new Uint32Array(0), at: new Int32Array(0), starts: new Uint32Array(1) };
  private cells: GroupCell[] = [];
  private strength: Float32Array = new Float32Array(1);
  private area: Area = { width: 1, height: 1, left: 0, top: 0 };
  private lens: Lens = { size: 1, x: 0, y: 0 };
  private moved = false;
  private asked = 0;
  private stale = true;
  private reckonedAt = -Infinity;
  private structure = -1;
  private readonly pressed = new Map<number, { x: number; y: number }>();
  private dragged = false;
  private lit: Lit = { row: -1, column: -1, focus: -1 };

  constructor(private readonly base: HTMLCanvasElement, private readonly top: HTMLCanvasElement, private readonly state: AppState) {
    top.addEventListener('pointerdown', (e) => this.down(e));
    top.addEventListener('pointermove', (e) => this.move(e));
    top.addEventListener('pointerup', (e) => this.up(e));
    top.addEventListener('pointercancel', (e) => this.pressed.delete(e.pointerId));
    top.addEventListener('pointerleave', () => this.leave());
    top.addEventListener('wheel', (e) => this.wheel(e), { passive: false });
    top.addEventListener('keydown', (e) => this.key(e));
  }

  stop(): void {
    cancelAnimationFrame(this.asked);
  }

  resize(width: number, height: number): void {
    const ratio = Math.min(2, window.devicePixelRatio);
    for (const c of [this.base, this.top]) {
      c.width = Math.max(1, Math.round(width * ratio));
      c.height = Math.max(1, Math.round(height * ratio));
    }
    this.area = { width, height, left: Math.min(LEFT_PX, width * NAMES_SHARE), top: Math.min(TOP_PX, height * NAMES_SHARE) };
    this.lens = this.moved ? clampLens(this.lens, this.area, this.axis.slots.length) : fitLens(this.area, this.axis.slots.length);
    this.draw(true);
    this.tell();
  }

  /** The graph has changed. */
  update(): void {
    const { graph, grouping } = this.state;
    const now = performance.now();
    const restructured = graph.structureVersion !== this.structure;
    if (restructured || now - this.reckonedAt >= RECKON_MS) {
      this.reckonedAt = now;
      this.structure = graph.structureVersion;
      this.axis = axisOf(graph, grouping);
      this.strength = strengths([...graph.callList()], graph.calls.rate, graph.callHigh);
      this.lit = { ...this.lit, row: -1, column: -1 };
      this.lens = this.moved ? clampLens(this.lens, this.area, this.axis.slots.length) : fitLens(this.area, this.axis.slots.length);
      if (restructured) this.tell();
    }
    this.cells = groupCells(graph, grouping);
    this.draw(true);
  }

  focus(slot: number): void {
    this.lit.focus = slot === NONE ? -1 : this.axis.at[slot] ?? -1;
    this.draw(false);
  }

  repaint(): void {
    this.draw(true);
  }

  private scene(): MatrixScene {
    return {
      graph: this.state.graph, grouping: this.state.grouping, axis: this.axis, cells: this.cells, strength: this.strength,
      thresholds: this.state.thresholds, light: this.state.theme.value === 'light', area: this.area, lens: this.lens,
    };
  }

  private draw(all: boolean): void {
    this.stale ||= all;
    if (this.asked !== 0) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      const scene = this.scene();
      if (this.stale) this.on(this.base, (g) => paintMatrix(g, scene));
      this.stale = false;
      this.on(this.top, (g) => paintLit(g, scene, this.lit));
      this.base.dataset.drawn = String(this.axis.slots.length);
      this.base.dataset.lens = [this.lens.x, this.lens.y, this.lens.size].map((v) => v.toFixed(2)).join(' ');
    });
  }

  private on(canvas: HTMLCanvasElement, paint: (g: CanvasRenderingContext2D) => void): void {
    const g = canvas.getContext('2d');
    if (g === null) return;
    g.setTransform(canvas.width / this.area.width, 0, 0, canvas.height / this.area.height, 0, 0);
    paint(g);
  }

  /** Tells the stage behind that each service stands on the diagonal. */
  private tell(): void {
    if (this.axis.slots.length === 0 || this.area.width <= 1) return;
    const { x, y, size } = this.lens;
    this.state.places.value = new Map(Array.from(this.axis.slots, (slot, i) => [slot, [x + (i + 0.5) * size, y + (i + 0.5) * size]]));
  }

  /* Pointer */

  private at(e: MouseEvent): { x: number; y: number } {
    const box = this.top.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  /** The places under a point; beside the cells only one of them. */
  private placesAt(p: { x: number; y: number }): { row: number; column: number } {
    const n = this.axis.slots.length;
    const within = (place: number): number => (place >= 0 && place < n ? place : -1);
    const row = p.y < this.area.top - 8 ? -1 : within(placeAt(this.lens.y, this.lens.size, p.y));
    const column = p.x < this.area.left - 8 ? -1 : within(placeAt(this.lens.x, this.lens.size, p.x));
    const beside = p.x < Math.max(this.area.left, this.lens.x) - 1;
    const above = p.y < Math.max(this.area.top, this.lens.y) - 1;
    if (beside && above) return { row: -1, column: -1 };
    if (beside) return { row, column: -1 };
    if (above) return { row: -1, column };
    return row < 0 || column < 0 ? { row: -1, column: -1 } : { row, column };
  }

  /** The call nearest to a point; small cells reach a little farther than they are. */
  private callAt(p: { x: number; y: number }): { call: number; row: number; column: number } | null {
    const reach = Math.max(0, Math.min(12, Math.ceil(3 / this.lens.size)));
    const here = this.placesAt(p);
    if (here.row < 0 || here.column < 0) return null;
    let best: { call: number; row: number; column: number } | null = null;
    let nearest = Infinity;
    for (let row = here.row - reach; row <= here.row + reach; row++) {
      if (row < 0 || row >= this.axis.slots.length) continue;
      for (const c of this.state.graph.callsFrom(this.axis.slots[row])) {
        const column = this.axis.at[this.state.graph.calls.to[c]];
        const d = Math.max(Math.abs(column - here.column), Math.abs(row - here.row));
        if (d > reach || d >= nearest) continue;
        nearest = d;
        best = { call: callBetween(this.state.graph, this.axis.slots[row], this.axis.slots[column]), row, column };
      }
    }
    return best;
  }

  private leave(): void {
    this.lit = { ...this.lit, row: -1, column: -1 };
    this.state.tip.value = null;
    this.draw(false);
  }

  private hover(p: { x: number; y: number }): void {
    const found = this.callAt(p);
    const { row, column } = found ?? this.placesAt(p);
    this.top.style.cursor = found !== null || (row < 0) !== (column < 0) ? 'pointer' : 'default';
    this.state.tip.value = found === null ? null : { ...p, kind: 'call', ref: found.call };
    if (row === this.lit.row && column === this.lit.column) return;
    this.lit = { ...this.lit, row, column };
    this.draw(false);
  }

  private down(e: PointerEvent): void {
    this.top.setPointerCapture(e.pointerId);
    this.top.focus({ preventScroll: true });
    this.pressed.set(e.pointerId, this.at(e));
    this.dragged = this.pressed.size > 1;
  }

  private move(e: PointerEvent): void {
    const p = this.at(e);
    const before = this.pressed.get(e.pointerId);
    if (before === undefined) {
      this.hover(p);
      return;
    }
    if (!this.dragged && Math.hypot(p.x - before.x, p.y - before.y) < CLICK_PX) return;
    this.dragged = true;
    this.leave();
    const other = [...this.pressed].find(([id]) => id !== e.pointerId)?.[1];
    if (other === undefined) this.see({ ...this.lens, x: this.lens.x + p.x - before.x, y: this.lens.y + p.y - before.y });
    else this.zoom(Math.hypot(p.x - other.x, p.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y)), (p.x + other.x) / 2, (p.y + other.y) / 2);
    this.pressed.set(e.pointerId, p);
  }

  private up(e: PointerEvent): void {
    const single = this.pressed.size === 1;
    this.pressed.delete(e.pointerId);
    if (!single || this.dragged) return;
    const p = this.at(e);
    const found = this.callAt(p);
    if (found !== null) {
      this.state.pinCall(found.call);
      return;
    }
    const { row, column } = this.placesAt(p);
    const place = row < 0 ? column : column < 0 ? row : -1;
    this.state.pin(place < 0 ? NONE : this.axis.slots[place]);
  }

  private see(lens: Lens): void {
    this.moved = true;
    this.lens = clampLens(lens, this.area, this.axis.slots.length);
    this.draw(true);
  }

  private zoom(factor: number, x = this.area.width / 2, y = this.area.height / 2): void {
    this.moved = true;
    this.lens = zoomLens(this.lens, factor, x, y, this.area, this.axis.slots.length);
    this.draw(true);
  }

  private wheel(e: WheelEvent): void {
    e.preventDefault();
    this.leave();
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const p = this.at(e);
    this.zoom(Math.exp(-e.deltaY * lines * (e.ctrlKey ? 4 : 1) * WHEEL_ZOOM), p.x, p.y);
  }

  /* Keys */

  /** Keys that work wherever the focus is. True: taken. */
  readonly globalKey = (key: string): boolean => {
    if (key === '+' || key === '=') this.zoom(KEY_ZOOM);
    else if (key === '-' || key === '−') this.zoom(1 / KEY_ZOOM);
    else if (key === '0') {
      this.moved = false;
      this.lens = fitLens(this.area, this.axis.slots.length);
      this.draw(true);
    } else return false;
    return true;
  };

  /** The arrows walk from call to call along a row, and from row to row; Enter selects. */
  private key(e: KeyboardEvent): void {
    if (e.altKey || e.ctrlKey || e.metaKey) return;
    const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    const side = e.key === 'ArrowDown' ? 1 : e.key === 'ArrowUp' ? -1 : 0;
    const { graph } = this.state;
    const call = this.lit.row < 0 || this.lit.column < 0 ? -1 : callBetween(graph, this.axis.slots[this.lit.row], this.axis.slots[this.lit.column]);
    if (e.key === 'Enter' && call >= 0) this.state.pinCall(call);
    else if (side !== 0) this.walkRows(side);
    else if (step !== 0) this.walkCalls(step);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  private columnsOf(row: number): number[] {
    return [...new Set(Array.from(this.state.graph.callsFrom(this.axis.slots[row]), (c) => this.axis.at[this.state.graph.calls.to[c]]))].sort((a, b) => a - b);
  }

  /** To the next row that has calls. */
  private walkRows(side: number): void {
    const n = this.axis.slots.length;
    const from = this.lit.row < 0 ? (side > 0 ? -1 : n) : this.lit.row;
    for (let row = from + side; row >= 0 && row < n; row += side) {
      const columns = this.columnsOf(row);
      if (columns.length === 0) continue;
      columns.sort((a, b) => Math.abs(a - this.lit.column) - Math.abs(b - this.lit.column));
      this.goTo(row, columns[0]);
      return;
    }
  }

  private walkCalls(step: number): void {
    if (this.lit.row < 0) {
      this.walkRows(1);
      return;
    }
    const columns = this.columnsOf(this.lit.row);
    const at = columns.indexOf(this.lit.column);
    if (columns.length > 0) this.goTo(this.lit.row, columns[(Math.max(0, at) + step + columns.length) % columns.length]);
  }

  private goTo(row: number, column: number): void {
    this.lit = { ...this.lit, row, column };
    const { services } = this.state.graph;
    const { size } = this.lens;
    const [x, y] = [this.lens.x + (column + 0.5) * size, this.lens.y + (row + 0.5) * size];
    const dx = x < this.area.left ? this.area.left - x + 40 : x > this.area.width - 30 ? this.area.width - 70 - x : 0;
    const dy = y < this.area.top ? this.area.top - y + 40 : y > this.area.height - 30 ? this.area.height - 70 - y : 0;
    if (dx !== 0 || dy !== 0) this.see({ ...this.lens, x: this.lens.x + dx, y: this.lens.y + dy });
    const call = callBetween(this.state.graph, this.axis.slots[row], this.axis.slots[column]);
    this.state.tip.value = call < 0 ? null : { x: x + dx, y: y + dy, kind: 'call', ref: call };
    this.state.announcement.value = `${services.label[this.axis.slots[row]]} calls ${services.label[this.axis.slots[column]]}`;
    this.draw(false);
  }
}

/** How many pairs of groups call each other both ways. */
function cyclesOf(state: AppState): number {
  return groupCells(state.graph, state.grouping).filter((c) => c.mutual).length / 2;
}

export function MatrixView({ state }: { state: AppState }): JSX.Element {
  const base = useRef<HTMLCanvasElement>(null);
  const top = useRef<HTMLCanvasElement>(null);
  const matrix = useRef<Matrix | null>(null);
  const version = state.version.value;
  const structure = state.structure.value;
  const theme = state.theme.value;
  const hovered = state.hovered.value;
  const pinned = state.pinned.value;
  const cycles = useMemo(() => cyclesOf(state), [structure]);
  useEffect(() => {
    if (base.current === null || top.current === null) return undefined;
    const canvas = top.current;
    const m = new Matrix(base.current, canvas, state);
    matrix.current = m;
    state.viewKey.value = m.globalKey;
    m.update();
    const observer = new ResizeObserver(() => m.resize(canvas.clientWidth, canvas.clientHeight));
    observer.observe(canvas);
    void document.fonts.ready.then(() => m.repaint());
    return () => {
      observer.disconnect();
      m.stop();
      state.viewKey.value = null;
      state.places.value = null;
      state.tip.value = null;
    };
  }, []);
  useEffect(() => matrix.current?.update(), [version, structure]);
  useEffect(() => matrix.current?.repaint(), [theme]);
  useEffect(() => matrix.current?.focus(hovered !== NONE ? hovered : pinned), [hovered, pinned, structure]);
  const n = state.graph.serviceCount;
  return (
    <section class="matrix view" aria-label="Matrix" onAnimationEnd={() => { state.staging.value = false; }}>
      <canvas ref={base} aria-hidden="true" />
      <canvas ref={top} class="over" role="application" tabIndex={0} aria-label="Matrix of calls: callers down, callees across" aria-describedby="matrix-summary" />
      <p class="unseen" id="matrix-summary">{count(n)} services in {count(state.grouping.groups.length)} groups, {count(state.graph.callCount)} calls; arrow keys walk from call to call, Enter selects.</p>
      <p class="corner sub" aria-hidden="true"><span>callee →</span><span>↓ caller</span></p>
      <ul class="matrix-legend sub">
        <li><i class="cell weak" /><i class="cell" /><i class="cell strong" />calls/s</li>
        <li><i class="cell degraded" /><i class="cell failing" />fail</li>
        <li class="num"><i class="cell cycle" />{cycles === 0 ? 'no two groups call each other' : `${count(cycles)} ${cycles === 1 ? 'pair of groups calls' : 'pairs of groups call'} each other`}</li>
      </ul>
      {state.ready.value && n === 0 && <p class="sub none">No services yet.</p>}
      <Tooltip state={state} />
    </section>
  );
}
