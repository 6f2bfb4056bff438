/** Where the processor draws, a frame is too dear to follow a hand: what is drawn is moved as it is, until it rests. */
import type { Camera } from '../render/camera';

/** How much smaller or larger than it was drawn a picture may be shown. */
const MOST_SCALE = 4;

export class Slide {
  private drawnFor: Camera | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {
    canvas.style.transformOrigin = '0 0';
  }

  /** The canvas shows what this camera sees; null: nothing worth moving. */
  drawn(camera: Camera | null): void {
    this.drawnFor = camera;
    this.canvas.style.transform = '';
  }

  /** Moves the canvas to where the camera sees it. False: it is too far away, and has to be drawn. */
  to(camera: Camera): boolean {
    const from = this.drawnFor;
    if (from === null) return false;
    const scale = camera.zoom / from.zoom;
    const x = camera.x - from.x * scale;
    const y = camera.y - from.y * scale;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    // The middle of the view must lie on it.
    if (scale > MOST_SCALE || scale < 1 / MOST_SCALE || 2 * x > width || 2 * y > height || 2 * (x + width * scale) < width || 2 * (y + height * scale) < height) return false;
    this.canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    return true;
  }
}
