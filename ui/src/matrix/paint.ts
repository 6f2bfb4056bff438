/** Paints the matrix on a canvas: cells, the outlines of groups, names along both sides. Knows no DOM but its context. */
import { rate as rateText } from '../model/format';
import { CHANGES } from '../model/frame';
import type { Graph } from '../model/graph';
import type { GroupCell, Grouping } from '../model/groups';
import type { Thresholds } from '../model/health';
import { DARK, HUES, LIGHT, type Rgb } from '../render/palette';
import type { Axis } from './axis';
import type { Area, Lens } from './lens';

export interface MatrixScene {
  graph: Graph;
  grouping: Grouping;
  axis: Axis;
  cells: readonly GroupCell[];
  /** For each call how strong it is, 0 to 1. */
  strength: Float32Array;
  thresholds: Thresholds;
  light: boolean;
  area: Area;
  lens: Lens;
}

const CHANGE_NEW = CHANGES.indexOf('new');
const CHANGE_GONE = CHANGES.indexOf('gone');
/** From this size on cells are squares with room between them; below, the sums of groups lie under them. */
const OPEN_PX = 5;
/** From this size on services have their names. */
export const NAMED_PX = 11;
const FONT = '550 11px Inter, system-ui, sans-serif';
const GROUP_FONT = '600 11.5px Inter, system-ui, sans-serif';
const LINE_PX = 13;

export function css(c: Rgb, alpha = 1, scale = 1): string {
  return `rgb(${c.map((v) => Math.round(v * 255 * scale)).join(' ')} / ${alpha})`;
}

export interface Inks {
  ink: string;
  sub: string;
  line: string;
  faint: string;
  accent: string;
  failing: string;
}

export function inksOf(light: boolean): Inks {
  return light
    ? { ink: '#18202c', sub: '#5c6774', line: 'rgb(20 35 60 / 16%)', faint: 'rgb(20 35 60 / 5%)', accent: '#3b5bdb', failing: '#c81e2c' }
    : { ink: '#e3ebf8', sub: '#8190aa', line: 'rgb(130 160 215 / 20%)', faint: 'rgb(130 160 215 / 5%)', accent: '#6aa5ff', failing: '#ff6257' };
}

function hueOf(s: MatrixScene, group: number, alpha: number): string {
  return css(HUES[s.grouping.groups[group]?.hue ?? 0], alpha, s.light ? 0.72 : 1);
}

interface Span {
  first: number;
  last: number;
}

/** The places in sight along one side. */
function seen(origin: number, size: number, low: number, high: number, n: number): Span {
  return { first: Math.max(0, Math.floor((low - origin) / size)), last: Math.min(n - 1, Math.floor((high - origin) / size)) };
}

function paintGroups(g: CanvasRenderingContext2D, s: MatrixScene): void {
  const { starts } = s.axis;
  const { lens } = s;
  let most = 0;
  for (const c of s.cells) most = Math.max(most, c.rate / Math.max(1, (starts[c.from + 1] - starts[c.from]) * (starts[c.to + 1] - starts[c.to])));
  const dense = lens.size < OPEN_PX;
  for (const c of s.cells) {
    const w = (starts[c.to + 1] - starts[c.to]) * lens.size;
    const h = (starts[c.from + 1] - starts[c.from]) * lens.size;
    const x = lens.x + starts[c.to] * lens.size;
    const y = lens.y + starts[c.from] * lens.size;
    const share = most > 0 ? Math.log1p((c.rate / ((w * h) / lens.size ** 2)) * 1e3) / Math.log1p(most * 1e3) : 0;
    const failing = c.rate > 0 && c.failed / c.rate > s.thresholds.degraded;
    g.fillStyle = failing ? css((s.light ? LIGHT : DARK).failing, dense ? 0.12 + 0.26 * share : 0.08) : hueOf(s, c.to, dense ? 0.05 + 0.24 * share * share : 0.055);
    g.fillRect(x, y, w, h);
  }
}

