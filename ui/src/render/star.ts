/**
 * Draws the star. Knows places, weights and colours; nothing of the wire, the
 * graph or the DOM but its canvas.
 *
 * Three sums of light: the base layer with all chords, kept from frame to
 * frame; the focus layer with the chords of the service in focus; the live
 * layer with the comets, drawn anew each frame. Composition maps their sum to
 * colours; arcs and services go on top.
 */
import type { CurveSettings } from '../layout/curve';
import type { Camera } from './camera';
import { COMET_PERIOD_S, type Comets } from './comets';
import { DataTexture, inSoftware, Instances, Layer, Program, RenderError, type Gl } from './gl';
import { DARK, HUES, type Theme } from './palette';
import { LEVELS, type Quality } from './quality';
import {
  ARC_FRAGMENT, ARC_VERTEX, BLUR_FRAGMENT, CHORD_FRAGMENT, CHORD_VERTEX, COMET_FRAGMENT, COMET_VERTEX, COMPOSE_FRAGMENT,
  SCREEN_VERTEX, SERVICE_FRAGMENT, SERVICE_VERTEX,
} from './shaders';

/** How one service looks now. */
export const LOOK_PLAIN = 0;
export const LOOK_DIM = 1;
export const LOOK_CALLER = 2;
export const LOOK_CALLEE = 3;
export const LOOK_FOCUS = 4;

export const ROLE_CALLER = 1;
export const ROLE_CALLEE = 2;

export interface Geometry {
  /** Four values a service slot: x, y, gate, kind. */
  places: Float32Array<ArrayBuffer>;
  services: number;
  /** Four values a gate: angle, hue, trunk angle, group. */
  gates: Float32Array<ArrayBuffer>;
  /** Four values a group: middle, span, hue, services. */
  arcs: Float32Array<ArrayBuffer>;
  /** Straight calls have no ring: arcs and sectors fade with them. */
  curve: CurveSettings;
  /** Radius from which sectors are filled, and the outer radius of the band. */
  sectorFrom: number;
  outer: number;
  band: number;
}

/** What depends on how much there is to draw. */
export interface Weights {
  gain: number;
  floor: number;
  width: number;
  inside: number;
  focusGain: number;
  cometGain: number;
  cometSize: number;
  /** Share of the theme's glow. */
  glow: number;
  segments: number;
}

/** In a comparison a call's failed share carries the code of its change times this. */
export const CHANGE_STEP = 2;

const DIM = 0.16;
const MORPH_MS = 450;
const CHORD_RED_FULL_OVER = 1.2;

interface Sizes {
  width: number;
  height: number;
  ratio: number;
}

export class StarRenderer {
  private readonly gl: Gl;
  private readonly float: boolean;
  /** The processor draws, for want of a graphics processor. */
  readonly software: boolean;
  private readonly programs: { chord: Program; comet: Program; service: Program; arc: Program; blur: Program; compose: Program };
  private readonly placeA: DataTexture;
  private readonly placeB: DataTexture;
  private readonly looks: DataTexture;
  private readonly gates: DataTexture;
  private readonly ends: DataTexture;
  private readonly calls: DataTexture;
  private readonly chords: Instances;
  private readonly focusChords: Instances;
  private readonly comets: Instances;
  private readonly services: Instances;
  private readonly arcs: Instances;
  private front: Layer | null = null;
  private back: Layer | null = null;
  private focusLayer: Layer | null = null;
  private live: Layer | null = null;
  private size: Sizes = { width: 1, height: 1, ratio: 1 };
  private theme: Theme = DARK;
  private hues = new Float32Array(HUES.flat());
  private quality: Quality = LEVELS[0];
  private geometry: Geometry | null = null;
  private weights: Weights | null = null;
  private morphStart = -1;
  /** The places from which services are on their way. */
  private from: Float32Array<ArrayBuffer> = new Float32Array(0);
  private mixed = 1;
  /** How straight calls were before the present geometry. */
  private straightBefore = 0;
  /** Chords already in the back layer; −1: nothing to do. */
  private built = -1;
  private focusDrawn = true;
  private focused = false;
  private moving = false;
  /** The front layer was drawn for another camera or place. */
  private baseStale = true;
  /** The layer being built is the front one. */
  private growing = true;
  /** Weights or order changed while the front layer grew. */
  private numbersChanged = false;
  camera: Camera = { x: 0, y: 0, zoom: 1 };
  health = { degraded: 0.025, failing: 0.1 };
  /** Group whose arc is lit, or −1. */
  activeGroup = -1;
  /** No comets and no transitions. */
  still = false;
  /** The calls carry how they differ from a base. */
  comparing = false;
  /** The moment at which comets stand still, in seconds; null: they move. */
  moment: number | null = null;

