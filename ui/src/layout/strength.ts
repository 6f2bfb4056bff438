/**
 * strengths gives each of the listed calls how strong it shall look, 0 to 1,
 * from its rate: half by the logarithm of the rate against the greatest, half by
 * its place among all. The first tells how busy a call is; the second keeps
 * quiet calls apart from each other when a few are a thousand times busier.
 * Calls without traffic have 0. The result has a place for each slot up to high.
 */
export function strengths(list: ArrayLike<number>, rate: ArrayLike<number>, high: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.max(1, high));
  const sorted = Array.from(list).filter((c) => rate[c] > 0).sort((a, b) => rate[a] - rate[b] || a - b);
  if (sorted.length === 0) return out;
  const top = Math.log1p(rate[sorted[sorted.length - 1]]);
  for (let i = 0; i < sorted.length;) {
    let end = i + 1;
    while (end < sorted.length && rate[sorted[end]] === rate[sorted[i]]) end++;
    // Equal rates look equal: they share the middle of their places.
    const place = (i + end) / 2 / sorted.length;
    const share = Math.log1p(rate[sorted[i]]) / top;
    for (; i < end; i++) out[sorted[i]] = (place + share) / 2;
  }
  return out;
}
