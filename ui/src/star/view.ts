/** Keeps the picture of the star in step with the graph, the camera and the focus, one frame at a time. */
import { effect, untracked } from '@preact/signals';
import { curveSettings } from '../layout/curve';
import type { ForceLayout } from '../layout/force';
import { SMALL, type StarLayout } from '../layout/star';
import { Layouter } from '../layouter';
import { NONE } from '../model/graph';
import type { View } from '../model/url';
import type { AppState } from '../panels/state';
import type { Margins } from '../render/camera';
import { makeComets } from '../render/comets';
import { DARK, LIGHT } from '../render/palette';
import { LEVELS, SOFTWARE_LEVEL, Watchdog } from '../render/quality';
import { StarRenderer } from '../render/star';
import { callValues, cometsPerCall, endsOf, focusOf, focusOfCall, focusOfGroup, geometryOf, looksOf, starInput, weightsOf, type CallValues, type Focus, type Folds, type Looks } from '../scene';
import { Overlay } from './overlay';
import { neighbourOnRing, pickCall, pickGroup, pickService } from './pick';
import { foldInput, foldSet, foldsOf, isHead, isWithin, spreadFold } from '../fold';
import { Pilot } from './pilot';
import type { Slide } from './slide';
import { behind, byForces, forceInput } from './stage';

/** Services change places for their traffic no more often than this. */
const ORDER_EVERY_MS = 8_000;
/** Weights of chords are renewed no more often than this, by the number of calls; and not before so many times what drawing them all takes. */
const FEW_CALLS = 2_000;
const WEIGHTS_EVERY_MS = 5_000;
const WEIGHTS_REST = 4;
const COMETS_EVERY_MS = 10_000;
/** How many of the heaviest calls the pointer may find. */
const PICKABLE_CALLS = 6_000;

/** Forces are set to work anew after changes no more often than this. */
const FORCE_EVERY_MS = 10_000;
/** Calls that run straight need fewer pieces, and those within a group are as plain as others. */
const FLAT_SEGMENTS = 12;
const FLAT_WEIGHTS = { inside: 0.85 };

/** Below this width there are no labels. */
const NARROW_PX = 640;

export class StarView {
  private readonly renderer: StarRenderer;
  private readonly overlay: Overlay;
  private readonly layouter: Layouter;
  private readonly watchdog: Watchdog;
  private view: View = 'star';
  /** The places of the star, by forces, and those shown now. */
  private star: StarLayout | null = null;
  private force: ForceLayout | null = null;
  private layout: StarLayout | null = null;
  /** The places shown are not those of the star. */
  private flat = false;
  /** For each slot the head of its folded group: of the layout shown, of that asked for, and of the forces. */
  private heads = new Int32Array(0);
  private asked = new Int32Array(0);
  private forceHeads = new Int32Array(0);
  private grouped = 'namespace ';
  /** The structure for which forces were asked, and when. */
  private forceOf = -1;
  private forcedAt = -Infinity;
  private forceTimer = 0;
  private pending: StarLayout | null = null;
  private focus: Focus | null = null;
  private focusGroup = -1;
  private focusCall = NONE;
  private calls: CallValues | null = null;
  private looks: Looks | null = null;
  private width = 1;
  private height = 1;
  /** Moves the camera over the stage. */
  readonly pilot = new Pilot(() => {
    if (this.renderer.software && this.slide === null) void import('./slide').then((m) => { this.slide ??= new m.Slide(this.canvas); }, () => undefined);
    this.renderer.setMoving(true);
    this.dirty();
  }, () => this.state.still.value);
  /** Without a graphics processor, from the first move on; null: every frame is drawn. */
  private slide: Slide | null = null;
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
  private gone = false;

