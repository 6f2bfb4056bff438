/** The menu of files that the graph can be had as. */
import './export.css';
import type { JSX } from 'preact';
import { apiUrl } from '../ask';
import { momentText } from '../model/url';
import { pictureOf } from '../star/picture';
import { download } from './download';
import type { AppState } from './state';

const FILES: readonly [string, string][] = [
  ['svg', 'SVG picture'], ['dot', 'DOT, for Graphviz'], ['json', 'JSON, the whole answer'], ['csv', 'CSV, one call a line'], ['mermaid', 'Mermaid'], ['graphml', 'GraphML'],
];

/** The filters that the server knows, of the picture shown. */
export function selection(state: AppState): Record<string, string> {
  const { part, focus } = state.url.value;
  const w = state.window.value;
  const near = focus !== '' && part.hops > 0 && part.to === '';
  return {
    ...(w === null ? { from: '-1h', to: 'now' } : { from: momentText(w.fromMs), to: momentText(w.toMs) }),
    namespace: part.namespace, environment: part.environment, kind: part.kind,
    ...(near ? { focus, hops: String(part.hops), direction: part.direction } : {}),
  };
}

async function savePicture(state: AppState): Promise<void> {
  const canvas = document.querySelector<HTMLCanvasElement>('.star > canvas');
  const overlay = document.querySelector<HTMLElement>('.star > .overlay');
  if (canvas === null || overlay === null || state.draw === null) return;
  const blob = await pictureOf(canvas, overlay, state.draw);
  if (blob !== null) download('graph.png', blob);
}

export function ExportMenu({ state, close }: { state: AppState; close: () => void }): JSX.Element {
  state.structure.value;
  const { view, part } = state.url.value;
  const query = selection(state);
  const drawn = (view === 'star' || view === 'force') && state.noStar.value === '';
  const unknown = part.minErrors > 0 || part.minRate > 0 || part.failing || part.noInferred || part.team !== '' || part.to !== '';
  return (
    <div class="menu-list">
      <ul>
        <li><button type="button" disabled={!drawn} onClick={() => { void savePicture(state); close(); }}>PNG of the picture{!drawn && <span class="sub">in Star and Force</span>}</button></li>
        {FILES.map(([format, name]) => (
          <li key={format}><a href={apiUrl('v1/export', { format, ...query, ...(format === 'svg' && view === 'star' ? { layout: 'star' } : {}) })} download onClick={close}>{name}</a></li>
        ))}
      </ul>
      <p class="sub">{unknown ? 'Files follow time, namespace, environment, kind and hops. The other filters are not applied to them.' : 'With the time and the filters of the picture.'}</p>
    </div>
  );
}
