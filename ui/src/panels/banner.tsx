/** The server is gone: says so and counts down to the next try. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { AppState } from './state';

export function Banner({ state, retry }: { state: AppState; retry: () => void }): JSX.Element | null {
  const link = state.link.value;
  const [, tick] = useState(0);
  const waiting = link.state === 'waiting';
  useEffect(() => {
    if (!waiting) return;
    const timer = window.setInterval(() => tick((n) => n + 1), 250);
    return () => window.clearInterval(timer);
  }, [waiting]);
  if (link.state !== 'waiting') {
    const why = state.travelError.value;
    return why === '' ? null : <div class="banner" role="alert"><span><b>This moment cannot be shown:</b> {why}.</span></div>;
  }
  const seconds = Math.max(0, Math.ceil((link.until - performance.now()) / 1_000));
  return (
    <div class="banner" role="alert">
      <span><b>{link.why === '' ? 'The server cannot be reached' : link.why}.</b> {state.ready.value ? 'This is how things stood.' : ''}</span>
      <span class="num" aria-live="off">{seconds > 0 ? `Next try in ${seconds} s` : 'Trying…'}</span>
      <button type="button" class="plain" onClick={retry}>Try now</button>
    </div>
  );
}