  constructor(private readonly canvas: HTMLCanvasElement, overlayRoot: HTMLElement, private readonly state: AppState) {
    this.renderer = new StarRenderer(canvas);
    this.renderer.onLost(() => {
      this.gone = true;
      state.noStar.value = 'the graphics processor was reset; reload the page to see the star again';
    });
    this.overlay = new Overlay(overlayRoot);
    const quality = state.url.value.quality;
    this.watchdog = new Watchdog(quality === 'low' ? LEVELS.length - 1 : quality === 'auto' && this.renderer.software ? SOFTWARE_LEVEL : 0, quality !== 'auto');
    this.renderer.setQuality(this.watchdog.quality, window.devicePixelRatio);
    this.layouter = new Layouter({
      star: (l) => this.laidOut(l), force: (l) => this.forced(l),
      communities: (heads) => this.communitiesFound(heads),
      progress: (share) => { state.arranging.value = share; }, failed: (why) => { state.noStar.value = why; },
    });
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
      this.renderer.moment = this.state.url.value.still;
      this.dirty();
    });
    effect(() => {
      const { group, folded } = this.state.url.value;
      const grouped = `${group} ${folded.join('\n')}`;
      if (grouped !== this.grouped) untracked(() => this.regroup(grouped));
    });
    effect(() => {
      if (this.state.places.value !== null) untracked(() => this.stageTo(performance.now()));
    });
    effect(() => {
      if (!this.state.searchOpen.value) this.ask(); // comets may fly again
    });
    effect(() => {
      const hovered = this.state.hovered.value;
      const tip = this.state.tip.value;
      if (hovered !== NONE) this.setFocus(hovered, -1, NONE);
      else if (tip?.kind === 'group') this.setFocus(NONE, tip.ref, NONE);
      else this.setFocus(...this.pinnedFocus());
    });
  }

  resize(width: number, height: number): void {
    if (this.gone) return;
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.renderer.resize(this.width, this.height, window.devicePixelRatio);
    this.slide?.drawn(null);
    this.refit();
    this.renderer.invalidate();
    this.dirty();
  }

  /* Arrangement */

  /** Another view is shown: services take their places on it, or behind it. */
  show(view: View): void {
    if (view === this.view) return;
    this.view = view;
    const now = performance.now();
    if (this.onStage) {
      this.state.staging.value = false;
      this.arrange(now, true);
      this.requestForce();
    } else {
      this.layouter.forgetForce();
      // The view in front tells when it covers everything.
      this.state.staging.value = !this.state.still.value && view !== 'table';
    }
    this.dirty();
  }

  /** The view is one of those drawn here. */
  private get onStage(): boolean {
    return this.view === 'star' || this.view === 'force';
  }

  /** The view in front has told where its services are. */
  private stageTo(now: number): void {
    if (this.onStage) return;
    this.arrange(now, this.state.staging.value);
    this.dirty();
  }

  /** Gives every service the place that it has in the view shown. */
  private arrange(now: number, animate: boolean): void {
    const { star } = this;
    if (star === null) return;
    const { places } = this.state;
    const force = this.view === 'force' ? this.force : null;
    const layout = !this.onStage && places.value !== null ? behind(star, places.value, this.pilot.camera) : force !== null ? spreadFold(byForces(star, force), this.forceHeads) : star;
    this.flat = layout !== star;
    this.layout = layout;
    if (this.onStage) this.refit();
    this.renderer.setGeometry(geometryOf(this.state.graph, layout, this.flat, this.heads), animate, now);
    this.updateWeights(false);
    this.updateLooks();
    this.dirty();
  }

  /** Another way of grouping, or other groups folded. */
  private regroup(grouped: string): void {
    this.grouped = grouped;
    if (this.state.graph.serviceCount === 0) return;
    this.requestCommunities();
    this.takeGroups();
  }

  private takeGroups(): void {
    this.state.regroup();
    this.state.structure.value++;
    this.requestLayout();
    this.dirty();
  }

  private requestCommunities(): void {
    const { graph, grouping } = this.state;
    if (this.state.url.value.group !== 'community') return;
    const { high, alive, nameRank, from, to } = starInput(graph, grouping);
    this.layouter.communities({ high, alive, kind: graph.services.kind.slice(0, high), nameRank, from, to });
  }

  private communitiesFound(heads: Uint32Array): void {
    this.state.heads = heads;
    this.takeGroups();
  }

  private get folds(): Folds {
    return { heads: this.heads, grouping: this.state.grouping };
  }

  private requestForce(): void {
    if (this.view !== 'force' || this.star === null || this.forceOf === this.state.graph.structureVersion) return;
    const now = performance.now();
    window.clearTimeout(this.forceTimer);
    if (now - this.forcedAt < FORCE_EVERY_MS) {
      this.forceTimer = window.setTimeout(() => this.requestForce(), this.forcedAt + FORCE_EVERY_MS - now);
      return;
    }
    this.forcedAt = now;
    this.forceOf = this.state.graph.structureVersion;
    this.state.arranging.value = 0;
    const { graph, grouping } = this.state;
    this.layouter.force(forceInput(graph, grouping, foldInput(starInput(graph, grouping), this.heads), this.star));
  }

  private forced(layout: ForceLayout): void {
    this.state.arranging.value = null;
    this.force = layout;
    this.forceHeads = this.heads;
    if (this.view === 'force') this.arrange(performance.now(), true);
  }

  /** The labels beside the star decide how much room is left to it. */
  private margins(): Margins {
    if (this.width < NARROW_PX) return { x: 12, y: 12 };
    if (this.flat) return { x: 40, y: 54 };
    const y = (this.layout?.services ?? 0) <= SMALL ? 46 : 40;
    return { x: Math.max(24, Math.min(this.width / 2 - this.roomForLabels(), this.width * 0.26)), y };
  }

  /** The largest radius with which the labels fit. */
  private roomForLabels(): number {
    if (this.layout === null) return this.width / 2;
    return this.overlay.room({ graph: this.state.graph, grouping: this.state.grouping, layout: this.layout, heads: this.heads }, this.width);
  }

  private refit(): void {
    this.pilot.fitTo({ width: this.width, height: this.height }, this.margins());
    this.updateLooks();
  }

  /** The graph has changed. */
  applied(structure: boolean, order: boolean): void {
    const now = performance.now();
    if (structure) {
      this.requestCommunities();
      this.requestLayout();
    }
    if (!structure && order) this.requestLater(now);
    if (this.layout !== null && !structure) this.updateValues(now);
    this.dirty();
  }

  private requestLayout(): void {
    window.clearTimeout(this.orderTimer);
    this.orderTimer = 0;
    this.orderedAt = performance.now();
    const { graph, grouping } = this.state;
    if (graph.serviceCount === 0) return;
    this.asked = foldsOf(graph, grouping, this.state.url.value.folded);
    this.layouter.star(foldInput(starInput(graph, grouping), this.asked));
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
    if (layout.services !== this.standing(this.asked) || layout.arcs.length !== this.state.grouping.groups.length * 4) {
      this.requestLayout();
      return;
    }
    const first = this.star === null;
    this.heads = this.asked;
    this.forceOf = -1;
    this.star = spreadFold(layout, this.heads);
    this.layout = this.star;
    this.arrange(now, !first);
    this.weightsAt = -Infinity;
    this.cometsAt = -Infinity;
    this.updateValues(now);
    this.refocus();
    this.requestForce();
    if (first) this.zoomToTeam();
  }

  /** How many services stand for themselves or for a folded group. */
  private standing(heads: Int32Array): number {
    let n = 0;
    for (const i of this.state.graph.serviceList()) if (!isWithin(heads, i)) n++;
    return n;
  }

  private updateValues(now: number): void {
    const { graph, grouping } = this.state;
    if (this.layout === null) return;
    if (this.endsVersion !== graph.structureVersion) {
      this.endsVersion = graph.structureVersion;
      this.weightsAt = -Infinity;
    }
    const every = graph.callCount <= FEW_CALLS ? 900 : Math.max(WEIGHTS_EVERY_MS, WEIGHTS_REST * this.cost * graph.callCount / this.watchdog.quality.slice);
    if (now - this.weightsAt >= every) {
      this.weightsAt = now;
      this.calls = callValues(graph, grouping, this.heads);
      this.renderer.setEnds(endsOf(graph, this.calls.ribbons, this.layout));
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
    this.renderer.setCalls(this.calls.values, this.calls.order, this.flat ? { ...w, ...FLAT_WEIGHTS, segments: Math.min(w.segments, FLAT_SEGMENTS) } : w);
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
    this.looks = looksOf(graph, this.layout, this.focus, member, this.pilot.fitted.zoom, this.folds);
    this.renderer.setLooks(this.looks.values, this.looks.order);
    this.overlayDirty = true;
  }

  /** The service, group and call that are in focus while nothing is under the pointer. */
  private pinnedFocus(): [service: number, group: number, call: number] {
    const { call, lit, team } = this.state;
    if (call.value !== NONE) return [NONE, -1, call.value];
    return [lit.value, lit.value === NONE ? team.value : -1, NONE];
  }

  private setFocus(service: number, group: number, call: number): void {
    if (service === (this.focus?.service ?? NONE) && group === this.focusGroup && call === this.focusCall) return;
    const { graph, grouping } = this.state;
    this.focusGroup = group;
    this.focusCall = call;
    const focus = call !== NONE ? focusOfCall(graph, call) : service !== NONE ? focusOf(graph, service) : group >= 0 ? focusOfGroup(graph, grouping, group) : null;
    this.focus = focus === null ? null : { ...focus, callers: foldSet(focus.callers, this.heads), callees: foldSet(focus.callees, this.heads) };
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
    this.setFocus(...this.pinnedFocus());
  }

  /* Camera, picking */

  /** Zooms so that the arc of the team in focus fills the view, or back to the whole. */
  zoomToTeam(): void {
    const group = this.state.team.value;
    if (this.layout === null || this.view !== 'star') return;
    if (group >= 0 && group * 4 < this.layout.arcs.length) this.pilot.toArc(this.layout.arcs[group * 4], this.layout.arcs[group * 4 + 1], this.layout.inner);
    else if (this.pilot.moved) this.pilot.fit();
  }

  /* Picking */

  /** The service or the head of a folded group at a point. */
  private slotAt(px: number, py: number): number {
    return this.layout === null || this.looks === null ? NONE : pickService(this.layout, this.looks.values, this.state.graph.services.alive, this.pilot.camera, px, py);
  }

  serviceAt(px: number, py: number): number {
    const slot = this.slotAt(px, py);
    return isHead(this.heads, slot) ? NONE : slot;
  }

  groupAt(px: number, py: number): number {
    const slot = this.slotAt(px, py);
    if (isHead(this.heads, slot)) return this.state.grouping.of[slot];
    return this.layout === null || this.flat ? -1 : pickGroup(this.layout, this.pilot.camera, px, py);
  }

  /** Whether the circle of a folded group is at a point. */
  foldedAt(px: number, py: number): boolean {
    return isHead(this.heads, this.slotAt(px, py));
  }

  callAt(px: number, py: number): number {
    if (this.layout === null || this.calls === null) return NONE;
    const list = this.focus !== null ? this.focus.calls : this.calls.order.subarray(this.calls.ribbons.length);
    const curve = { ...curveSettings(this.layout.inner, this.layout.services), straight: this.flat ? 1 : 0 };
    return pickCall(this.layout, curve, this.state.graph.calls, list, PICKABLE_CALLS, this.pilot.camera, px, py);
  }

  /** The next service on the ring in a direction, by angle. */
  neighbourOnRing(slot: number, step: 1 | -1): number {
    return this.layout === null ? NONE : neighbourOnRing(this.layout, this.state.graph.serviceList(), slot, step);
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
    if (this.gone) return;
    if (this.pending !== null) this.takeLayout(now);
    if (!this.onStage && !this.state.staging.value) return;
    if (this.busyWithLast(now)) {
      this.ask();
      return;
    }
    if (this.pilot.advance(now)) this.renderer.setMoving(false);
    if (this.layout !== null) {
      this.renderer.camera = this.pilot.camera;
      this.renderer.zoomOverFit = this.pilot.zoomOverFit;
      const idle = !this.overlayDirty && !this.renderer.busy;
      if (!idle || now >= this.nextAt) this.paint(now);
    }
    if (this.renderer.busy || this.pilot.flying || this.animated) this.ask();
  }

  /** Comets fly, but not where the processor draws and has a search to do. */
  private get animated(): boolean {
    return this.onStage && this.renderer.animated && !(this.renderer.software && this.state.searchOpen.value);
  }

  private paint(now: number): void {
    if (this.renderer.sliding && this.slide?.to(this.pilot.camera)) {
      if (this.overlayDirty) this.drawOverlay();
      return;
    }
    this.draw(now);
    if (this.overlayDirty) this.drawOverlay();
    this.state.pictured.value = true;
    const sync = this.renderer.fence();
    if (sync !== null) this.fence = { sync, since: now };
    // Comets alone may take no more than about half of the machine.
    this.nextAt = now + Math.max(0, this.cost * 2 - 17);
  }

  private draw(now: number): void {
    this.renderer.draw(now);
    this.slide?.drawn(this.pilot.camera);
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
      this.slide?.drawn(null); // the canvas is empty
      this.updateComets(now);
    }
    return false;
  }

  /** Draws a frame at once, for who copies it. */
  redraw(): void {
    if (this.layout === null || this.gone) return;
    this.draw(performance.now());
    this.drawOverlay();
  }

  private drawOverlay(): void {
    this.overlayDirty = false;
    if (this.layout === null || this.looks === null || !this.onStage) return;
    this.overlay.draw({
      graph: this.state.graph, grouping: this.state.grouping, layout: this.layout, looks: this.looks.values,
      camera: this.pilot.camera, zoomOverFit: this.pilot.zoomOverFit, width: this.width, height: this.height,
      focus: this.focus, flat: this.flat, heads: this.heads, thresholds: this.state.thresholds,
    });
    this.canvas.dataset.drawn = String(this.layout.services);
  }
}
