/** From world units to pixels of the page: screen = world × zoom + (x, y). */
export interface Camera {
  x: number;
  y: number;
  zoom: number;
}

export interface Viewport {
  /** CSS pixels. */
  width: number;
  height: number;
}

/** Free space around the star for the labels, in CSS pixels. */
export interface Margins {
  x: number;
  y: number;
}

export const MAX_ZOOM_OVER_FIT = 24;
export const MIN_ZOOM_OVER_FIT = 0.4;

/** The camera that shows a disc of the given radius whole, inside the margins. */
export function fit(v: Viewport, radius: number, m: Margins): Camera {
  const half = Math.max(40, Math.min(v.width / 2 - m.x, v.height / 2 - m.y));
  return { x: v.width / 2, y: v.height / 2, zoom: half / radius };
}

/** Zooms by a factor so that the world point under (px, py) stays there; within the bounds around the fitting zoom. */
export function zoomAbout(c: Camera, factor: number, px: number, py: number, fitZoom: number): Camera {
  const zoom = Math.max(fitZoom * MIN_ZOOM_OVER_FIT, Math.min(fitZoom * MAX_ZOOM_OVER_FIT, c.zoom * factor));
  const k = zoom / c.zoom;
  return { x: px + (c.x - px) * k, y: py + (c.y - py) * k, zoom };
}

/** The camera that brings a world point to the middle at the given zoom. */
export function centre(v: Viewport, wx: number, wy: number, zoom: number): Camera {
  return { x: v.width / 2 - wx * zoom, y: v.height / 2 - wy * zoom, zoom };
}

/** Between two cameras; the zoom is mixed by its logarithm. */
export function mixCameras(a: Camera, b: Camera, t: number): Camera {
  const zoom = Math.exp(Math.log(a.zoom) + (Math.log(b.zoom) - Math.log(a.zoom)) * t);
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t, zoom };
}

/** Keeps some of a disc of the given radius in sight. */
export function clampPan(c: Camera, v: Viewport, radius: number): Camera {
  const reach = radius * c.zoom * 0.9;
  return {
    x: Math.max(-reach, Math.min(v.width + reach, c.x)),
    y: Math.max(-reach, Math.min(v.height + reach, c.y)),
    zoom: c.zoom,
  };
}
