/** Keeps the picture of the star in step with the graph, the camera and the focus, one frame at a time. */
import { effect } from '@preact/signals';
import { curveSettings } from '../layout/curve';
import { OUTER, SMALL, type StarLayout } from '../layout/star';
import { Layouter } from '../layouter';
import { NONE } from '../model/graph';
import type { AppState } from '../panels/state';
import { centre, clampPan, fit, mixCameras, zoomAbout, type Camera, type Margins } from '../render/camera';
import { makeComets } from '../render/comets';
import { DARK, LIGHT } from '../render/palette';
import { LEVELS, Watchdog } from '../render/quality';
import { StarRenderer } from '../render/star';
import { callValues, cometsPerCall, endsOf, focusOf, focusOfGroup, geometryOf, looksOf, starInput, weightsOf, type CallValues, type Focus, type Looks } from '../scene';
import { Overlay } from './overlay';
import { pickCall, pickGroup, pickService } from './pick';

/** Services change places for their traffic no more often than this. */
const ORDER_EVERY_MS = 8_000;
/** Weights of chords are renewed no more often than this, by the number of calls. */
const FEW_CALLS = 2_000;
const WEIGHTS_EVERY_MS = 5_000;
const COMETS_EVERY_MS = 10_000;
const CAMERA_MS = 380;
/** The picture counts as resting so long after the last move. */
const REST_MS = 140;
/** How many of the heaviest calls the pointer may find. */
const PICKABLE_CALLS = 6_000;

/** Below this width there are no labels. */
const NARROW_PX = 640;

interface Flight {
  from: Camera;
  to: Camera;
  start: number;
}

export class StarView {
  private readonly renderer: StarRenderer;
  private readonly overlay: Overlay;
  private readonly layouter: Layouter;
  private readonly watchdog: Watchdog;
  private layout: StarLayout | null = null;
  private pending: StarLayout | null = null;
  private focus: Focus | null = null;
  private focusGroup = -1;
  private calls: CallValues | null = null;
  private looks: Looks | null = null;
  private width = 1;
  private height = 1;
  private camera: Camera = { x: 0, y: 0, zoom: 1 };
  private fitted: Camera = { x: 0, y: 0, zoom: 1 };
  /** The user has moved the camera away from the whole. */
  private moved = false;
  private flight: Flight | null = null;
  private restAt = 0;
  private frameAsked = false;
  private overlayDirty = true;
  private fence: { sync: WebGLSync; since: number } | null = null;
  private cost = 16;
  private nextAt = 0;
  private orderedAt = -Infinity;
  private orderTimer = 0;
  private weightsAt = -Infinity;
  private cometsAt = -Infinity;
  private endsVersion = -1;
  private visible = true;
  private gone = false;

  constructor(private readonly canvas: HTMLCanvasElement, overlayRoot: HTMLElement, private readonly state: AppState) {
    this.renderer = new StarRenderer(canvas);
    this.renderer.onLost(() => {
      this.gone = true;
      state.noStar.value = 'the graphics processor was reset; reload the page to see the star again';
    });
    this.overlay = new Overlay(overlayRoot);
    const quality = state.url.value.quality;
    this.watchdog = new Watchdog(quality === 'low' ? LEVELS.length - 1 : 0, quality !== 'auto');
    this.renderer.setQuality(this.watchdog.quality, window.devicePixelRatio);
    this.layouter = new Layouter((l) => this.laidOut(l), (why) => { state.noStar.value = why; });
    void document.fonts.ready.then(() => {
      this.overlay.forgetWidths();
      this.refit();
      this.renderer.invalidate();
      this.dirty();
    });
    this.follow();
  }

  /** Follows the signals that change the picture. */
  private follow(): void {
    effect(() => {
      this.renderer.setTheme(this.state.theme.value === 'light' ? LIGHT : DARK);
      this.updateWeights(true);
      this.dirty();
    });
    effect(() => {
      this.renderer.still = this.state.still.value;
      this.dirty();
    });
    effect(() => {
      const service = this.state.hovered.value !== NONE ? this.state.hovered.value : this.state.pinned.value;
      const tip = this.state.tip.value;
      const group = service !== NONE ? -1 : tip?.kind === 'group' ? tip.ref : this.state.team.value;
      this.setFocus(service, group);
    });
  }