  /** Throws RenderError when WebGL2 is missing. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: false, preserveDrawingBuffer: false, powerPreference: 'high-performance' });
    if (gl === null) throw new RenderError('WebGL2 is not available');
    this.gl = gl;
    this.software = inSoftware(gl);
    this.float = gl.getExtension('EXT_color_buffer_float') !== null || gl.getExtension('EXT_color_buffer_half_float') !== null;
    gl.getExtension('OES_texture_float_linear');
    this.programs = {
      chord: new Program(gl, CHORD_VERTEX, CHORD_FRAGMENT), comet: new Program(gl, COMET_VERTEX, COMET_FRAGMENT),
      service: new Program(gl, SERVICE_VERTEX, SERVICE_FRAGMENT), arc: new Program(gl, ARC_VERTEX, ARC_FRAGMENT),
      blur: new Program(gl, SCREEN_VERTEX, BLUR_FRAGMENT), compose: new Program(gl, SCREEN_VERTEX, COMPOSE_FRAGMENT),
    };
    this.placeA = new DataTexture(gl, 4);
    this.placeB = new DataTexture(gl, 4);
    this.looks = new DataTexture(gl, 4);
    this.gates = new DataTexture(gl, 4);
    this.ends = new DataTexture(gl, 2, true);
    this.calls = new DataTexture(gl, 2);
    const call = { location: 0, size: 1, kind: 'u32' } as const;
    const role = { location: 1, size: 1, kind: 'u8' } as const;
    this.chords = new Instances(gl, [call]);
    this.focusChords = new Instances(gl, [call, role]);
    this.comets = new Instances(gl, [call, role, { location: 2, size: 3, kind: 'float' }]);
    this.services = new Instances(gl, [call]);
    this.arcs = new Instances(gl, [{ location: 0, size: 4, kind: 'float' }, { location: 1, size: 1, kind: 'u32' }]);
  }

  /** Calls back when the graphics processor was reset; the renderer is then dead. */
  onLost(then: () => void): void {
    this.canvas.addEventListener('webglcontextlost', (e) => {
      e.preventDefault();
      then();
    }, { once: true });
  }

  resize(width: number, height: number, deviceRatio: number): void {
    const ratio = Math.min(deviceRatio, this.quality.pixelRatio);
    if (width === this.size.width && height === this.size.height && ratio === this.size.ratio && this.front !== null) return;
    this.size = { width: Math.max(1, width), height: Math.max(1, height), ratio };
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.makeLayers();
  }

  setQuality(q: Quality, deviceRatio: number): void {
    if (q === this.quality) return;
    this.quality = q;
    this.freeLayers();
    this.resize(this.size.width, this.size.height, deviceRatio);
    if (this.front === null) this.makeLayers();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.invalidate();
  }

  /** Takes a new layout. With animate, services glide there from where they are. */
  setGeometry(g: Geometry, animate: boolean, now: number): void {
    const before = this.geometry;
    const glide = animate && !this.still && before !== null;
    const from = glide ? this.currentPlaces(before, g) : g.places;
    this.placeB.write(g.places, g.services);
    this.placeA.write(from, g.services);
    this.from = from;
    this.gates.write(g.gates, g.gates.length / 4);
    this.arcs.write(g.arcs.length / 4, g.arcs, Uint32Array.from({ length: g.arcs.length / 4 }, (_, i) => i));
    this.straightBefore = glide ? this.straight : g.curve.straight;
    this.geometry = g;
    this.morphStart = glide ? now : -1;
    this.mixed = glide ? 0 : 1;
    this.invalidate();
  }