/** Groups that call each other have a frame: a cycle shows as two of them, mirrored at the diagonal. */
function paintCycles(g: CanvasRenderingContext2D, s: MatrixScene, inks: Inks): void {
  const { starts } = s.axis;
  const { lens } = s;
  g.strokeStyle = inks.accent;
  g.lineWidth = 1;
  // Many frames would hide what they frame.
  const many = s.cells.filter((c) => c.mutual).length;
  g.globalAlpha = Math.max(0.2, Math.min(0.75, 5 / Math.sqrt(many)));
  for (const c of s.cells) {
    if (!c.mutual) continue;
    const w = (starts[c.to + 1] - starts[c.to]) * lens.size;
    const h = (starts[c.from + 1] - starts[c.from]) * lens.size;
    if (w < 5 || h < 5) continue;
    g.strokeRect(lens.x + starts[c.to] * lens.size + 1.5, lens.y + starts[c.from] * lens.size + 1.5, w - 3, h - 3);
  }
  g.globalAlpha = 1;
}

function paintCells(g: CanvasRenderingContext2D, s: MatrixScene): void {
  const { graph, axis, lens, area, grouping } = s;
  const n = axis.slots.length;
  const rows = seen(lens.y, lens.size, area.top, area.height, n);
  const columns = seen(lens.x, lens.size, area.left, area.width, n);
  const { to, rate, errorRate, change } = graph.calls;
  const theme = s.light ? LIGHT : DARK;
  const gap = lens.size >= OPEN_PX ? Math.min(3, lens.size * 0.14) : 0;
  const side = Math.max(1.15, lens.size - gap);
  const round = lens.size >= 14 ? 3 : 0;
  for (let row = rows.first; row <= rows.last; row++) {
    for (const c of graph.callsFrom(axis.slots[row])) {
      const column = axis.at[to[c]];
      if (column < columns.first || column > columns.last) continue;
      const failing = rate[c] > 0 && errorRate[c] > s.thresholds.degraded;
      const alpha = 0.28 + 0.72 * s.strength[c];
      if (graph.comparing && (change[c] === CHANGE_NEW || change[c] === CHANGE_GONE)) g.fillStyle = css(change[c] === CHANGE_NEW ? theme.added : theme.removed);
      else if (graph.comparing) g.fillStyle = css(theme.same, alpha * 0.5);
      else if (failing) g.fillStyle = css(errorRate[c] > s.thresholds.failing ? theme.failing : theme.degraded, Math.max(0.75, alpha));
      else g.fillStyle = hueOf(s, grouping.of[to[c]], alpha);
      const x = lens.x + column * lens.size + gap / 2;
      const y = lens.y + row * lens.size + gap / 2;
      if (round === 0) {
        g.fillRect(x, y, side, side);
        continue;
      }
      g.beginPath();
      g.roundRect(x, y, side, side, round);
      g.fill();
      if (lens.size >= 26) cellText(g, s, c, x + side / 2, y + side / 2);
    }
  }
}

function cellText(g: CanvasRenderingContext2D, s: MatrixScene, call: number, x: number, y: number): void {
  const strong = s.strength[call] > 0.35;
  g.fillStyle = s.light ? (strong ? '#fff' : '#18202c') : strong ? '#04060c' : '#e3ebf8';
  g.font = '650 9.5px Inter, system-ui, sans-serif';
  g.textAlign = 'center';
  g.fillText(rateText(s.graph.calls.rate[call]), x, y + 0.5);
}

