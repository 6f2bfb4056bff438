/** What the header says when not all is as usual: the picture is not live, the server refused something. */
import './notices.css';
import type { JSX } from 'preact';
import { clock, clockSeconds, spanText } from '../model/format';
import type { AppState } from './state';

/** What the picture shows when it is not live; pressed, it goes back. */
export function Past({ state }: { state: AppState }): JSX.Element {
  const w = state.window.value;
  const frozen = w === null && state.url.value.at === state.frozen;
  const text = frozen ? `Paused ${clockSeconds(Date.parse(state.url.value.at))}`
    : w === null ? 'Fetching the past'
      : w.base !== null ? `${clock(w.base.toMs)} → ${clock(w.toMs)}` : spanText(w.fromMs, w.toMs, state.now());
  return (
    <button type="button" class={`live past${state.travelError.value === '' ? '' : ' waiting'}`} title="Back to live" onClick={() => state.go({ at: '', base: '' })}>
      <i class="dot" /><span class="num" data-testid="past">{text}</span><span class="lag">back to live</span>
    </button>
  );
}

/** What the server refused or folded, by reason. */
export function Marks({ state }: { state: AppState }): JSX.Element {
  const marks = state.marks.value;
  return (
    <details class="marks">
      <summary aria-label={`${marks.length} notices from the server`}><span aria-hidden="true">!</span><span class="num">{marks.length}</span></summary>
      <ul>{marks.map((m) => <li key={m.reason}><b>{m.reason.replaceAll('_', ' ')}</b><span>{m.text}</span></li>)}</ul>
    </details>
  );
}