  private get straight(): number {
    const end = this.geometry?.curve.straight ?? 0;
    return this.straightBefore + (end - this.straightBefore) * this.mixed;
  }

  /** Where the services of the new geometry are now, on their way or not; those that are new start at their end. */
  private currentPlaces(before: Geometry, after: Geometry): Float32Array<ArrayBuffer> {
    const from = after.places.slice();
    const n = Math.min(before.services, after.services) * 4;
    const { mixed, from: start } = this;
    for (let i = 0; i < n; i += 4) {
      if (before.places[i] === 0 && before.places[i + 1] === 0) continue;
      for (const k of [i, i + 1]) from[k] = mixed < 1 && k < start.length ? start[k] + (before.places[k] - start[k]) * mixed : before.places[k];
    }
    return from;
  }

  /** Four values a service slot: radius in world units, failed share, look, rank 0 to 1. order: slots, the topmost last. */
  setLooks(looks: Float32Array<ArrayBuffer>, order: Uint32Array<ArrayBuffer>): void {
    this.looks.write(looks, looks.length / 4);
    this.services.write(order.length, order);
  }

  /** ends: from and to of each call slot. */
  setEnds(ends: Uint32Array<ArrayBuffer>): void {
    this.ends.write(ends, ends.length / 2);
  }

  /** values: weight 0 to 1 and failed share of each call slot. order: slots, the heaviest first. */
  setCalls(values: Float32Array<ArrayBuffer>, order: Uint32Array<ArrayBuffer>, weights: Weights): void {
    this.calls.write(values, values.length / 2);
    this.chords.write(order.length, order);
    this.weights = weights;
    if (this.built > 0 && this.growing) this.numbersChanged = true;
    else this.built = 0;
    this.focusDrawn = false;
  }

  /** The chords in focus with their roles, or null. */
  setFocus(calls: Uint32Array<ArrayBuffer> | null, roles: Uint8Array<ArrayBuffer> | null): void {
    this.focused = calls !== null;
    if (calls !== null && roles !== null) this.focusChords.write(calls.length, calls, roles);
    this.focusDrawn = false;
  }

  setComets(c: Comets): void {
    this.comets.write(c.count, c.call, c.role, c.motion);
  }

  /** The picture is being moved: draw less until it rests. */
  setMoving(moving: boolean): void {
    if (this.moving && !moving) this.invalidate();
    this.moving = moving;
  }

  invalidate(): void {
    this.baseStale = true;
    this.built = 0;
    this.focusDrawn = false;
  }

  /** Whether more frames are needed even if nothing changes. */
  get busy(): boolean {
    return this.built >= 0 || this.morphStart >= 0 || !this.focusDrawn || this.moving;
  }

  /** Whether only the camera changes. */
  get sliding(): boolean {
    return this.moving && this.morphStart < 0;
  }

  private get cometsShown(): boolean {
    return (!this.still || this.moment !== null) && !this.comparing && this.comets.count > 0;
  }

  /** Whether the picture changes by itself. */
  get animated(): boolean {
    return this.cometsShown && this.moment === null;
  }

