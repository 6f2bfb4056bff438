/** The names over the star: DOM elements, positioned; leaders in one SVG. Text only ever goes into text nodes. */
import { placeLabels, placeNames, placePills, type Box, type NameAnchor, type Frame, type LabelAnchor, type PillAnchor, type PlacedLabel } from '../layout/labels';
import { OUTER, SMALL, type StarLayout } from '../layout/star';
import { percent, rate } from '../model/format';
import { GONE, NEW } from '../model/frame';
import type { Graph } from '../model/graph';
import type { Group, Grouping } from '../model/groups';
import { flowOf, healthOf, needsAttention, topTalkers, type Thresholds } from '../model/health';
import type { Camera } from '../render/camera';
import { isHead, isWithin } from '../fold';
import type { Focus } from '../scene';

const SVG = 'http://www.w3.org/2000/svg';
const MAX_TEAM_LABELS = 160;
const MAX_NAMES = 140;
/** How far outside the picture the end of a leader may lie. */
const SIGHT_PX = 8;
/** From the rim of the star to a label's text, and a little air. */
const LEADER_PX = 50;
/** So much of the star's radius each pill of its overview needs, lest they cover it. */
const RADIUS_PER_PILL_PX = 34;
/** The choice in the corner takes so much of the view's height. */
const CHOICE_PX = 54;
const NAME_PX = 14;
const SMALL_NAME_PX = 16;
/** From this zoom over the fitting one, names appear where there is room. */
export const NAMES_FROM_ZOOM = 1.7;
/** A team's error figure appears above the first and is red above the second. */
const SHOW_ERRORS = 0.008;
const RED_ERRORS = 0.02;

export interface OverlayScene {
  graph: Graph;
  grouping: Grouping;
  layout: StarLayout;
  looks: Float32Array;
  camera: Camera;
  zoomOverFit: number;
  width: number;
  height: number;
  focus: Focus | null;
  /** For each slot the head of its folded group. */
  heads: Int32Array;
  /** Services stand by forces, not on the ring. */
  flat: boolean;
  thresholds: Thresholds;
}

/** What names and figures are taken from. */
type Labelled = Pick<OverlayScene, 'graph' | 'grouping' | 'heads'>;

type Tone = 'bad' | 'warn' | 'up' | 'down' | 'focus' | 'talker' | 'new' | 'gone';

interface Entry {
  element: HTMLElement;
  used: boolean;
}

/** Elements by key, made when first needed and removed when a round does not use them. */
class Pool {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly parent: HTMLElement, private readonly className: string) {}

  begin(): void {
    for (const e of this.entries.values()) e.used = false;
  }

  take(key: string): { element: HTMLElement; fresh: boolean } {
    const known = this.entries.get(key);
    if (known !== undefined) {
      known.used = true;
      return { element: known.element, fresh: false };
    }
    const element = document.createElement('div');
    element.className = this.className;
    this.parent.append(element);
    this.entries.set(key, { element, used: true });
    return { element, fresh: true };
  }

  end(): void {
    for (const [key, e] of this.entries) {
      if (e.used) continue;
      e.element.remove();
      this.entries.delete(key);
    }
  }
}

function span(className: string, text: string): HTMLElement {
  const e = document.createElement('span');
  e.className = className;
  e.textContent = text;
  return e;
}

function isolated(className: string, text: string): HTMLElement {
  const e = document.createElement('bdi');
  e.className = className;
  e.textContent = text;
  return e;
}

