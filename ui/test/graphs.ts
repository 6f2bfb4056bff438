/** Graphs for tests, made from the made-up fleets. */
import type { DataMessage } from '../mock/encode';
import { EPOCH_MS, type Fleet } from '../mock/fleet';
import { Graph } from '../src/model/graph';
import { decodeText } from '../src/model/json';

export function graphOf(f: Fleet): Graph {
  const m: DataMessage = { type: 'snapshot', epoch: 'e1', seq: 1, time_ms: EPOCH_MS, lag_ms: 0, services: f.services, calls: f.calls };
  const frame = decodeText(JSON.stringify(m));
  if (frame === null || frame.message !== 'snapshot') throw new Error('no snapshot');
  const graph = new Graph();
  graph.apply(frame);
  return graph;
}