  resize(width: number, height: number): void {
    if (this.gone) return;
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.renderer.resize(this.width, this.height, window.devicePixelRatio);
    this.refit();
    this.renderer.invalidate();
    this.dirty();
  }

  /** A hidden view draws nothing. */
  setVisible(visible: boolean): void {
    this.visible = visible;
    if (visible) this.dirty();
  }

  /** The labels beside the star decide how much room is left to it. */
  private margins(): Margins {
    if (this.width < NARROW_PX) return { x: 12, y: 12 };
    const y = (this.layout?.services ?? 0) <= SMALL ? 46 : 40;
    return { x: Math.max(24, Math.min(this.width / 2 - this.roomForLabels(), this.width * 0.26)), y };
  }

  /** The largest radius with which the labels fit. */
  private roomForLabels(): number {
    if (this.layout === null) return this.width / 2;
    return this.overlay.room({ graph: this.state.graph, grouping: this.state.grouping, layout: this.layout }, this.width);
  }

  private refit(): void {
    this.fitted = fit({ width: this.width, height: this.height }, OUTER, this.margins());
    if (!this.moved) this.camera = this.fitted;
    this.updateLooks();
  }

  /** The graph has changed. */
  applied(structure: boolean, order: boolean): void {
    const now = performance.now();
    if (structure) this.requestLayout();
    else if (order) this.requestLater(now);
    if (this.layout !== null && !structure) this.updateValues(now);
    this.dirty();
  }

  private requestLayout(): void {
    window.clearTimeout(this.orderTimer);
    this.orderTimer = 0;
    this.orderedAt = performance.now();
    if (this.state.graph.serviceCount > 0) this.layouter.request(starInput(this.state.graph, this.state.grouping));
  }

  private requestLater(now: number): void {
    if (this.orderTimer !== 0) return;
    this.orderTimer = window.setTimeout(() => this.requestLayout(), Math.max(0, this.orderedAt + ORDER_EVERY_MS - now));
  }

  private laidOut(layout: StarLayout): void {
    this.pending = layout;
    this.state.starLayout.value = layout;
    this.dirty();
  }

  /** Takes a finished layout, unless the graph has moved on so that its slots mean something else. */
  private takeLayout(now: number): void {
    const layout = this.pending;
    this.pending = null;
    if (layout === null) return;
    if (layout.services !== this.state.graph.serviceCount || layout.arcs.length !== this.state.grouping.groups.length * 4) {
      this.requestLayout();
      return;
    }
    const first = this.layout === null;
    this.layout = layout;
    this.refit();
    this.renderer.setGeometry(geometryOf(this.state.graph, layout), !first, now);
    this.weightsAt = -Infinity;
    this.cometsAt = -Infinity;
    this.updateValues(now);
    this.refocus();
    if (first) this.zoomToTeam();
  }

  private updateValues(now: number): void {
    const { graph } = this.state;
    if (this.layout === null) return;
    if (this.endsVersion !== graph.structureVersion) {
      this.renderer.setEnds(endsOf(graph));
      this.endsVersion = graph.structureVersion;
      this.weightsAt = -Infinity;
    }
    const every = graph.callCount <= FEW_CALLS ? 900 : WEIGHTS_EVERY_MS;
    if (now - this.weightsAt >= every) {
      this.weightsAt = now;
      this.calls = callValues(graph);
      this.renderer.comparing = graph.comparing;
      this.updateWeights(false);
    }
    if (now - this.cometsAt >= COMETS_EVERY_MS) this.updateComets(now);
    this.updateLooks();
  }

