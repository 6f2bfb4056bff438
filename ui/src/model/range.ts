/** How far back the timeline reaches. */
export const RANGES = ['1h', '6h', '24h', '7d', 'all'] as const;
export type Range = (typeof RANGES)[number];

export const HOUR = 3_600_000;

/** The ranges in milliseconds; the last is all that is kept. */
export const RANGE_MS: Readonly<Record<Range, number>> = { '1h': HOUR, '6h': 6 * HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, all: Infinity };
