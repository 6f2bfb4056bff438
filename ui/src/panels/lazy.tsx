/** Parts of panels whose code is loaded when they are first shown. */
import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** lazy makes a component of one that is yet to be loaded; until then it shows nothing. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => JSX.Element | null {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P): JSX.Element | null {
    const [part, setPart] = useState<{ component: ComponentType<P> | null; failed: boolean }>({ component: loaded, failed: false });
    useEffect(() => {
      if (loaded !== null) return;
      let gone = false;
      load().then((component) => {
        loaded = component;
        if (!gone) setPart({ component, failed: false });
      }, () => { if (!gone) setPart({ component: null, failed: true }); });
      return () => { gone = true; };
    }, []);
    if (part.failed) return <p class="sub calm" role="status">This part could not be loaded: reload the page when the server is back.</p>;
    return part.component === null ? null : <part.component {...props} />;
  };
}
