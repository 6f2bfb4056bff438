/** Where services stand on the stage: on the star, by forces, or behind the cards and cells of another view. Pure. */
import type { ForceInput, ForceLayout } from '../layout/force';
import type { StarInput, StarLayout } from '../layout/star';
import type { Graph } from '../model/graph';
import type { Grouping } from '../model/groups';
import type { Camera } from '../render/camera';

export type Places = ReadonlyMap<number, readonly [number, number]>;

/** The request for a force layout that begins at the places of the star. Everything in it is a copy. */
export function forceInput(graph: Graph, grouping: Grouping, input: StarInput, star: StarLayout): ForceInput {
  return {
    high: input.high, alive: input.alive, kind: graph.services.kind.slice(0, input.high), group: input.group, groups: grouping.groups.length,
    x: star.x.slice(), y: star.y.slice(), from: input.from, to: input.to,
  };
}

/** The star's services at the places that forces gave them. */
export function byForces(star: StarLayout, force: ForceLayout): StarLayout {
  const n = Math.min(star.x.length, force.x.length);
  const x = star.x.slice();
  const y = star.y.slice();
  x.set(force.x.subarray(0, n));
  y.set(force.y.subarray(0, n));
  return { ...star, x, y, room: new Float32Array(star.room.length).fill(force.room) };
}

/** The star's services behind those of another view; what that view does not show stays where it is. */
export function behind(star: StarLayout, places: Places, camera: Camera): StarLayout {
  const x = star.x.slice();
  const y = star.y.slice();
  for (const [slot, [px, py]] of places) {
    if (slot >= x.length) continue;
    x[slot] = (px - camera.x) / camera.zoom;
    y[slot] = (py - camera.y) / camera.zoom;
  }
  return { ...star, x, y };
}

