/** The fleet in sigma.js, with the highlight on hover that its documentation shows. */
import { DirectedGraph } from 'graphology';
import Sigma from 'sigma';

const GREY = '#23272f';
const data = await (await fetch('fleet.json')).json();
const container = document.getElementById('graph');
let renderer = null;

function open() {
  const graph = new DirectedGraph();
  for (const { id, ...node } of data.nodes) graph.addNode(String(id), node);
  for (const [from, to] of data.edges) graph.addDirectedEdge(String(from), String(to), { size: 0.5, color: '#3b5a78' });
  renderer = new Sigma(graph, container, {
    customNodeState: { isActive: false }, customEdgeState: { isActive: false }, customGraphState: { hasActive: false },
    styles: {
      nodes: [
        { color: { attribute: 'color' }, size: { attribute: 'size' }, label: { attribute: 'label' } },
        { when: (_, state, all) => all.hasActive && !state.isActive && !state.isHovered, then: { color: GREY, label: '' } },
      ],
      edges: [
        { color: { attribute: 'color' }, size: { attribute: 'size' } },
        { when: (_, state, all) => all.hasActive && !state.isActive, then: { color: GREY } },
        { whenState: 'isActive', then: { color: '#ffb03c' } },
      ],
    },
  });
  let lit = { nodes: [], edges: [] };
  const light = (nodes, edges, on) => {
    renderer.setNodesState(nodes, { isActive: on });
    renderer.setEdgesState(edges, { isActive: on });
  };
  renderer.on('enterNode', ({ node }) => {
    light(lit.nodes, lit.edges, false);
    lit = { nodes: [node, ...graph.neighbors(node)], edges: graph.edges(node) };
    light(lit.nodes, lit.edges, true);
    renderer.setGraphState({ hasActive: true });
  });
  renderer.on('leaveNode', () => {
    light(lit.nodes, lit.edges, false);
    lit = { nodes: [], edges: [] };
    renderer.setGraphState({ hasActive: false });
  });
}

/** Where the i-th busiest service is on the screen. */
function placeOf(i) {
  const { x, y } = data.busiest[i];
  return renderer.graphToViewport({ x, y });
}

/** All in sight, at rest. */
function reset() {
  renderer.getCamera().setState({ x: 0.5, y: 0.5, angle: 0, ratio: 1 });
}

window.bench = { open, placeOf, reset, lit: () => renderer.getGraphState().hasActive };