  /** Whether the work of the last frame is done; used to avoid piling up frames. */
  fence(): WebGLSync | null {
    return this.gl.fenceSync(this.gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  }

  passed(sync: WebGLSync): boolean {
    const state = this.gl.clientWaitSync(sync, 0, 0);
    if (state === this.gl.TIMEOUT_EXPIRED) return false;
    this.gl.deleteSync(sync);
    return true;
  }

  /** Draws one frame. now: milliseconds of the page's clock. */
  draw(now: number): void {
    const { gl, geometry, weights } = this;
    if (geometry === null || weights === null || this.front === null) return;
    this.morph(now);
    gl.vertexAttribI4ui(1, 0, 0, 0, 0);
    this.drawBase(weights);
    const hasFocus = this.focused && this.focusChords.count > 0;
    if (hasFocus && !this.focusDrawn) this.drawFocus(weights);
    this.focusDrawn = true;
    const hasLive = this.cometsShown;
    if (hasLive) this.drawComets(weights, now);
    if (this.quality.glow && !this.moving) {
      this.front.blur(this.programs.blur);
      if (hasFocus) this.focusLayer?.blur(this.programs.blur);
    }
    this.compose(weights, hasFocus, hasLive);
    this.drawArcs(geometry);
    this.drawServices();
    gl.bindVertexArray(null);
  }

  private morph(now: number): void {
    if (this.morphStart < 0) return;
    const t = Math.max(0, Math.min(1, (now - this.morphStart) / MORPH_MS));
    this.mixed = t * t * (3 - 2 * t);
    this.invalidate();
    if (t >= 1) this.morphStart = -1;
  }

  /**
   * While moving, a few chords straight into the front layer. At rest slice by
   * slice: into the front when it shows another place or camera, so that it
   * grows before one's eyes; else into the back, which then becomes the front.
   */
  private drawBase(w: Weights): void {
    const { front, back } = this;
    if (front === null || back === null) return;
    if (this.moving || this.morphStart >= 0) {
      front.clear();
      this.drawChords(this.chords, w, Math.min(this.chords.count, this.quality.movingChords), 0, this.quality.chordScale, w.gain);
      this.invalidate();
      return;
    }
    if (this.built < 0) return;
    if (this.built === 0) {
      this.growing = this.baseStale;
      this.baseStale = false;
      (this.growing ? front : back).clear();
    }
    const target = this.growing ? front : back;
    const n = Math.min(this.chords.count - this.built, this.quality.slice);
    target.bind();
    this.drawChords(this.chords, w, n, this.built, this.quality.chordScale, w.gain);
    this.built += n;
    if (this.built < this.chords.count) return;
    if (!this.growing) [this.front, this.back] = [back, front];
    this.built = this.numbersChanged && this.growing ? 0 : -1;
    this.numbersChanged = false;
  }

  private use(p: Program, pixel: number): void {
    const g = this.geometry;
    if (g === null) return;
    p.use();
    p.texture('uPlaceA', 0, this.placeA.texture);
    p.texture('uPlaceB', 1, this.placeB.texture);
    p.texture('uLook', 2, this.looks.texture);
    p.texture('uGate', 3, this.gates.texture);
    p.texture('uEnds', 4, this.ends.texture);
    p.texture('uCalls', 5, this.calls.texture);
    p.set('uMix', this.mixed);
    p.set('uView', this.size.width, this.size.height);
    p.set('uCamera', this.camera.x, this.camera.y, this.camera.zoom);
    p.set('uPixel', pixel);
    p.set('uInner', g.curve.inner);
    p.set('uBundling', g.curve.bundling);
    p.set('uSpread', g.curve.spread);
    p.set('uStraight', this.straight);
    p.triples('uHue', this.hues);
    p.int('uLight', this.theme.light ? 1 : 0);
    p.set('uHealth', this.health.degraded, this.health.failing);
    for (const [name, c] of [['uCaller', this.theme.caller], ['uCallee', this.theme.callee], ['uFailing', this.theme.failing],
      ['uDegraded', this.theme.degraded], ['uFocus', this.theme.focus], ['uPaper', this.theme.background[0]]] as const) p.set(name, ...c);
    p.set('uHueScale', this.theme.hueScale);
  }

  private drawChords(list: Instances, w: Weights, n: number, first: number, scale: number, gain: number): void {
    const { gl } = this;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    const p = this.programs.chord;
    this.use(p, 1 / (this.size.ratio * scale));
    p.int('uSegments', w.segments);
    p.set('uWidth', w.width * Math.min(1.6, Math.max(1, this.zoomOverFit ** 0.35)));
    p.set('uGain', gain * Math.min(1.8, Math.max(1, this.zoomOverFit ** 0.25)));
    p.set('uFloor', w.floor);
    p.set('uInside', w.inside);
    p.int('uCompare', this.comparing ? 1 : 0);
    p.set('uAdded', ...this.theme.added);
    p.set('uRemoved', ...this.theme.removed);
    p.set('uSame', ...this.theme.same);
    p.set('uFail', this.health.degraded * 0.4, this.health.failing * CHORD_RED_FULL_OVER);
    list.shift(0, 0, first);
    list.draw((w.segments + 1) * 2, n);
    if (first > 0) list.shift(0, 0, 0);
  }

  /** Zoom relative to showing the whole star; set by the owner of the camera. */
  zoomOverFit = 1;

  private drawFocus(w: Weights): void {
    if (this.focusLayer === null) return;
    this.focusLayer.clear();
    this.drawChords(this.focusChords, w, this.focusChords.count, 0, 1, w.focusGain);
  }

  private drawComets(w: Weights, now: number): void {
    const { gl, live } = this;
    if (live === null) return;
    live.clear();
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    const p = this.programs.comet;
    this.use(p, 1 / this.size.ratio);
    p.set('uTime', ((this.moment ?? now / 1000) % COMET_PERIOD_S) / COMET_PERIOD_S);
    p.set('uGain', w.cometGain * (this.theme.light ? 0.55 : 1));
    p.set('uSize', w.cometSize);
    this.comets.draw(10);
  }

  private compose(w: Weights, hasFocus: boolean, hasLive: boolean): void {
    const { gl, front, focusLayer, live, theme } = this;
    if (front === null || focusLayer === null || live === null) return;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.disable(gl.BLEND);
    const p = this.programs.compose;
    p.use();
    const textures: [string, WebGLTexture][] = [
      ['uBase', front.main.texture], ['uBase1', front.level(0)], ['uBase2', front.level(1)], ['uBase3', front.level(2)],
      ['uFocusLayer', focusLayer.main.texture], ['uFocus1', focusLayer.level(0)], ['uFocus2', focusLayer.level(1)], ['uFocus3', focusLayer.level(2)],
      ['uLive', live.main.texture],
    ];
    textures.forEach(([name, t], i) => p.texture(name, i, t));
    p.set('uDim', this.focused ? DIM : 1);
    p.set('uHasFocus', hasFocus ? 1 : 0);
    p.set('uHasLive', hasLive ? 1 : 0);
    const glow = this.quality.glow && !this.moving ? w.glow : 0;
    p.set('uBloom', ...theme.bloom.map((v) => v * glow));
    p.set('uFrom', ...theme.background[0]);
    p.set('uTo', ...theme.background[1]);
    p.set('uCentre', this.camera.x / this.size.width, 1 - this.camera.y / this.size.height);
    p.set('uAspect', this.size.width / this.size.height, 1);
    p.int('uLight', theme.light ? 1 : 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private drawArcs(g: Geometry): void {
    const { gl, theme } = this;
    const ringed = 1 - this.straight;
    if (ringed <= 0) return;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const p = this.programs.arc;
    this.use(p, 1 / this.size.ratio);
    p.int('uActive', this.activeGroup);
    const ring = (from: number, to: number, fill: number, fade: number): void => {
      p.set('uFrom', from);
      p.set('uTo', to);
      p.set('uFill', fill * ringed);
      p.set('uFade', fade);
      this.arcs.draw(194);
    };
    ring(g.sectorFrom, g.outer - g.band - 1, theme.sectorAlpha, 1);
    // The band keeps about its width on the screen however near or far the star is.
    const band = Math.max(Math.min(g.band, 6 / this.camera.zoom), 2.5 / this.camera.zoom);
    ring(g.outer - band, g.outer, theme.bandAlpha, 0);
  }

  private drawServices(): void {
    const { gl } = this;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.use(this.programs.service, 1 / this.size.ratio);
    this.services.draw(4);
  }

  private makeLayers(): void {
    this.freeLayers();
    const { gl, quality } = this;
    const w = this.canvas.width;
    const h = this.canvas.height;
    const k = quality.chordScale;
    const layer = (scale: number, glow: boolean): Layer => new Layer(gl, Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale)), this.float, glow);
    this.front = layer(k, quality.glow);
    this.back = layer(k, quality.glow);
    this.focusLayer = layer(1, quality.glow);
    this.live = layer(1, false);
    this.invalidate();
  }

  private freeLayers(): void {
    for (const l of [this.front, this.back, this.focusLayer, this.live]) l?.free();
    this.front = null;
    this.back = null;
    this.focusLayer = null;
    this.live = null;
  }
}
