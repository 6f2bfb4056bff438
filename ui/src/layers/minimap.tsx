/** The star, small: where the service in focus and its neighbours lie. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { controlPoints, curvePoint, curveSettings, type GateAngles } from '../layout/curve';
import { OUTER, type StarLayout } from '../layout/star';
import type { Graph } from '../model/graph';
import type { AppState } from '../panels/state';
import { HUES, type Rgb } from '../render/palette';

const SIDE_PX = 132;
/** What it covers of the view's corner, with its margins. */
export const MINIMAP_WIDTH = SIDE_PX + 52;
export const MINIMAP_HEIGHT = SIDE_PX + 70;
/** Calls drawn faintly; the rest would only blur. */
const CHORDS = 260;
const STEPS = 14;

function css(c: Rgb, alpha: number, scale: number): string {
  return `rgb(${c.map((v) => Math.round(v * 255 * scale)).join(' ')} / ${alpha})`;
}

function gateOf(layout: StarLayout, slot: number): GateAngles {
  const id = layout.gate[slot];
  return { gate: layout.gates[id * 4], trunk: layout.gates[id * 4 + 2], id };
}

function strokeCall(g: CanvasRenderingContext2D, layout: StarLayout, a: number, b: number): void {
  if (a >= layout.x.length || b >= layout.x.length) return;
  const p = controlPoints(layout.x[a], layout.y[a], layout.x[b], layout.y[b], gateOf(layout, a), gateOf(layout, b), curveSettings(layout.inner, layout.services));
  g.beginPath();
  for (let k = 0; k <= STEPS; k++) g.lineTo(...curvePoint(p, k / STEPS));
  g.stroke();
}

function drawRing(g: CanvasRenderingContext2D, layout: StarLayout, light: boolean): void {
  g.lineWidth = 26;
  for (let i = 0; i < layout.arcs.length; i += 4) {
    const [middle, span, hue] = layout.arcs.subarray(i, i + 3);
    g.strokeStyle = css(HUES[hue & 7], 0.95, light ? 0.7 : 1);
    g.beginPath();
    g.arc(0, 0, OUTER - 13, middle - span / 2, middle + span / 2);
    g.stroke();
  }
}

function drawCalls(g: CanvasRenderingContext2D, graph: Graph, layout: StarLayout, slot: number, colors: { plain: string; up: string; down: string }): void {
  const { from, to, rate } = graph.calls;
  const top = [...graph.callList()].sort((a, b) => rate[b] - rate[a] || a - b).slice(0, CHORDS);
  g.lineWidth = 4;
  g.strokeStyle = colors.plain;
  for (const c of top) strokeCall(g, layout, from[c], to[c]);
  g.lineWidth = 9;
  g.strokeStyle = colors.up;
  for (const c of graph.callsTo(slot).slice(0, CHORDS)) strokeCall(g, layout, from[c], slot);
  g.strokeStyle = colors.down;
  for (const c of graph.callsFrom(slot).slice(0, CHORDS)) strokeCall(g, layout, slot, to[c]);
}

function draw(canvas: HTMLCanvasElement, state: AppState, layout: StarLayout, slot: number): void {
  const ratio = Math.min(2, window.devicePixelRatio);
  canvas.width = SIDE_PX * ratio;
  canvas.height = SIDE_PX * ratio;
  const g = canvas.getContext('2d');
  if (g === null || slot >= layout.x.length) return;
  const light = state.theme.value === 'light';
  const scale = (SIDE_PX * ratio) / (2 * OUTER + 60);
  g.setTransform(scale, 0, 0, scale, canvas.width / 2, canvas.height / 2);
  const ink = light ? '#18202c' : '#ffffff';
  drawCalls(g, state.graph, layout, slot, {
    plain: light ? 'rgb(40 60 100 / 9%)' : 'rgb(130 165 230 / 13%)',
    up: light ? 'rgb(217 115 0 / 60%)' : 'rgb(255 176 60 / 55%)', down: light ? 'rgb(0 115 204 / 65%)' : 'rgb(53 197 255 / 65%)',
  });
  drawRing(g, layout, light);
  g.beginPath();
  g.arc(layout.x[slot], layout.y[slot], 26, 0, Math.PI * 2);
  g.fillStyle = ink;
  g.fill();
  g.lineWidth = 8;
  g.strokeStyle = ink;
  g.beginPath();
  g.arc(layout.x[slot], layout.y[slot], 50, 0, Math.PI * 2);
  g.stroke();
}

export function MiniMap({ state, slot }: { state: AppState; slot: number }): JSX.Element | null {
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = state.starLayout.value;
  const theme = state.theme.value;
  const structure = state.structure.value;
  useEffect(() => {
    if (canvas.current !== null && layout !== null) draw(canvas.current, state, layout, slot);
  }, [layout, slot, theme, structure]);
  if (layout === null) return null;
  return (
    <button type="button" class="minimap" onClick={() => state.go({ view: 'star' })}>
      <span class="sub">Where this is</span>
      <canvas ref={canvas} style={{ width: `${SIDE_PX}px`, height: `${SIDE_PX}px` }} aria-hidden="true" />
    </button>
  );
}
