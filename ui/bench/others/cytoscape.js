/** The fleet in cytoscape.js on its canvas, without names, which it would draw slower. */
import cytoscape from 'cytoscape';

const data = await (await fetch('fleet.json')).json();
const container = document.getElementById('graph');
let cy = null;
let lit = false;

function open() {
  cy = cytoscape({
    container,
    elements: [
      ...data.nodes.map((n) => ({ group: 'nodes', data: { id: String(n.id), size: n.size * 2, color: n.color }, position: { x: n.x, y: n.y } })),
      ...data.edges.map(([from, to], i) => ({ group: 'edges', data: { id: `e${i}`, source: String(from), target: String(to) } })),
    ],
    style: [
      { selector: 'node', style: { width: 'data(size)', height: 'data(size)', 'background-color': 'data(color)' } },
      { selector: 'edge', style: { width: 0.5, 'line-color': '#3b5a78' } },
      { selector: '.dim', style: { opacity: 0.16 } },
      { selector: 'edge.lit', style: { 'line-color': '#ffb03c' } },
    ],
    layout: { name: 'preset' },
  });
  cy.on('mouseover', 'node', (e) => cy.batch(() => {
    const near = e.target.closedNeighborhood();
    cy.elements().not(near).addClass('dim');
    near.edges().addClass('lit');
    lit = true;
  }));
  cy.on('mouseout', 'node', () => cy.batch(() => {
    cy.elements().removeClass('dim lit');
    lit = false;
  }));
}

/** Where the i-th busiest service is on the screen. */
function placeOf(i) {
  return cy.getElementById(String(data.busiest[i].id)).renderedPosition();
}

/** All in sight. */
function reset() {
  cy.fit();
}

window.bench = { open, placeOf, reset, lit: () => lit };