  private updateWeights(themeOnly: boolean): void {
    if (this.calls === null || this.layout === null) return;
    const { graph, grouping } = this.state;
    const w = weightsOf(this.layout.services, graph.callCount, grouping.groups.length, this.state.theme.value === 'light');
    this.renderer.setCalls(this.calls.values, this.calls.order, w);
    if (themeOnly) this.renderer.invalidate();
  }

  private updateComets(now: number): void {
    if (this.calls === null || this.layout === null) return;
    this.cometsAt = now;
    const { values, order } = this.calls;
    const weight = (c: number): number => values[c * 2];
    const limit = this.watchdog.quality.comets;
    const per = cometsPerCall(this.layout.services);
    this.renderer.setComets(this.focus === null
      ? makeComets(order, weight, limit, per, null)
      : makeComets(this.focus.calls, weight, limit, per * 1.5, this.focus.roles));
  }

  private updateLooks(): void {
    if (this.layout === null) return;
    const { graph, grouping } = this.state;
    const member = (slot: number): boolean => this.focusGroup >= 0 && grouping.of[slot] === this.focusGroup;
    this.looks = looksOf(graph, this.layout, this.focus, member, this.fitted.zoom);
    this.renderer.setLooks(this.looks.values, this.looks.order);
    this.overlayDirty = true;
  }

  private setFocus(service: number, group: number): void {
    if (service === (this.focus?.service ?? NONE) && group === this.focusGroup) return;
    const { graph, grouping } = this.state;
    this.focusGroup = group;
    this.focus = service !== NONE ? focusOf(graph, service) : group >= 0 ? focusOfGroup(graph, grouping, group) : null;
    this.renderer.activeGroup = group;
    this.renderer.setFocus(this.focus?.calls ?? null, this.focus?.roles ?? null);
    this.updateLooks();
    this.updateComets(performance.now());
    this.dirty();
  }

  /** After the structure changed the same focus means other slots. */
  private refocus(): void {
    this.focus = null;
    this.focusGroup = -2;
    this.setFocus(this.state.pinned.value, this.state.pinned.value !== NONE ? -1 : this.state.team.value);
  }

  /* Camera */

  get zoomOverFit(): number {
    return this.camera.zoom / this.fitted.zoom;
  }

  private setCamera(c: Camera, moved: boolean): void {
    this.camera = clampPan(c, { width: this.width, height: this.height }, OUTER);
    this.moved = moved;
    this.restAt = performance.now() + REST_MS;
    this.renderer.setMoving(true);
    this.dirty();
  }

  pan(dx: number, dy: number): void {
    this.flight = null;
    this.setCamera({ ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy }, true);
  }

  zoom(factor: number, px = this.width / 2, py = this.height / 2): void {
    this.flight = null;
    this.setCamera(zoomAbout(this.camera, factor, px, py, this.fitted.zoom), true);
  }

  fit(): void {
    this.fly(this.fitted, false);
  }

  /** Zooms so that the arc of the team in focus fills the view, or back to the whole. */
  zoomToTeam(): void {
    const group = this.state.team.value;
    if (this.layout === null) return;
    if (group < 0 || group * 4 >= this.layout.arcs.length) {
      if (this.moved) this.fit();
      return;
    }
    const [middle, span] = this.layout.arcs.subarray(group * 4, group * 4 + 2);
    const depth = OUTER - this.layout.inner + 120;
    const across = Math.max(2 * OUTER * Math.sin(Math.min(Math.PI, span) / 2) * 1.15, depth);
    const zoom = Math.max(this.fitted.zoom, Math.min(this.fitted.zoom * 6, (Math.min(this.width, this.height) * 0.8) / across));
    const at = OUTER - depth * 0.55;
    this.fly(centre({ width: this.width, height: this.height }, Math.cos(middle) * at, Math.sin(middle) * at, zoom), true);
  }

  private fly(to: Camera, moved: boolean): void {
    this.moved = moved;
    if (this.state.still.value) {
      this.setCamera(to, moved);
      return;
    }
    this.flight = { from: this.camera, to, start: performance.now() };
    this.dirty();
  }

