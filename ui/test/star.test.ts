import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { controlPoints, curveSettings } from '../src/layout/curve';
import { radiusOf } from '../src/layout/size';
import { OUTER, layoutStar } from '../src/layout/star';
import type { DataFrame } from '../src/model/frame';
import { Graph } from '../src/model/graph';
import { groupServices } from '../src/model/groups';
import { decodeText } from '../src/model/json';
import { starInput } from '../src/scene';

// The layouts that graph/export/star is held to: see docs/star-layout.md.
const folder = new URL('../../graph/export/star/testdata/', import.meta.url);
const TOLERANCE = 2 * OUTER * 1e-6;

interface Golden {
  seconds: number;
  services: { namespace: string[]; name: string[]; kind: string[]; x: number[]; y: number[]; radius: number[]; group: number[]; gate: number[] };
  calls: { from: number[]; to: number[]; count: number[] };
  groups: { name: string[]; hue: number[]; middle: number[]; span: number[] };
  inner: number;
  chords: { call: number[]; points: number[][] };
}

function read(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`layout-${name}.json`, folder), 'utf8')) as Golden;
}

function escapeName(s: string): string {
  return s.replaceAll('%', '%25').replaceAll('/', '%2F');
}

/** The graph as the page receives it; services get numbers from the last to the first. */
function graphOf(g: Golden): { graph: Graph; slots: number[] } {
  const n = g.services.name.length;
  const into = new Array<number>(n).fill(0);
  g.calls.to.forEach((to, i) => { into[to] += g.calls.count[i] / g.seconds; });
  const services = g.services.name.map((label, i) => {
    const namespace = g.services.namespace[i];
    const own = g.services.kind[i] === 'service' ? escapeName(label) : label;
    return { id: n - i, name: namespace === '' ? own : `${escapeName(namespace)}/${own}`, namespace, label, kind: g.services.kind[i], rate: into[i], error_rate: 0 };
  });
  const calls = g.calls.from.map((from, i) => ({
    id: i + 1, from: n - from, to: n - g.calls.to[i], kind: 'rpc', rate: g.calls.count[i] / g.seconds, error_rate: 0, calls: g.calls.count[i], errors: 0, first_seen_ms: 0, last_seen_ms: 0,
  }));
  const graph = new Graph();
  const text = JSON.stringify({ type: 'snapshot', epoch: 'e', seq: 1, time_ms: 0, lag_ms: 0, services: services.reverse(), calls });
  graph.apply(decodeText(text) as DataFrame);
  return { graph, slots: services.map((s) => graph.find(s.name)).reverse() };
}

function near(got: ArrayLike<number>, want: readonly number[], tolerance: number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) if (!(Math.abs(got[i] - want[i]) <= tolerance)) expect(`${i}: ${got[i]}`).toBe(`${i}: ${want[i]}`);
}

describe('the layout of the golden files', () => {
  for (const name of ['pair', 'company', 'mid', 'large']) {
    it(`is that of the page: ${name}`, () => {
      const want = read(name);
      const { graph, slots } = graphOf(want);
      const grouping = groupServices(graph);
      const layout = layoutStar(starInput(graph, grouping));
      expect(grouping.groups.map((g) => g.name)).toEqual(want.groups.name);
      expect(grouping.groups.map((g) => g.hue)).toEqual(want.groups.hue);
      expect(slots.map((s) => grouping.of[s])).toEqual(want.services.group);
      expect(slots.map((s) => layout.gate[s])).toEqual(want.services.gate);
      near(want.groups.name.map((_, g) => layout.arcs[g * 4]), want.groups.middle, 1e-6);
      near(want.groups.name.map((_, g) => layout.arcs[g * 4 + 1]), want.groups.span, 1e-6);
      near([layout.inner], [want.inner], TOLERANCE);
      near(slots.map((s) => layout.x[s]), want.services.x, TOLERANCE);
      near(slots.map((s) => layout.y[s]), want.services.y, TOLERANCE);
      const traffic = graph.services.traffic;
      const most = slots.reduce((m, s, i) => (want.services.kind[i] === 'user' ? m : Math.max(m, traffic[s])), 0);
      near(slots.map((s) => radiusOf(traffic[s], most, slots.length, layout.room[s])), want.services.radius, TOLERANCE);
      const settings = curveSettings(layout.inner, layout.services);
      const gateOf = (s: number): { gate: number; trunk: number; id: number } => ({ gate: layout.gates[layout.gate[s] * 4], trunk: layout.gates[layout.gate[s] * 4 + 2], id: layout.gate[s] });
      want.chords.call.forEach((c, i) => {
        const [a, b] = [slots[want.calls.from[c]], slots[want.calls.to[c]]];
        near(controlPoints(layout.x[a], layout.y[a], layout.x[b], layout.y[b], gateOf(a), gateOf(b), settings), want.chords.points[i], TOLERANCE);
      });
    });
  }
});
