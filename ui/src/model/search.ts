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

/** Where the query is in the text, all of it together or scattered. Null: no match. */
function placesOf(query: string, text: string): number[] | null {
  const at = text.indexOf(query);
  return at >= 0 ? Array.from(query, (_, i) => at + i) : subsequence(query, text);
}

/** How well the query matches the text; −Infinity: not at all. */
function scoreOf(query: string, text: string): number {
  const at = text.indexOf(query);
  if (at >= 0) {
    const start = at === 0 ? 40 : BOUNDARY.test(text[at - 1]) ? 25 : 0;
    return 100 + start + (query.length === text.length ? 60 : 0) - text.length * 0.2;
  }
  const places = subsequence(query, text);
  if (places === null) return -Infinity;
  let score = 40;
  for (let i = 0; i < places.length; i++) {
    if (places[i] === 0 || BOUNDARY.test(text[places[i] - 1])) score += 6;
    if (i > 0) score -= Math.min(6, places[i] - places[i - 1] - 1);
  }
  return score - text.length * 0.2;
}

/** What a match of the context is worth less than one of the text. */
const CONTEXT_DISCOUNT = 30;

/** An index over names; build it when names change, search it on each key. */
export class SearchIndex {
  private readonly texts: string[];
  private readonly wide: string[];

  constructor(private readonly candidates: Candidate[]) {
    this.texts = candidates.map((c) => c.text.toLowerCase());
    this.wide = candidates.map((c, i) => `${c.context.toLowerCase()}/${this.texts[i]}`);
  }

  /** The best hits, at most limit, the best first. An empty query finds nothing. */
  search(query: string, limit: number): Hit[] {
    const q = query.trim().toLowerCase();
    if (q === '') return [];
    const best: Hit[] = [];
    const before = (a: Hit, b: Hit): boolean =>
      (a.score - b.score || a.candidate.weight - b.candidate.weight || b.candidate.ref - a.candidate.ref) > 0;
    for (let i = 0; i < this.candidates.length; i++) {
      let score = scoreOf(q, this.texts[i]);
      if (score === -Infinity) score = scoreOf(q, this.wide[i]) - CONTEXT_DISCOUNT;
      if (score === -Infinity) continue;
      const hit = { candidate: this.candidates[i], score, places: [] };
      if (best.length === limit && !before(hit, best[limit - 1])) continue;
      if (best.length === limit) best.pop();
      let at = best.length;
      while (at > 0 && before(hit, best[at - 1])) at--;
      best.splice(at, 0, hit);
    }
    return best.map((h) => ({ ...h, places: placesOf(q, h.candidate.text.toLowerCase()) ?? [] }));
  }
}
