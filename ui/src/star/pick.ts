/** What lies under the pointer, and beside what is pinned. Pure. */
import { positive } from '../layout/angle';
import { controlPoints, curvePoint, type CurveSettings } from '../layout/curve';
import { BAND, OUTER, type StarLayout } from '../layout/star';
import { NONE } from '../model/graph';
import type { Camera } from '../render/camera';

/** A service is found within so many pixels of its rim. */
const REACH_PX = 6;
const CHORD_REACH_PX = 7;
const CHORD_STEPS = 18;

/** The nearest service to a point of the screen, or NONE. looks: four values a slot, the radius first. */
export function pickService(layout: StarLayout, looks: Float32Array, alive: Uint8Array, camera: Camera, px: number, py: number): number {
  const wx = (px - camera.x) / camera.zoom;
  const wy = (py - camera.y) / camera.zoom;
  const reach = REACH_PX / camera.zoom;
  let best = NONE;
  let bestDistance = Infinity;
  for (let i = 0; i < layout.x.length; i++) {
    if (alive[i] !== 1) continue;
    const dx = layout.x[i] - wx;
    const dy = layout.y[i] - wy;
    const distance = Math.hypot(dx, dy) - looks[i * 4];
    if (distance < reach && distance < bestDistance) {
      best = i;
      bestDistance = distance;
    }
  }
  return best;
}

/** The group whose arc or sector edge is at a point of the screen, or −1. */
export function pickGroup(layout: StarLayout, camera: Camera, px: number, py: number): number {
  const wx = (px - camera.x) / camera.zoom;
  const wy = (py - camera.y) / camera.zoom;
  const radius = Math.hypot(wx, wy);
  const slack = 5 / camera.zoom;
  if (radius < OUTER - BAND - slack || radius > OUTER + slack) return -1;
  const angle = Math.atan2(wy, wx);
  for (let g = 0; g < layout.arcs.length / 4; g++) {
    const span = layout.arcs[g * 4 + 1];
    if (positive(angle - layout.arcs[g * 4] + span / 2) <= span) return g;
  }
  return -1;
}

export interface Ends {
  from: Uint32Array;
  to: Uint32Array;
}

/** The nearest of the given calls to a point of the screen, or NONE. Cost: CHORD_STEPS points a call. */
export function pickCall(
  layout: StarLayout, curve: CurveSettings, ends: Ends, calls: ArrayLike<number>, most: number, camera: Camera, px: number, py: number,
): number {
  const wx = (px - camera.x) / camera.zoom;
  const wy = (py - camera.y) / camera.zoom;
  let bestDistance = CHORD_REACH_PX / camera.zoom;
  let best = NONE;
  const gate = (slot: number): { gate: number; trunk: number; id: number } => {
    const id = layout.gate[slot];
    return { gate: layout.gates[id * 4], trunk: layout.gates[id * 4 + 2], id };
  };
  for (let i = 0; i < Math.min(calls.length, most); i++) {
    const a = ends.from[calls[i]];
    const b = ends.to[calls[i]];
    if (a >= layout.x.length || b >= layout.x.length) continue;
    const points = controlPoints(layout.x[a], layout.y[a], layout.x[b], layout.y[b], gate(a), gate(b), curve);
    let [x0, y0] = curvePoint(points, 0);
    for (let k = 1; k <= CHORD_STEPS; k++) {
      const [x1, y1] = curvePoint(points, k / CHORD_STEPS);
      const d = segmentDistance(wx, wy, x0, y0, x1, y1);
      if (d < bestDistance) {
        bestDistance = d;
        best = calls[i];
      }
      x0 = x1;
      y0 = y1;
    }
  }
  return best;
}

/** The next of some services around the middle, by angle; NONE if there are none. */
export function neighbourOnRing(layout: StarLayout, services: Iterable<number>, slot: number, step: 1 | -1): number {
  const ring = [...services].filter((i) => i < layout.x.length)
    .sort((a, b) => Math.atan2(layout.y[a], layout.x[a]) - Math.atan2(layout.y[b], layout.x[b]) || a - b);
  return ring.length === 0 ? NONE : ring[(ring.indexOf(slot) + step + ring.length) % ring.length];
}

function segmentDistance(px: number, py: number, ax: number, ay: number, bx: number, by: number): number {
  const dx = bx - ax;
  const dy = by - ay;
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / length));
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}
