import { SERVICE_KINDS } from './frame';
import type { Graph } from './graph';

/** Failed shares above which a service counts as degraded and as failing. */
export interface Thresholds {
  degraded: number;
  failing: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = { degraded: 0.025, failing: 0.1 };

export type Health = 'healthy' | 'degraded' | 'failing';

export function healthOf(errorRate: number, t: Thresholds = DEFAULT_THRESHOLDS): Health {
  if (errorRate > t.failing) return 'failing';
  return errorRate > t.degraded ? 'degraded' : 'healthy';
}

/**
 * needsAttention lists the slots of services that are not healthy, those
 * first where most calls fail.
 */
export function needsAttention(graph: Graph, t: Thresholds = DEFAULT_THRESHOLDS): number[] {
  const s = graph.services;
  const out: number[] = [];
  for (const i of graph.serviceList()) if (s.rate[i] > 0 && s.errorRate[i] > t.degraded) out.push(i);
  const weight = (i: number): number => s.rate[i] * Math.min(0.5, s.errorRate[i]);
  return out.sort((a, b) => weight(b) - weight(a) || a - b);
}

/** The calls a second by which a service is known: into it, or for a user out of it. */
export function flowOf(graph: Graph, slot: number): number {
  const s = graph.services;
  return SERVICE_KINDS[s.kind[slot]] === 'user' ? s.outRate[slot] : s.rate[slot];
}

/** topTalkers lists the n slots that are called most, the busiest first; users are not among them. */
export function topTalkers(graph: Graph, n: number): number[] {
  const s = graph.services;
  return [...graph.serviceList()].filter((i) => s.rate[i] > 0 && SERVICE_KINDS[s.kind[i]] !== 'user')
    .sort((a, b) => s.rate[b] - s.rate[a] || a - b).slice(0, n);
}
