/**
 * The layouts, off the main thread. One request, one answer, in order; a long one
 * tells how far it is. What the first picture does without is loaded when it is
 * asked for.
 */
import type { CommunityInput } from './communities';
import type { ForceInput, ForceLayout } from './force';
import { layoutStar, type StarInput, type StarLayout } from './star';

export type LayoutRequest =
  | { kind: 'star'; input: StarInput }
  | { kind: 'force'; input: ForceInput }
  | { kind: 'communities'; input: CommunityInput };

export type LayoutAnswer =
  | { kind: 'star'; layout: StarLayout }
  | { kind: 'force'; layout: ForceLayout }
  /** For each slot the slot of its community's head. */
  | { kind: 'communities'; heads: Uint32Array<ArrayBuffer> }
  /** The share of a force layout that is done. */
  | { kind: 'progress'; share: number };

function answer(a: LayoutAnswer, arrays: ArrayBufferView[]): void {
  postMessage(a, { transfer: arrays.map((v) => v.buffer) });
}

async function handle(request: LayoutRequest): Promise<void> {
  if (request.kind === 'star') {
    const layout = layoutStar(request.input);
    answer({ kind: 'star', layout }, [layout.x, layout.y, layout.row, layout.gate, layout.room, layout.gates, layout.arcs]);
    return;
  }
  if (request.kind === 'communities') {
    const { communitiesOf } = await import('./communities');
    const heads = communitiesOf(request.input);
    answer({ kind: 'communities', heads }, [heads]);
    return;
  }
  const { layoutForce } = await import('./force');
  const layout = layoutForce(request.input, (share) => answer({ kind: 'progress', share }, []));
  answer({ kind: 'force', layout }, [layout.x, layout.y]);
}

addEventListener('message', (event: MessageEvent<LayoutRequest>) => {
  // A failure is for the page to tell, as an error of the worker.
  handle(event.data).catch((e: unknown) => setTimeout(() => { throw e; }));
});