  private advanceCamera(now: number): void {
    if (this.flight !== null) {
      const t = Math.max(0, Math.min(1, (now - this.flight.start) / CAMERA_MS));
      const flight = this.flight;
      this.setCamera(mixCameras(flight.from, flight.to, 1 - (1 - t) ** 3), this.moved);
      this.flight = t >= 1 ? null : flight;
    } else if (now >= this.restAt) {
      this.renderer.setMoving(false);
    }
  }

  /* Picking */

  serviceAt(px: number, py: number): number {
    if (this.layout === null || this.looks === null) return NONE;
    return pickService(this.layout, this.looks.values, this.state.graph.services.alive, this.camera, px, py);
  }

  groupAt(px: number, py: number): number {
    return this.layout === null ? -1 : pickGroup(this.layout, this.camera, px, py);
  }

  callAt(px: number, py: number): number {
    if (this.layout === null || this.calls === null) return NONE;
    const list = this.focus !== null ? this.focus.calls : this.calls.order;
    return pickCall(this.layout, curveSettings(this.layout.inner, this.layout.services), this.state.graph.calls, list, PICKABLE_CALLS, this.camera, px, py);
  }

  /** The next service on the ring in a direction, by angle. */
  neighbourOnRing(slot: number, step: 1 | -1): number {
    const { layout } = this;
    if (layout === null) return NONE;
    const ring = [...this.state.graph.serviceList()].filter((i) => i < layout.x.length)
      .sort((a, b) => Math.atan2(layout.y[a], layout.x[a]) - Math.atan2(layout.y[b], layout.x[b]) || a - b);
    if (ring.length === 0) return NONE;
    const at = ring.indexOf(slot);
    return ring[(at + step + ring.length) % ring.length];
  }

  /* Frames */

  private dirty(): void {
    this.overlayDirty = true;
    this.ask();
  }

  private ask(): void {
    if (this.frameAsked || this.gone) return;
    this.frameAsked = true;
    requestAnimationFrame((t) => this.frame(t));
  }

  private frame(now: number): void {
    this.frameAsked = false;
    if (!this.visible || this.gone) return;
    if (this.busyWithLast(now)) {
      this.ask();
      return;
    }
    if (this.pending !== null) this.takeLayout(now);
    this.advanceCamera(now);
    if (this.layout !== null) {
      this.renderer.camera = this.camera;
      this.renderer.zoomOverFit = this.zoomOverFit;
      const idle = !this.overlayDirty && !this.renderer.busy;
      if (!idle || now >= this.nextAt) this.paint(now);
    }
    if (this.renderer.busy || this.flight !== null || this.renderer.animated) this.ask();
  }

  private paint(now: number): void {
    this.renderer.draw(now);
    if (this.overlayDirty) this.drawOverlay();
    const sync = this.renderer.fence();
    if (sync !== null) this.fence = { sync, since: now };
    // Comets alone may take no more than about half of the machine.
    this.nextAt = now + Math.max(0, this.cost * 2 - 17);
  }

  /** The graphics processor has not finished the frame before: wait, so that frames do not pile up. */
  private busyWithLast(now: number): boolean {
    if (this.fence === null) return false;
    if (!this.renderer.passed(this.fence.sync)) return true;
    const took = now - this.fence.since;
    this.fence = null;
    this.cost += (Math.min(took, 2_000) - this.cost) * 0.3;
    if (this.watchdog.frame(took)) {
      this.renderer.setQuality(this.watchdog.quality, window.devicePixelRatio);
      this.updateComets(now);
    }
    return false;
  }

  private drawOverlay(): void {
    this.overlayDirty = false;
    if (this.layout === null || this.looks === null) return;
    this.overlay.draw({
      graph: this.state.graph, grouping: this.state.grouping, layout: this.layout, looks: this.looks.values,
      camera: this.camera, zoomOverFit: this.zoomOverFit, width: this.width, height: this.height,
      focus: this.focus, thresholds: this.state.thresholds,
    });
    this.canvas.dataset.drawn = String(this.layout.services);
  }
}