/** A name as long as it may be on the picture. */
function short(name: string, most: number): string {
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

export class Overlay {
  private readonly labels: Pool;
  private readonly pills: Pool;
  private readonly names: Pool;
  private readonly svg: SVGSVGElement;
  private readonly paths = new Map<string, SVGPathElement>();
  private readonly measure: CanvasRenderingContext2D | null;
  private readonly widths = new Map<string, number>();

  constructor(root: HTMLElement) {
    this.svg = document.createElementNS(SVG, 'svg');
    this.svg.setAttribute('class', 'leaders');
    root.append(this.svg);
    this.names = new Pool(root, 'star-name');
    this.pills = new Pool(root, 'pill');
    this.labels = new Pool(root, 'star-label');
    this.measure = document.createElement('canvas').getContext('2d');
  }

  /** Forget measured widths: the typeface has arrived. */
  forgetWidths(): void {
    this.widths.clear();
  }

  private textWidth(text: string, font: string): number {
    const key = `${font}|${text}`;
    const known = this.widths.get(key);
    if (known !== undefined) return known;
    let width = text.length * 7;
    if (this.measure !== null) {
      this.measure.font = font;
      width = this.measure.measureText(text).width;
    }
    if (this.widths.size > 20_000) this.widths.clear();
    this.widths.set(key, width);
    return width;
  }

  /** The largest radius in pixels that the star may have in a view of this width so that its labels fit beside it. */
  room(s: Labelled & Pick<OverlayScene, 'layout'>, width: number): number {
    let most = Infinity;
    const take = (angle: number, label: number): void => {
      most = Math.min(most, (width / 2 - label - LEADER_PX) / Math.max(0.6, Math.abs(Math.cos(angle))));
    };
    const { layout } = s;
    if (layout.services <= SMALL) {
      for (const i of s.graph.serviceList()) if (i < layout.x.length && !isWithin(s.heads, i)) take(Math.atan2(layout.y[i], layout.x[i]), this.serviceWidth(s, i, true));
    } else {
      s.grouping.groups.slice(0, layout.arcs.length / 4).forEach((g, i) => take(layout.arcs[i * 4], this.teamTexts(g).width));
    }
    return most;
  }

  draw(s: OverlayScene): void {
    for (const p of [this.labels, this.pills, this.names]) p.begin();
    const usedPaths = new Set<string>();
    const placed = s.flat || s.width < 640 ? [] : s.layout.services <= SMALL ? this.smallLabels(s, usedPaths) : this.teamLabels(s, usedPaths);
    const labelBoxes = placed.map((p) => ({ x: p.side === 'right' ? p.x : p.x - 120, y: p.y - 15, width: 120, height: 30 }));
    // Names take the place of pills when the picture is near enough to have both.
    const pills = s.focus !== null ? s.layout.services > SMALL : !s.flat && s.zoomOverFit < NAMES_FROM_ZOOM;
    if (pills) labelBoxes.push(...this.drawPills(s, labelBoxes, usedPaths));
    if (s.zoomOverFit >= NAMES_FROM_ZOOM || (s.flat && !pills)) this.drawNames(s, labelBoxes);
    for (const p of [this.labels, this.pills, this.names]) p.end();
    for (const [key, path] of this.paths) {
      if (usedPaths.has(key)) continue;
      path.remove();
      this.paths.delete(key);
    }
  }

  private frame(s: OverlayScene): Frame {
    return { width: s.width, height: s.height, cx: s.camera.x, cy: s.camera.y, radius: OUTER * s.camera.zoom + 3, top: 12, bottom: 12 };
  }

  /** Whether the end of a leader at this angle is in sight; labels of what is not would point out of the picture. */
  private inSight(s: OverlayScene, angle: number): boolean {
    const x = s.camera.x + Math.cos(angle) * OUTER * s.camera.zoom;
    const y = s.camera.y + Math.sin(angle) * OUTER * s.camera.zoom;
    return x > -SIGHT_PX && y > -SIGHT_PX && x < s.width + SIGHT_PX && y < s.height + SIGHT_PX;
  }

  /** Places labels left and right; those on the right keep off the choice in the corner. */
  private labelsOf(s: OverlayScene, anchors: readonly LabelAnchor[]): PlacedLabel[] {
    const seen = anchors.filter((a) => this.inSight(s, a.angle));
    const frame = this.frame(s);
    return [
      ...placeLabels(seen.filter((a) => Math.cos(a.angle) < 0), frame),
      ...placeLabels(seen.filter((a) => Math.cos(a.angle) >= 0), { ...frame, bottom: CHOICE_PX }),
    ];
  }

  private leader(key: string, used: Set<string>, d: string, className: string): void {
    let path = this.paths.get(key);
    if (path === undefined) {
      path = document.createElementNS(SVG, 'path');
      this.svg.append(path);
      this.paths.set(key, path);
    }
    path.setAttribute('d', d);
    path.setAttribute('class', className);
    used.add(key);
  }

  private elbow(key: string, used: Set<string>, p: PlacedLabel, hue: number, dim: boolean): void {
    const l = p.leader.map((v) => v.toFixed(1));
    this.leader(key, used, `M${l[0]},${l[1]}L${l[2]},${l[3]}L${l[4]},${l[5]}L${l[6]},${l[7]}`, `hue-${hue}${dim ? ' dim' : ''}`);
  }

  private put(element: HTMLElement, p: PlacedLabel, width: number): void {
    const x = p.side === 'right' ? p.x : p.x - width;
    element.style.transform = `translate(${x.toFixed(1)}px,${p.y.toFixed(1)}px) translateY(-50%)`;
    element.style.width = `${Math.ceil(width)}px`;
  }

  private subline(element: HTMLElement, parts: string, errors: number, show: boolean, red = RED_ERRORS): void {
    const line = document.createElement('span');
    line.className = 'sub';
    line.append(parts);
    if (show) line.append(' · ', span(errors > red ? 'err bad' : 'err warn', `${percent(errors)} err`));
    element.append(line);
  }

  private teamOn(s: OverlayScene, group: number): boolean {
    if (s.focus === null) return true;
    const has = (slot: number): boolean => s.grouping.of[slot] === group;
    if (s.focus.service >= 0 && has(s.focus.service)) return true;
    for (const i of s.focus.callers) if (has(i)) return true;
    for (const i of s.focus.callees) if (has(i)) return true;
    return false;
  }

  private teamLabels(s: OverlayScene, used: Set<string>): PlacedLabel[] {
    const { groups } = s.grouping;
    const arcs = s.layout.arcs;
    const known = Math.min(groups.length, arcs.length / 4);
    const refs = Array.from({ length: known }, (_, i) => i).sort((a, b) => groups[b].rate - groups[a].rate || a - b).slice(0, MAX_TEAM_LABELS);
    const pitch = refs.length > 48 ? 30 : 36;
    const texts = new Map(refs.map((g) => [g, this.teamTexts(groups[g])]));
    const anchors: LabelAnchor[] = refs.map((g) => ({
      ref: g, angle: arcs[g * 4], height: pitch, width: texts.get(g)?.width ?? 0, weight: groups[g].rate + groups[g].count * 1e-3,
    }));
    const placed = this.labelsOf(s, anchors);
    for (const p of placed) {
      const g = groups[p.ref];
      const t = texts.get(p.ref);
      if (t === undefined) continue;
      const dim = !this.teamOn(s, p.ref);
      const { element } = this.labels.take(`g${g.key}`);
      this.fill(element, `${t.name}|${t.sub}|${g.errorRate > SHOW_ERRORS ? percent(g.errorRate) : ''}`, () => {
        element.append(isolated('name', t.name));
        this.subline(element, t.sub, g.errorRate, g.errorRate > SHOW_ERRORS);
      });
      element.dataset.group = String(p.ref);
      element.className = `star-label ${p.side}${dim ? ' dim' : ''}`;
      this.put(element, p, t.width);
      this.elbow(`g${g.key}`, used, p, g.hue, dim);
    }
    return placed;
  }

  private teamTexts(g: Group): { name: string; sub: string; width: number } {
    const name = short(g.name, 30);
    const sub = `${g.count} svc · ${rate(g.rate)}/s`;
    const errors = g.errorRate > SHOW_ERRORS ? ` · ${percent(g.errorRate)} err` : '';
    return { name, sub, width: Math.max(this.textWidth(name, '600 13px Inter'), this.textWidth(sub + errors, '600 10.5px Inter')) + 4 };
  }

  /** Rebuilds an element's content when its text changed. */
  private fill(element: HTMLElement, signature: string, build: () => void): void {
    if (element.dataset.text === signature) return;
    element.dataset.text = signature;
    element.replaceChildren();
    build();
  }

  /** Every service has its name; groups of three and more have a heading above theirs. */
  private smallLabels(s: OverlayScene, used: Set<string>): PlacedLabel[] {
    const { services } = s.graph;
    const slots = [...s.graph.serviceList()].filter((i) => i < s.layout.x.length && !isWithin(s.heads, i));
    const perSide = slots.length / 2 + 2;
    const pitch = perSide * 36 < s.height - 24 ? 36 : perSide * 31 < s.height - 24 ? 31 : 18;
    const anchors: LabelAnchor[] = slots.map((i) => ({
      ref: i, angle: Math.atan2(s.layout.y[i], s.layout.x[i]), height: pitch, width: this.serviceWidth(s, i, pitch > 18), weight: services.traffic[i],
    }));
    const heads = s.grouping.groups.map((g, i) => ({ g, i })).filter(({ g, i }) => g.count >= 3 && g.kind === 0 && s.layout.arcs[i * 4 + 3] >= 3);
    for (const { g, i } of heads) {
      anchors.push({ ref: -1 - i, angle: topOf(s.layout.arcs[i * 4], s.layout.arcs[i * 4 + 1]), height: 24, width: this.textWidth(g.name.toUpperCase(), '650 11px Inter') * 1.12 + 4, weight: Infinity });
    }
    const placed = this.labelsOf(s, anchors);
    for (const p of placed) {
      if (p.ref < 0) this.heading(s, p, used);
      else this.serviceLabel(s, p, pitch > 18, used);
    }
    return placed;
  }

  private heading(s: OverlayScene, p: PlacedLabel, used: Set<string>): void {
    const group = -1 - p.ref;
    const g = s.grouping.groups[group];
    const { element } = this.labels.take(`h${g.key}`);
    this.fill(element, g.name, () => element.append(isolated(`name hue-${g.hue}`, short(g.name, 30))));
    element.className = `star-label heading ${p.side}`;
    element.dataset.group = String(group);
    this.put(element, p, this.textWidth(short(g.name, 30).toUpperCase(), '650 11px Inter') * 1.12 + 4);
    this.elbow(`h${g.key}`, used, p, g.hue, false);
  }

  /** What a service is called; for a folded group its name. */
  private labelOf(s: Labelled, i: number): string {
    return isHead(s.heads, i) ? s.grouping.groups[s.grouping.of[i]].name : s.graph.services.label[i];
  }

  private serviceSub(s: Labelled, i: number): { text: string; errors: number } {
    const v = s.graph.services;
    if (isHead(s.heads, i)) {
      const g = s.grouping.groups[s.grouping.of[i]];
      return { text: `${g.count} services · ${rate(g.rate)}/s`, errors: g.errorRate };
    }
    const flow = flowOf(s.graph, i);
    return { text: flow > 0 ? `${rate(flow)}/s` : v.outRate[i] > 0 ? `calls ${rate(v.outRate[i])}/s` : 'silent', errors: v.rate[i] > 0 ? v.errorRate[i] : 0 };
  }

  private serviceWidth(s: Labelled, i: number, two: boolean): number {
    const sub = this.serviceSub(s, i);
    const name = this.textWidth(short(this.labelOf(s, i), 34), '600 13px Inter');
    const line = this.textWidth(sub.text + (sub.errors > SHOW_ERRORS ? ` · ${percent(sub.errors)} err` : ''), '600 10.5px Inter');
    return two ? Math.max(name, line) + 4 : name + line + 14;
  }

  private serviceLabel(s: OverlayScene, p: PlacedLabel, two: boolean, used: Set<string>): void {
    const i = p.ref;
    const v = s.graph.services;
    const sub = this.serviceSub(s, i);
    const f = s.focus;
    const on = f === null || f.service === i || f.callers.has(i) || f.callees.has(i) || (f.service < 0 && !f.callers.has(i) && this.teamOn(s, s.grouping.of[i]));
    const tone = f === null || f.service < 0 ? '' : f.service === i ? ' is-focus' : f.callees.has(i) ? ' is-callee' : f.callers.has(i) ? ' is-caller' : '';
    const { element } = this.labels.take(`s${v.id[i]}`);
    const name = short(this.labelOf(s, i), 34);
    this.fill(element, `${name}|${sub.text}|${sub.errors > SHOW_ERRORS ? percent(sub.errors) : ''}`, () => {
      element.append(isolated('name', name));
      this.subline(element, sub.text, sub.errors, sub.errors > SHOW_ERRORS, s.thresholds.failing);
    });
    element.className = `star-label ${two ? '' : 'one-line '}${p.side}${on ? '' : ' dim'}${tone}`;
    element.dataset.service = String(i);
    this.put(element, p, this.serviceWidth(s, i, two));
    this.elbow(`s${v.id[i]}`, used, p, s.grouping.groups[s.grouping.of[i]]?.hue ?? 0, !on);
  }

  private pillList(s: OverlayScene): { slot: number; tone: Tone }[] {
    const v = s.graph.services;
    if (s.focus !== null) return this.focusPills(s, s.focus);
    if (s.layout.services <= SMALL) return [];
    if (s.graph.comparing) return changedMost(s.graph).filter(({ slot }) => slot < s.layout.x.length);
    const out: { slot: number; tone: Tone }[] = [];
    const seen = new Set<number>();
    const add = (slot: number): void => {
      if (seen.has(slot) || slot >= s.layout.x.length || isHead(s.heads, slot) || isWithin(s.heads, slot)) return;
      seen.add(slot);
      const health = healthOf(v.errorRate[slot], s.thresholds);
      out.push({ slot, tone: health === 'failing' ? 'bad' : health === 'degraded' ? 'warn' : 'talker' });
    };
    needsAttention(s.graph, s.thresholds).filter((i) => v.errorRate[i] > s.thresholds.failing).slice(0, 6).forEach(add);
    topTalkers(s.graph, 60).forEach(add);
    return out;
  }

  private focusPills(s: OverlayScene, f: Focus): { slot: number; tone: Tone }[] {
    const busiest = (set: Set<number>): number[] => [...set].filter((i) => i !== f.service).sort((a, b) => s.graph.services.traffic[b] - s.graph.services.traffic[a]).slice(0, 12);
    const down = busiest(f.callees).map((slot) => ({ slot, tone: 'down' as const }));
    const up = busiest(f.callers).filter((i) => !f.callees.has(i)).map((slot) => ({ slot, tone: 'up' as const }));
    const own = f.service >= 0 ? [{ slot: f.service, tone: 'focus' as const }] : [];
    return s.layout.services <= SMALL ? [] : [...own, ...down.slice(0, 9), ...up.slice(0, 9), ...down.slice(9), ...up.slice(9)];
  }

  private drawPills(s: OverlayScene, blocked: readonly Box[], used: Set<string>): Box[] {
    const list = this.pillList(s);
    const anchors: PillAnchor[] = list.map(({ slot, tone }, ref) => {
      const size = tone === 'focus' ? 13 : 11.5;
      return {
        ref, x: s.layout.x[slot] * s.camera.zoom + s.camera.x, y: s.layout.y[slot] * s.camera.zoom + s.camera.y,
        radius: s.looks[slot * 4] * s.camera.zoom, height: tone === 'focus' ? 26 : 21,
        width: this.textWidth(short(s.graph.services.label[slot], 28), `550 ${size}px Inter`) + 22,
      };
    });
    const room = Math.floor((OUTER * s.camera.zoom) / RADIUS_PER_PILL_PX);
    const most = s.focus !== null ? 20 : Math.min(room, s.layout.services <= 500 ? 20 : 12);
    const placed = placePills(anchors, this.frame(s), most, blocked);
    for (const p of placed) {
      const { slot, tone } = list[p.ref];
      const key = `p${s.graph.services.id[slot]}`;
      const { element } = this.pills.take(key);
      const name = short(s.graph.services.label[slot], 28);
      this.fill(element, name, () => element.append(isolated('', name)));
      element.className = `pill ${tone}`;
      element.dataset.service = String(slot);
      element.style.transform = `translate(${p.x.toFixed(1)}px,${p.y.toFixed(1)}px)`;
      element.style.width = `${p.width.toFixed(1)}px`;
      this.leader(key, used, `M${p.fromX.toFixed(1)},${p.fromY.toFixed(1)}L${(p.x + p.width / 2).toFixed(1)},${(p.y + p.height / 2).toFixed(1)}`, `pill-leader ${tone}`);
    }
    return placed;
  }

  /** Names beside services, the busiest first, where they overlap neither each other nor a label or pill. */
  private drawNames(s: OverlayScene, blocked: readonly Box[]): void {
    const v = s.graph.services;
    if (!s.flat && s.layout.services <= SMALL) return;
    const inside: number[] = [];
    const screen = (i: number): [number, number] => [s.layout.x[i] * s.camera.zoom + s.camera.x, s.layout.y[i] * s.camera.zoom + s.camera.y];
    for (const i of s.graph.serviceList()) {
      if (i >= s.layout.x.length || isWithin(s.heads, i)) continue;
      const [x, y] = screen(i);
      if (x > 0 && y > 0 && x < s.width && y < s.height) inside.push(i);
    }
    const sick = (i: number): number => (v.rate[i] > 0 && v.errorRate[i] > s.thresholds.failing ? 1 : 0);
    inside.sort((a, b) => sick(b) - sick(a) || v.traffic[b] - v.traffic[a] || a - b);
    const most = namesOf(s);
    const size = s.flat && s.layout.services <= SMALL ? SMALL_NAME_PX : NAME_PX;
    const anchors: NameAnchor[] = inside.slice(0, most * 8).flatMap((ref) => {
      const [x, y] = screen(ref);
      const width = this.textWidth(short(this.labelOf(s, ref), 26), `550 ${size - 3}px Inter`);
      return this.besides(s, ref, x, y, width, size);
    });
    for (const a of placeNames(anchors, most, blocked)) this.name(s, a, size);
  }

  /** Where a name may stand: right of its service; by forces also left of it, below and above. */
  private besides(s: OverlayScene, ref: number, x: number, y: number, width: number, height: number): NameAnchor[] {
    const r = s.looks[ref * 4] * s.camera.zoom + 4;
    const right = { ref, x: x + r, y: y - height / 2, width, height };
    if (!s.flat) return [right];
    return [right, { ...right, x: x - r - width }, { ...right, x: x - width / 2, y: y + r }, { ...right, x: x - width / 2, y: y - r - height }];
  }

  private name(s: OverlayScene, a: NameAnchor, size: number): void {
    const v = s.graph.services;
    const { element } = this.names.take(`n${v.id[a.ref]}`);
    const name = short(this.labelOf(s, a.ref), 26);
    this.fill(element, name, () => element.append(isolated('', name)));
    const health = v.rate[a.ref] > 0 ? healthOf(v.errorRate[a.ref], s.thresholds) : 'healthy';
    element.className = `star-name${s.flat ? toneOf(s.focus, a.ref) || ` ${health}` : ''}`;
    element.style.fontSize = `${size - 3}px`;
    element.style.transform = `translate(${a.x.toFixed(1)}px,${(a.y + size / 2).toFixed(1)}px) translateY(-50%)`;
  }
}

/** How many names the picture may carry: near, as many as have room; from afar, the fewer the more services there are. */
function namesOf(s: OverlayScene): number {
  if (s.zoomOverFit >= NAMES_FROM_ZOOM) return MAX_NAMES;
  return s.layout.services <= SMALL ? SMALL : s.layout.services <= 500 ? 40 : 14;
}

function toneOf(focus: Focus | null, slot: number): string {
  if (focus === null || focus.service < 0) return '';
  if (focus.service === slot) return ' is-focus';
  return focus.callees.has(slot) ? ' is-callee' : focus.callers.has(slot) ? ' is-caller' : ' dim';
}

/** The services with most traffic on calls that a comparison found new or vanished. */
function changedMost(graph: Graph): { slot: number; tone: Tone }[] {
  const { from, to, rate, change } = graph.calls;
  const sums = [new Map<number, number>(), new Map<number, number>()];
  for (const c of graph.callList()) {
    if (change[c] !== NEW && change[c] !== GONE) continue;
    const sum = sums[change[c] === NEW ? 0 : 1];
    for (const slot of [from[c], to[c]]) sum.set(slot, (sum.get(slot) ?? 0) + rate[c]);
  }
  const [added, removed] = sums.map((sum) => [...sum].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 20));
  const of = (list: [number, number][], tone: Tone): { slot: number; tone: Tone; rate: number }[] => list.map(([slot, r]) => ({ slot, tone, rate: r }));
  const seen = new Set<number>();
  return [...of(added, 'new'), ...of(removed, 'gone')].sort((a, b) => b.rate - a.rate || a.slot - b.slot)
    .filter(({ slot }) => !seen.has(slot) && seen.add(slot) !== undefined);
}

/** The highest point of an arc, as an angle: one of its ends, drawn in a little. */
function topOf(middle: number, span: number): number {
  const a = middle - span / 2 + 0.01;
  const b = middle + span / 2 - 0.01;
  return Math.sin(a) < Math.sin(b) ? a : b;
}
