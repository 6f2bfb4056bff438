/** Fuzzy search over names. */

export interface Candidate {
  text: string;
  /** Text that the query may also match, at a discount, such as the namespace. */
  context: string;
  kind: 'service' | 'team' | 'operation';
  /** A service's slot (of an operation that which has it), or a group's index. */
  ref: number;
  /** Ties go to the heavier one. */
  weight: number;
}

export interface Hit {
  candidate: Candidate;
  score: number;
  /** Places in candidate.text that matched, ascending; empty when the context did. */
  places: number[];
}

const BOUNDARY = /[^a-z0-9]/;

/** Places of the query's letters in the text, as close together as a single pass finds them. Null: no match. */
function subsequence(query: string, text: string): number[] | null {
  let q = 0;
  let end = -1;
  for (let i = 0; i < text.length && q < query.length; i++) {
    if (text[i] === query[q] && ++q === query.length) end = i;
  }
  if (end < 0) return null;
  const places: number[] = [];
  for (let i = end, k = query.length - 1; k >= 0; i--) {
    if (text[i] !== query[k]) continue;
    places.push(i);
    k--;
  }
  return places.reverse();
}

function scoreText(query: string, text: string): { score: number; places: number[] } | null {
  const at = text.indexOf(query);
  if (at >= 0) {
    const places = Array.from(query, (_, i) => at + i);
    const start = at === 0 ? 40 : BOUNDARY.test(text[at - 1]) ? 25 : 0;
    return { score: 100 + start + (query.length === text.length ? 60 : 0) - text.length * 0.2, places };
  }
  const places = subsequence(query, text);
  if (places === null) return null;
  let score = 40;
  for (let i = 0; i < places.length; i++) {
    if (places[i] === 0 || BOUNDARY.test(text[places[i] - 1])) score += 6;
    if (i > 0) score -= Math.min(6, places[i] - places[i - 1] - 1);
  }
  return { score: score - text.length * 0.2, places };
}

/** An index over names; build it when names change, search it on each key. */
export class SearchIndex {
  private readonly lowered: { text: string; context: string }[];

  constructor(private readonly candidates: Candidate[]) {
    this.lowered = candidates.map((c) => ({ text: c.text.toLowerCase(), context: c.context.toLowerCase() }));
  }

  /** The best hits, at most limit, the best first. An empty query finds nothing. */
  search(query: string, limit: number): Hit[] {
    const q = query.trim().toLowerCase();
    if (q === '') return [];
    const hits: Hit[] = [];
    for (let i = 0; i < this.candidates.length; i++) {
      const own = scoreText(q, this.lowered[i].text);
      if (own !== null) {
        hits.push({ candidate: this.candidates[i], ...own });
        continue;
      }
      const wide = scoreText(q, `${this.lowered[i].context}/${this.lowered[i].text}`);
      if (wide !== null) hits.push({ candidate: this.candidates[i], score: wide.score - 30, places: [] });
    }
    const order = (a: Hit, b: Hit): number => b.score - a.score || b.candidate.weight - a.candidate.weight || a.candidate.ref - b.candidate.ref;
    return hits.sort(order).slice(0, limit);
  }
}
