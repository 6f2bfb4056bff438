/** The list of keys, and what the picture means. */
import './help.css';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { KindMark } from './icons';
import type { AppState } from './state';

const KEYS: readonly [string, string][] = [
  ['1', 'Star'], ['2', 'Layers'], ['3', 'Force'], ['4', 'Matrix'], ['5', 'Table'], ['Enter', 'Layers around the service in focus'], ['/', 'Search services, teams, operations'], ['f', 'Filters'], ['i', 'Hide or show inferred nodes'], ['space', 'Pause, or back to live'], ['c', 'Compare two moments'], ['← →', 'Next service on the ring'], ['↑', 'Up to the busiest caller'],
  ['↓', 'Down to the busiest callee'], ['+ −', 'Zoom'], ['0', 'Show everything'], ['Esc', 'Leave the focus'], ['t', 'Dark or light'], ['?', 'This list'],
];

const SHAPES: readonly [number, string][] = [[0, 'service'], [1, 'database'], [2, 'messaging'], [3, 'external: never heard from itself'], [4, 'user']];

export function Help({ state }: { state: AppState }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = state.helpOpen.value;
  useEffect(() => {
    if (open && dialog.current?.open === false) dialog.current.showModal();
    else if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-label="Keys" onClose={() => { state.helpOpen.value = false; }} onClick={(e) => { if (e.target === dialog.current) state.helpOpen.value = false; }}>
      <div class="title"><h2>Keys</h2><button type="button" class="icon" aria-label="Close" onClick={() => { state.helpOpen.value = false; }}>✕</button></div>
      <div class="help">
        <dl>{KEYS.map(([k, what]) => <div key={k}><dt>{k.split(' ').map((x) => <kbd key={x}>{x}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
        <div>
          <h3>Reading the star</h3>
          <ul>{SHAPES.map(([kind, what]) => <li key={kind}><KindMark kind={kind} />{what}</li>)}</ul>
          <p class="sub">Each cord is a call. It grows brighter towards the callee, comets run from caller to callee, and red ones are failed calls. Thicker means more calls.</p>
          <p class="sub">A service is pale when healthy, amber with a halo above 2.5 % errors, red with a halo above 10 %.</p>
          <p class="sub">Press or drag on the timeline to see the past; with its handle in focus ← → move it, and End goes back to live.</p>
          <p class="sub">Wheel or pinch to zoom, drag to move, click to pin a service, click an arc to come closer, or with Shift to fold its services into one circle. Click a cord for both sides of a call; with a service pinned, shift and a click on another shows the paths to it.</p>
        </div>
      </div>
      <p class="sub version">{state.server.value}</p>
    </dialog>
  );
}
