/** Parts of panels whose code is loaded when they are first shown, and asked for again while the server does not answer. */
import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** What did not come is asked for again after so long. */
const AGAIN_MS = 3_000;

// A style sheet is asked for only once by the code that needs it.
addEventListener('error', ({ target }) => {
  if (target instanceof HTMLLinkElement) setTimeout(() => target.replaceWith(target.cloneNode()), AGAIN_MS);
}, true);

/** lazy makes a component of one that is yet to be loaded; until then it shows nothing. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => JSX.Element | null {
  let Part: ComponentType<P> | null = null;
  return function Lazy(props: P): JSX.Element | null {
    const [failures, setFailures] = useState(0); // negative when it has come
    useEffect(() => {
      if (Part !== null) return;
      let gone = false;
      load().then((component) => {
        Part = component;
        if (!gone) setFailures(-1);
      }, () => setTimeout(() => { if (!gone) setFailures(failures + 1); }, failures === 0 ? 0 : AGAIN_MS));
      return () => { gone = true; };
    }, [failures]);
    if (Part !== null) return <Part {...props} />;
    return failures > 0 ? <p class="sub calm" role="status">This part comes when the server answers.</p> : null;
  };
}