function paintGrid(g: CanvasRenderingContext2D, s: MatrixScene, inks: Inks): void {
  const { axis, lens } = s;
  const total = lens.size * axis.slots.length;
  g.strokeStyle = inks.line;
  g.lineWidth = 1;
  g.beginPath();
  axis.starts.forEach((start, i) => {
    if (i > 0 && start === axis.starts[i - 1]) return;
    const at = start * lens.size;
    g.moveTo(lens.x + at, lens.y);
    g.lineTo(lens.x + at, lens.y + total);
    g.moveTo(lens.x, lens.y + at);
    g.lineTo(lens.x + total, lens.y + at);
  });
  g.stroke();
  if (lens.size < OPEN_PX) {
    g.beginPath();
    g.moveTo(lens.x, lens.y);
    g.lineTo(lens.x + total, lens.y + total);
    g.stroke();
    return;
  }
  g.fillStyle = inks.faint;
  axis.slots.forEach((_, i) => g.fillRect(lens.x + i * lens.size, lens.y + i * lens.size, lens.size, lens.size));
}

/** The hue of each group beside its rows and above its columns. */
function paintBars(g: CanvasRenderingContext2D, s: MatrixScene): void {
  const { starts } = s.axis;
  const { lens, area } = s;
  for (let i = 0; i + 1 < starts.length; i++) {
    const from = starts[i] * lens.size;
    const length = Math.max(1, (starts[i + 1] - starts[i]) * lens.size - 1.5);
    g.fillStyle = hueOf(s, i, 0.95);
    const x = Math.max(area.left, lens.x) - 7;
    const y = Math.max(area.top, lens.y) - 7;
    const clip = (at: number, low: number): [number, number] => [Math.max(at, low), Math.max(0, at + length - Math.max(at, low))];
    const [top, high] = clip(lens.y + from, area.top);
    const [left, wide] = clip(lens.x + from, area.left);
    g.fillRect(x, top, 4, high);
    g.fillRect(left, y, wide, 4);
  }
}

interface Name {
  text: string;
  at: number;
  color: string;
}

function namesOf(s: MatrixScene, inks: Inks, origin: number, low: number, high: number): Name[] {
  const { axis, lens, graph } = s;
  if (lens.size >= NAMED_PX) {
    const span = seen(origin, lens.size, low, high, axis.slots.length);
    return Array.from(axis.slots.subarray(span.first, span.last + 1), (slot, k) => {
      const sick = graph.services.rate[slot] > 0 && graph.services.errorRate[slot] > s.thresholds.failing;
      return { text: graph.services.label[slot], at: origin + (span.first + k + 0.5) * lens.size, color: sick ? inks.failing : inks.ink };
    }).filter((n) => n.at > low && n.at < high);
  }
  const out: Name[] = [];
  const order = s.grouping.groups.map((group, i) => ({ group, i, span: axis.starts[i + 1] - axis.starts[i] })).sort((a, b) => b.span - a.span || a.i - b.i);
  for (const { group, i, span } of order) {
    const a = Math.max(low, origin + axis.starts[i] * lens.size);
    const b = Math.min(high, origin + axis.starts[i + 1] * lens.size);
    const at = (a + b) / 2;
    if (span === 0 || b <= a || out.some((o) => Math.abs(o.at - at) < LINE_PX)) continue;
    out.push({ text: group.name, at, color: inks.ink });
  }
  return out;
}

