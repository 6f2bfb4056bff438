/** What keys and buttons do with time. */
import { RANGE_MS } from '../model/range';
import { momentText } from '../model/url';
import type { AppState } from './state';

/** pause stops what moves, or lets it go on: the live picture, or the way through the past. */
export function pause(state: AppState): void {
  const { at, base } = state.url.value;
  if (at === '') {
    state.frozen = momentText(state.now());
    state.go({ at: state.frozen });
    state.announcement.value = 'The picture stands still';
  } else if (at === state.frozen && base === '') state.go({ at: '' });
  else state.playing.value = !state.playing.value && base === '';
}

/** compare begins a comparison with what was a quarter of the timeline before, or ends it. */
export function compare(state: AppState): void {
  const { at, base, range } = state.url.value;
  if (base !== '') {
    state.go({ base: '' });
    return;
  }
  const atMs = at === '' ? state.now() : Date.parse(at);
  const reach = Math.min(RANGE_MS[range], RANGE_MS['7d']);
  state.playing.value = false;
  state.go({ at: momentText(atMs), base: momentText(atMs - reach / 4) });
  state.announcement.value = 'Comparing two moments: move both handles of the timeline';
}
