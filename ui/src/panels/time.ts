/** What keys and buttons do with time. */
import { RANGE_MS } from '../model/history';
import { momentText } from '../model/url';
import type { AppState } from './state';

/** pause stops the live picture where it is, or goes on. */
export function pause(state: AppState): void {
  if (!state.live.value) {
    state.go({ at: '', base: '' });
    return;
  }
  state.frozen = momentText(state.now());
  state.go({ at: state.frozen });
  state.announcement.value = 'The picture stands still';
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
