/** Moves the camera over the stage: at once by hand, or on a short flight. */
import { OUTER } from '../layout/star';
import { centre, clampPan, fit, mixCameras, zoomAbout, type Camera, type Margins, type Viewport } from '../render/camera';

const FLIGHT_MS = 380;
/** The picture counts as resting so long after the last move. */
const REST_MS = 140;
/** An arc that is flown to is shown no larger than so many times the fitting zoom. */
const ARC_ZOOM = 6;

interface Flight {
  from: Camera;
  to: Camera;
  start: number;
}

export class Pilot {
  camera: Camera = { x: 0, y: 0, zoom: 1 };
  /** The camera that shows everything. */
  fitted: Camera = { x: 0, y: 0, zoom: 1 };
  /** The user has moved the camera away from the whole. */
  moved = false;
  private view: Viewport = { width: 1, height: 1 };
  private flight: Flight | null = null;
  private restAt = 0;

  /** changed is called when the camera moved; still says whether it shall not fly. */
  constructor(private readonly changed: () => void, private readonly still: () => boolean) {}

  get zoomOverFit(): number {
    return this.camera.zoom / this.fitted.zoom;
  }

  get flying(): boolean {
    return this.flight !== null;
  }

  /** The view has another size, or its names need other room. */
  fitTo(view: Viewport, margins: Margins): void {
    this.view = view;
    this.fitted = fit(view, OUTER, margins);
    if (!this.moved) this.camera = this.fitted;
  }

  private set(c: Camera, moved: boolean): void {
    this.camera = clampPan(c, this.view, OUTER);
    this.moved = moved;
    this.restAt = performance.now() + REST_MS;
    this.changed();
  }

  pan(dx: number, dy: number): void {
    this.flight = null;
    this.set({ ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy }, true);
  }

  zoom(factor: number, px = this.view.width / 2, py = this.view.height / 2): void {
    this.flight = null;
    this.set(zoomAbout(this.camera, factor, px, py, this.fitted.zoom), true);
  }

  /** Back to the whole. */
  fit(): void {
    this.fly(this.fitted, false);
  }

  /** Flies so that an arc fills the view. inner: radius of the innermost row. */
  toArc(middle: number, span: number, inner: number): void {
    const depth = OUTER - inner + 120;
    const across = Math.max(2 * OUTER * Math.sin(Math.min(Math.PI, span) / 2) * 1.15, depth);
    const zoom = Math.max(this.fitted.zoom, Math.min(this.fitted.zoom * ARC_ZOOM, (Math.min(this.view.width, this.view.height) * 0.8) / across));
    const at = OUTER - depth * 0.55;
    this.fly(centre(this.view, Math.cos(middle) * at, Math.sin(middle) * at, zoom), true);
  }

  private fly(to: Camera, moved: boolean): void {
    this.moved = moved;
    if (this.still()) {
      this.set(to, moved);
      return;
    }
    this.flight = { from: this.camera, to, start: performance.now() };
    this.changed();
  }

  /** Goes on with a flight. True: the picture rests. */
  advance(now: number): boolean {
    if (this.flight === null) return now >= this.restAt;
    const t = Math.max(0, Math.min(1, (now - this.flight.start) / FLIGHT_MS));
    const flight = this.flight;
    this.set(mixCameras(flight.from, flight.to, 1 - (1 - t) ** 3), this.moved);
    this.flight = t >= 1 ? null : flight;
    return false;
  }
}
