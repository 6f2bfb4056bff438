import { CALL_KINDS, GONE, LESS, MORE, NEW } from './frame';
import type { Graph } from './graph';
import { compareText } from './groups';
import type { SortKey } from './url';

/** The calls as rows of a table. */

export interface RowQuery {
  /** Every word must occur in the name of one end, be the kind, or "failing"; in a comparison also "new", "vanished", "more" or "less". */
  filter: string;
  sort: SortKey;
  descending: boolean;
}

function value(graph: Graph, key: SortKey, call: number): number {
  const c = graph.calls;
  switch (key) {
    case 'rate': return c.rate[call];
    case 'errors': return c.errorRate[call];
    case 'p50': return Number.isNaN(c.p50[call]) ? -1 : c.p50[call];
    case 'p99': return Number.isNaN(c.p99[call]) ? -1 : c.p99[call];
    case 'calls': return c.calls[call];
    default: return 0;
  }
}

function comparator(graph: Graph, q: RowQuery): (a: number, b: number) => number {
  const c = graph.calls;
  const name = graph.services.name;
  const sign = q.descending ? -1 : 1;
  const byName = (a: number, b: number): number => compareText(name[c.from[a]], name[c.from[b]]) || compareText(name[c.to[a]], name[c.to[b]]) || c.kind[a] - c.kind[b];
  switch (q.sort) {
    case 'from': return (a, b) => sign * byName(a, b);
    case 'to': return (a, b) => sign * compareText(name[c.to[a]], name[c.to[b]]) || byName(a, b);
    case 'kind': return (a, b) => sign * (c.kind[a] - c.kind[b]) || byName(a, b);
    default: return (a, b) => sign * (value(graph, q.sort, a) - value(graph, q.sort, b)) || byName(a, b);
  }
}

/** Words by which a comparison's calls are found. */
const CHANGE_WORDS: ReadonlyMap<string, number> = new Map([['new', NEW], ['vanished', GONE], ['more', MORE], ['less', LESS]]);

/** rows gives the slots of the calls that pass the filter, in order. */
export function rows(graph: Graph, q: RowQuery): number[] {
  const words = q.filter.toLowerCase().split(/\s+/).filter((w) => w !== '');
  const c = graph.calls;
  const lowered = words.length === 0 ? [] : graph.services.name.map((n) => n.toLowerCase());
  const passes = (call: number): boolean =>
    words.every((w) => lowered[c.from[call]].includes(w) || lowered[c.to[call]].includes(w) || CALL_KINDS[c.kind[call]] === w
      || (w === 'failing' && c.errorRate[call] > 0) || (graph.comparing && CHANGE_WORDS.get(w) === c.change[call]));
  const out: number[] = [];
  for (const call of graph.callList()) if (words.length === 0 || passes(call)) out.push(call);
  return out.sort(comparator(graph, q));
}

/** A cell that a spreadsheet shall not take for a formula. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** csv writes rows with a header line; lines end in CRLF. */
export function csv(graph: Graph, calls: readonly number[]): string {
  const c = graph.calls;
  const name = graph.services.name;
  const n = (v: number): string => (Number.isFinite(v) ? String(+v.toPrecision(6)) : '');
  const lines = ['from,to,kind,rate,error_rate,p50_ms,p95_ms,p99_ms,calls,errors'];
  for (const i of calls) {
    lines.push([cell(name[c.from[i]]), cell(name[c.to[i]]), CALL_KINDS[c.kind[i]], n(c.rate[i]), n(c.errorRate[i]),
      n(c.p50[i]), n(c.p95[i]), n(c.p99[i]), String(c.calls[i]), String(c.errors[i])].join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}
