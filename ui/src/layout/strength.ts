/** Calls this much rarer than the busiest are still told apart by their rate, however close all rates are. */
const LEAST_RANGE = 300;
/** With so many calls the place among all counts for a quarter; with few hardly, with very many for half. */
const RANK_FROM = 100;

/**
 * strengths gives each of the listed calls how strong it shall look, 0 to 1,
 * by how its rate lies among the rates of all: by the logarithm between the
 * quietest twentieth and the busiest, and in a large graph as much by its place,
 * so that quiet calls stay apart when a few are a thousand times busier. A fleet
 * at a hundredth of the traffic looks the same. Calls without traffic have 0.
 * The result has a place for each slot up to high.
 */
export function strengths(list: ArrayLike<number>, rate: ArrayLike<number>, high: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.max(1, high));
  const sorted = Array.from(list).filter((c) => rate[c] > 0).sort((a, b) => rate[a] - rate[b] || a - b);
  const n = sorted.length;
  if (n === 0) return out;
  const most = rate[sorted[n - 1]];
  const least = Math.min(rate[sorted[Math.floor(n / 20)]], most / LEAST_RANGE);
  const range = Math.log(most / least);
  const byRank = (0.5 * n) / (n + RANK_FROM);
  for (let i = 0; i < n;) {
    let end = i + 1;
    while (end < n && rate[sorted[end]] === rate[sorted[i]]) end++;
    // Equal rates look equal: they share the middle of their places.
    const place = (i + end) / 2 / n;
    const share = Math.max(0, Math.log(rate[sorted[i]] / least) / range);
    for (; i < end; i++) out[sorted[i]] = byRank * place + (1 - byRank) * share;
  }
  return out;
}
