import { SMALL } from './star';

/** Smallest and largest radius of a service, in world units, by the size of the fleet. */
function bounds(services: number): [number, number] {
  if (services <= 30) return [7, 14];
  if (services <= SMALL) return [6, 12];
  if (services <= 500) return [3, 9];
  if (services <= 2000) return [1.2, 8];
  return [0.6, 4.4];
}

/** radiusOf is the radius for a share of the greatest traffic; room bounds it. */
export function radiusOf(traffic: number, most: number, services: number, room: number): number {
  const [low, high] = bounds(services);
  const share = most > 0 ? Math.max(0, Math.min(1, traffic / most)) : 0;
  const wanted = low + (high - low) * share ** 0.42;
  return Math.max(Math.min(low, room), Math.min(wanted, room * 1.15));
}
