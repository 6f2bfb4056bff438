/** The layout, off the main thread. One request, one answer, in order. */
import { layoutStar, type StarInput, type StarLayout } from './star';

export interface LayoutRequest {
  serial: number;
  input: StarInput;
}

export interface LayoutAnswer {
  serial: number;
  layout: StarLayout;
}

addEventListener('message', (event: MessageEvent<LayoutRequest>) => {
  const { serial, input } = event.data;
  const layout = layoutStar(input);
  const answer: LayoutAnswer = { serial, layout };
  postMessage(answer, {
    transfer: [layout.x, layout.y, layout.row, layout.gate, layout.room, layout.gates, layout.arcs].map((a) => a.buffer),
  });
});
