/** A view whose code is loaded when it is first shown, so that the first load stays small. */
import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { AppState } from './state';

export type ViewComponent = ComponentType<{ state: AppState }>;

export function Later({ state, load }: { state: AppState; load: () => Promise<ViewComponent> }): JSX.Element {
  const [view, setView] = useState<{ component: ViewComponent } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let gone = false;
    load().then((component) => { if (!gone) setView({ component }); }, () => { if (!gone) setFailed(true); });
    return () => { gone = true; };
  }, []);
  if (view !== null) return <view.component state={state} />;
  return failed
    ? <section class="empty" aria-label="Not loaded"><h2>This view could not be loaded</h2><p>Reload the page when the server is back.</p></section>
    : <section class="empty" aria-label="Loading" aria-busy="true" />;
}