/** A text cut to a width with an ellipsis. */
export function cut(g: CanvasRenderingContext2D, text: string, width: number): string {
  if (g.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (g.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}

function paintNames(g: CanvasRenderingContext2D, s: MatrixScene, inks: Inks): void {
  const { lens, area } = s;
  g.font = lens.size >= NAMED_PX ? FONT : GROUP_FONT;
  g.textAlign = 'right';
  const x = Math.max(area.left, lens.x) - 14;
  for (const n of namesOf(s, inks, lens.y, area.top, area.height)) {
    g.fillStyle = n.color;
    g.fillText(cut(g, n.text, x - 12), x, n.at);
  }
  g.textAlign = 'left';
  const y = Math.max(area.top, lens.y) - 14;
  for (const n of namesOf(s, inks, lens.x, area.left, area.width)) {
    g.save();
    g.translate(n.at, y);
    g.rotate(-Math.PI / 2);
    g.fillStyle = n.color;
    g.fillText(cut(g, n.text, y - 12), 0, 0);
    g.restore();
  }
}

/** paintMatrix paints all but what is lit. */
export function paintMatrix(g: CanvasRenderingContext2D, s: MatrixScene): void {
  const { area } = s;
  const inks = inksOf(s.light);
  g.clearRect(0, 0, area.width, area.height);
  g.textBaseline = 'middle';
  g.save();
  g.beginPath();
  g.rect(Math.max(area.left, s.lens.x) - 1, Math.max(area.top, s.lens.y) - 1, area.width, area.height);
  g.clip();
  paintGroups(g, s);
  paintGrid(g, s, inks);
  paintCells(g, s);
  paintCycles(g, s, inks);
  g.restore();
  paintBars(g, s);
  paintNames(g, s, inks);
}

export interface Lit {
  /** Places of the row and the column under the pointer; −1: none. */
  row: number;
  column: number;
  /** Place of the service in focus, or −1. */
  focus: number;
}

function tag(g: CanvasRenderingContext2D, text: string, x: number, y: number, upright: boolean, colors: { back: string; ink: string }): void {
  g.save();
  g.translate(x, y);
  if (upright) g.rotate(-Math.PI / 2);
  g.font = '650 11.5px Inter, system-ui, sans-serif';
  const width = g.measureText(text).width + 16;
  g.fillStyle = colors.back;
  g.beginPath();
  g.roundRect(upright ? -6 : -width + 6, -10, width, 20, 10);
  g.fill();
  g.fillStyle = colors.ink;
  g.textAlign = upright ? 'left' : 'right';
  g.textBaseline = 'middle';
  g.fillText(text, upright ? 2 : -2, 0.5);
  g.restore();
}

/** paintLit paints the bands of the service in focus and of the pointer, with their names, on a canvas above. */
export function paintLit(g: CanvasRenderingContext2D, s: MatrixScene, lit: Lit): void {
  const { lens, area, axis, graph } = s;
  const theme = s.light ? LIGHT : DARK;
  g.clearRect(0, 0, area.width, area.height);
  const total = lens.size * axis.slots.length;
  const left = Math.max(area.left, lens.x);
  const top = Math.max(area.top, lens.y);
  const thick = Math.max(2, lens.size);
  const band = (place: number, across: boolean, fill: string): void => {
    g.fillStyle = fill;
    const at = (across ? lens.y : lens.x) + (place + 0.5) * lens.size - thick / 2;
    if (across) g.fillRect(left, at, Math.min(area.width, lens.x + total) - left, thick);
    else g.fillRect(at, top, thick, Math.min(area.height, lens.y + total) - top);
  };
  if (lit.focus >= 0) {
    band(lit.focus, true, css(theme.callee, 0.22));
    band(lit.focus, false, css(theme.caller, 0.22));
  }
  const wash = s.light ? 'rgb(40 70 140 / 13%)' : 'rgb(150 185 255 / 16%)';
  if (lit.row >= 0) band(lit.row, true, wash);
  if (lit.column >= 0) band(lit.column, false, wash);
  const colors = { back: s.light ? '#18202c' : '#e3ebf8', ink: s.light ? '#fff' : '#0b1220' };
  const name = (place: number): string => graph.services.label[axis.slots[place]];
  if (lit.row >= 0) tag(g, name(lit.row), left - 12, lens.y + (lit.row + 0.5) * lens.size, false, colors);
  if (lit.column >= 0) tag(g, name(lit.column), lens.x + (lit.column + 0.5) * lens.size, top - 12, true, colors);
  if (lit.row >= 0 && lit.column >= 0 && lens.size >= OPEN_PX) {
    g.strokeStyle = colors.back;
    g.lineWidth = 1.5;
    g.strokeRect(lens.x + lit.column * lens.size, lens.y + lit.row * lens.size, lens.size, lens.size);
  }
}
