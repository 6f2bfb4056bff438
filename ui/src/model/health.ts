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

/** topTalkers lists the n slots with the most traffic, the busiest first. */
export function topTalkers(graph: Graph, n: number): number[] {
  const traffic = graph.services.traffic;
  return [...graph.serviceList()].filter((i) => traffic[i] > 0).sort((a, b) => traffic[b] - traffic[a] || a - b).slice(0, n);
}
