/**
 * Where the cards of the Layers view stand and how its ribbons run. Pure
 * geometry in pixels: columns from left to right, calls from right sides to
 * left sides. A call that passes a column has a narrow place kept in it.
 */

export interface LayerEdge {
  /** The call's slot, given back. */
  call: number;
  from: number;
  to: number;
}

export interface LayerInput {
  /** Slots by column. */
  columns: readonly (readonly number[])[];
  /** For each column whether a button stands below its cards. */
  more: readonly boolean[];
  edges: readonly LayerEdge[];
  width: number;
  height: number;
  /** A corner at the bottom left that columns keep out of. */
  corner: { width: number; height: number };
}

export interface CardPlace {
  slot: number;
  column: number;
  /** Left and middle. */
  x: number;
  y: number;
}

export interface Route {
  call: number;
  from: number;
  to: number;
  /** forward: to a later column; side: within one; back: to an earlier one; self: to itself. */
  kind: 'forward' | 'side' | 'back' | 'self';
  d: string;
  /** Between neighbouring columns. */
  direct: boolean;
  /** Places for a label, the best first. */
  spots: readonly (readonly [number, number])[];
  /** From and to, for the gradient. */
  x1: number;
  x2: number;
}

export interface LayerLayout {
  cardWidth: number;
  /** Left of each column. */
  columns: number[];
  cards: CardPlace[];
  /** Middle of the button below each column, or −1. */
  more: number[];
  routes: Route[];
  width: number;
  height: number;
}

export const CARD_HEIGHT = 48;
/** Kept free at the sides; at the top for the headings, and at the bottom. */
const SIDE = 36;
const TOP = 62;
const BOTTOM = 62;
const MIN_PITCH = 60;
const MAX_PITCH = 108;
const PASS_HEIGHT = 20;
const MIN_CARD = 148;
const MAX_CARD = 212;
const MIN_GAP = 58;
/** With so much between them labels fit beside cards; cards give up width for it, but not below this. */
const GAP = 84;
const FAIR_CARD = 160;
const MORE_HEIGHT = 44;
const SWEEPS = 10;
const SETTLE = 14;
/** The ends of ribbons at a card spread over this much of its side. */
const PORTS = 26;

interface Node {
  /** Slot of a service, or −1 for the passage of a call. */
  slot: number;
  column: number;
  y: number;
  height: number;
  left: Node[];
  right: Node[];
}

interface Chain {
  edge: LayerEdge;
  nodes: Node[];
}

interface Net {
  columns: Node[][];
  chains: Chain[];
  bySlot: Map<number, Node>;
}

function netOf(input: LayerInput): Net {
  const bySlot = new Map<number, Node>();
  const columns: Node[][] = input.columns.map((slots, column) => slots.map((slot) => {
    const node: Node = { slot, column, y: 0, height: MIN_PITCH, left: [], right: [] };
    bySlot.set(slot, node);
    return node;
  }));
  const chains: Chain[] = [];
  for (const edge of input.edges) {
    const a = bySlot.get(edge.from);
    const b = bySlot.get(edge.to);
    if (a === undefined || b === undefined || b.column <= a.column) continue;
    const nodes = [a];
    for (let column = a.column + 1; column < b.column; column++) {
      const node: Node = { slot: -1, column, y: 0, height: PASS_HEIGHT, left: [], right: [] };
      columns[column].push(node);
      nodes.push(node);
    }
    nodes.push(b);
    for (let i = 1; i < nodes.length; i++) {
      nodes[i - 1].right.push(nodes[i]);
      nodes[i].left.push(nodes[i - 1]);
    }
    chains.push({ edge, nodes });
  }
  return { columns, chains, bySlot };
}

function crossings(columns: readonly Node[][]): number {
  let total = 0;
  columns.forEach((list, column) => {
    const ends: [number, number][] = [];
    const next = new Map((columns[column + 1] ?? []).map((n, i) => [n, i]));
    list.forEach((n, i) => n.right.forEach((r) => ends.push([i, next.get(r) ?? 0])));
    for (let i = 0; i < ends.length; i++) {
      for (let j = i + 1; j < ends.length; j++) if ((ends[i][0] - ends[j][0]) * (ends[i][1] - ends[j][1]) < 0) total++;
    }
  });
  return total;
}

/** Beyond this many segments between columns crossings are not counted; the last sweep stands. */
const MAX_COUNTED = 500;

/** Puts the columns in an order with few crossings: each node to the middle of its neighbours, to and fro. */
function order(net: Net): void {
  const counted = net.chains.reduce((n, c) => n + c.nodes.length - 1, 0) <= MAX_COUNTED;
  let best = counted ? crossings(net.columns) : Infinity;
  let kept = net.columns.map((l) => [...l]);
  for (let sweep = 0; sweep < SWEEPS && best > 0; sweep++) {
    const forth = sweep % 2 === 0;
    const indices = net.columns.map((_, i) => (forth ? i : net.columns.length - 1 - i)).slice(1);
    for (const i of indices) {
      const near = new Map(net.columns[forth ? i - 1 : i + 1].map((n, k) => [n, k]));
      const key = new Map(net.columns[i].map((n, k) => {
        const others = forth ? n.left : n.right;
        return [n, others.length === 0 ? k : others.reduce((sum, o) => sum + (near.get(o) ?? 0), 0) / others.length];
      }));
      net.columns[i].sort((a, b) => (key.get(a) ?? 0) - (key.get(b) ?? 0));
    }
    const now = counted ? crossings(net.columns) : best;
    if (now < best || !counted) {
      best = now;
      kept = net.columns.map((l) => [...l]);
    }
  }
  net.columns.forEach((l, i) => l.splice(0, l.length, ...kept[i]));
}

/**
 * spread places items of the given heights in order, as near as can be to
 * where each wants its middle, without overlap and within [low, high].
 */
export function spread(wanted: readonly number[], heights: readonly number[], low: number, high: number): number[] {
  const offset: number[] = [];
  let at = 0;
  heights.forEach((h) => {
    offset.push(at + h / 2);
    at += h;
  });
  // Least squares with y rising: neighbours out of order are pooled to their mean.
  const pools: { sum: number; n: number }[] = [];
  wanted.forEach((w, i) => {
    let pool = { sum: w - offset[i], n: 1 };
    for (let last = pools.at(-1); last !== undefined && last.sum / last.n >= pool.sum / pool.n; last = pools.at(-1)) {
      pool = { sum: pool.sum + last.sum, n: pool.n + last.n };
      pools.pop();
    }
    pools.push(pool);
  });
  const most = Math.max(low, high - at);
  const out: number[] = [];
  for (const p of pools) {
    const y = Math.max(low, Math.min(most, p.sum / p.n));
    for (let k = 0; k < p.n; k++) out.push(y + offset[out.length]);
  }
  return out;
}

/** What is kept free below the nodes of a column. */
function below(input: LayerInput, frame: Frame, i: number): number {
  return (input.more[i] ? MORE_HEIGHT : 0) + (frame.x[i] < input.corner.width ? Math.max(0, input.corner.height - BOTTOM) : 0);
}

/** Gives every node its height in its column: cards share the free space up to a bound. */
function heights(net: Net, input: LayerInput, frame: Frame): number {
  const free = input.height - TOP - BOTTOM;
  let pitch = MAX_PITCH;
  net.columns.forEach((list, i) => {
    const cards = list.filter((n) => n.slot >= 0).length;
    const rest = (list.length - cards) * PASS_HEIGHT + below(input, frame, i);
    if (cards > 0) pitch = Math.min(pitch, (free - rest) / cards);
  });
  pitch = Math.max(MIN_PITCH, pitch);
  for (const list of net.columns) for (const n of list) if (n.slot >= 0) n.height = pitch;
  const tallest = net.columns.map((list, i) => list.reduce((sum, n) => sum + n.height, 0) + below(input, frame, i));
  return Math.max(free, ...tallest);
}

function settle(net: Net, input: LayerInput, frame: Frame): number {
  const height = heights(net, input, frame);
  const bound = (i: number): number => TOP + height - below(input, frame, i);
  net.columns.forEach((list, i) => {
    const total = list.reduce((sum, n) => sum + n.height, 0);
    let y = TOP + (height - total - below(input, frame, i)) / 2;
    for (const n of list) {
      n.y = y + n.height / 2;
      y += n.height;
    }
  });
  const middle = TOP + height / 2;
  for (let pass = 0; pass < SETTLE; pass++) {
    const forth = pass % 2 === 0;
    const indices = net.columns.map((_, i) => (forth ? i : net.columns.length - 1 - i));
    for (const i of indices) {
      const wanted = net.columns[i].map((n) => {
        const near = [...n.left, ...n.right];
        // A pull to the middle keeps what hangs on one thread from drifting off.
        return near.length === 0 ? n.y : (near.reduce((sum, o) => sum + o.y, 0) + middle * 0.15) / (near.length + 0.15);
      });
      spread(wanted, net.columns[i].map((n) => n.height), TOP, bound(i)).forEach((y, k) => { net.columns[i][k].y = y; });
    }
  }
  centre(net, bound);
  return height;
}

/** Moves all so that what is free above and below is the same, as far as every column has room. */
function centre(net: Net, bound: (i: number) => number): void {
  let above = Infinity;
  let free = Infinity;
  net.columns.forEach((list, i) => list.forEach((n) => {
    above = Math.min(above, n.y - n.height / 2 - TOP);
    free = Math.min(free, bound(i) - n.y - n.height / 2);
  }));
  for (const n of net.columns.flat()) n.y += (free - above) / 2;
}

const f = (n: number): string => n.toFixed(1);

interface Frame {
  x: number[];
  cardWidth: number;
}

/** The height at which a ribbon leaves or reaches a card, by the order of the other ends. */
function ports(chains: readonly Chain[], side: 'out' | 'in'): Map<LayerEdge, number> {
  const byCard = new Map<Node, { edge: LayerEdge; other: number }[]>();
  for (const { edge, nodes } of chains) {
    const card = side === 'out' ? nodes[0] : nodes[nodes.length - 1];
    const other = side === 'out' ? nodes[1] : nodes[nodes.length - 2];
    const list = byCard.get(card) ?? [];
    list.push({ edge, other: other.y });
    byCard.set(card, list);
  }
  const out = new Map<LayerEdge, number>();
  for (const [card, list] of byCard) {
    list.sort((a, b) => a.other - b.other || a.edge.call - b.edge.call);
    const step = Math.min(7, PORTS / Math.max(1, list.length - 1));
    list.forEach((p, i) => out.set(p.edge, card.y + (i - (list.length - 1) / 2) * step));
  }
  return out;
}

/** Labels stand in the middle of a ribbon, or where it has left the others of a card. */
const SPOTS = [0.5, 0.37, 0.63];

function forwardRoute(chain: Chain, frame: Frame, y1: number, y2: number): Route {
  const { edge, nodes } = chain;
  const x1 = frame.x[nodes[0].column] + frame.cardWidth;
  const x2 = frame.x[nodes[nodes.length - 1].column];
  let d = `M${f(x1)},${f(y1)}`;
  let x = x1;
  let y = y1;
  let spots: [number, number][] = [];
  const half = Math.floor((nodes.length - 1) / 2);
  for (let i = 1; i < nodes.length; i++) {
    const last = i === nodes.length - 1;
    const toX = frame.x[nodes[i].column];
    const toY = last ? y2 : nodes[i].y;
    const bend = (toX - x) * 0.5;
    if (i - 1 === half) spots = SPOTS.map((t) => [x + (toX - x) * (1.5 * t * (1 - t) + t ** 3), y + (toY - y) * t * t * (3 - 2 * t)]);
    d += `C${f(x + bend)},${f(y)} ${f(toX - bend)},${f(toY)} ${f(toX)},${f(toY)}`;
    x = toX;
    y = toY;
    if (last) break;
    x += frame.cardWidth;
    d += `H${f(x)}`;
  }
  return { call: edge.call, from: edge.from, to: edge.to, kind: 'forward', direct: nodes.length === 2, d, spots, x1, x2 };
}

/** How far loops reach out beside and under the cards. */
const LOOP_OUT = 26;
const SIDE_OUT = 16;
const LOOP_DOWN = 13;
const LOOP_STEP = 7;
const LOOPS = 4;

function otherRoute(edge: LayerEdge, a: Node, b: Node, frame: Frame, nth: number): Route {
  const base = { call: edge.call, from: edge.from, to: edge.to, direct: false };
  const right = frame.x[a.column] + frame.cardWidth;
  const left = frame.x[b.column];
  const lane = (nth % LOOPS) * LOOP_STEP;
  if (a === b) {
    const y = a.y + CARD_HEIGHT / 2;
    const x = right - 22;
    const low = y + LOOP_DOWN + 5;
    return { ...base, kind: 'self', d: `M${f(x)},${f(y)}C${f(x)},${f(low)} ${f(x - 44)},${f(low)} ${f(x - 44)},${f(y)}`, spots: [[x - 22, low]], x1: x, x2: x - 44 };
  }
  if (a.column === b.column) {
    const out = right + SIDE_OUT + Math.min(SIDE_OUT, Math.abs(a.y - b.y) * 0.06) + lane * 0.5;
    const y1 = a.y + (a.y < b.y ? 12 : -12);
    const y2 = b.y + (a.y < b.y ? -12 : 12);
    return { ...base, kind: 'side', d: `M${f(right)},${f(y1)}C${f(out)},${f(y1)} ${f(out)},${f(y2)} ${f(right)},${f(y2)}`, spots: [[right + (out - right) * 0.75, (y1 + y2) / 2]], x1: right, x2: out };
  }
  const low = Math.max(a.y, b.y) + CARD_HEIGHT / 2 + LOOP_DOWN + lane;
  const rx = right + LOOP_OUT + lane * 0.5;
  const lx = left - LOOP_OUT - lane * 0.5;
  const y1 = a.y + 14;
  const y2 = b.y + 14;
  const d = `M${f(right)},${f(y1)}C${f(rx)},${f(y1)} ${f(rx)},${f(low)} ${f(right - 18)},${f(low)}L${f(left + 18)},${f(low)}C${f(lx)},${f(low)} ${f(lx)},${f(y2)} ${f(left)},${f(y2)}`;
  return { ...base, kind: 'back', d, spots: [[(right + left) / 2, low]], x1: right, x2: left };
}

function frameOf(input: LayerInput): Frame {
  const n = Math.max(1, input.columns.length);
  const free = input.width - 2 * SIDE;
  const wide = (free - GAP * (n - 1)) / n;
  const cardWidth = Math.floor(Math.max(MIN_CARD, Math.min(MAX_CARD, wide >= FAIR_CARD ? wide : Math.min(FAIR_CARD, (free - MIN_GAP * (n - 1)) / n))));
  const pitch = n === 1 ? 0 : Math.max(cardWidth + MIN_GAP, Math.min(cardWidth * 2.1, (free - cardWidth) / (n - 1)));
  const start = Math.max(SIDE, (input.width - pitch * (n - 1) - cardWidth) / 2);
  return { cardWidth, x: input.columns.map((_, i) => Math.round(start + pitch * i)) };
}

/** placeLayers places cards and ribbons. Deterministic. */
export function placeLayers(input: LayerInput): LayerLayout {
  const frame = frameOf(input);
  const net = netOf(input);
  order(net);
  const height = settle(net, input, frame);
  const out = ports(net.chains, 'out');
  const into = ports(net.chains, 'in');
  const routes = net.chains.map((c) => forwardRoute(c, frame, out.get(c.edge) ?? 0, into.get(c.edge) ?? 0));
  let loops = 0;
  for (const edge of input.edges) {
    const a = net.bySlot.get(edge.from);
    const b = net.bySlot.get(edge.to);
    if (a !== undefined && b !== undefined && b.column <= a.column) routes.push(otherRoute(edge, a, b, frame, loops++));
  }
  const cards: CardPlace[] = [];
  net.columns.forEach((list, column) => list.forEach((n) => {
    if (n.slot >= 0) cards.push({ slot: n.slot, column, x: frame.x[column], y: n.y });
  }));
  const more = net.columns.map((list, i) => (input.more[i] ? Math.max(TOP, ...list.map((n) => n.y + n.height / 2)) + MORE_HEIGHT / 2 - 4 : -1));
  const last = frame.x[frame.x.length - 1] ?? 0;
  return { cardWidth: frame.cardWidth, columns: frame.x, cards, more, routes, width: Math.max(input.width, last + frame.cardWidth + SIDE), height: TOP + height + BOTTOM };
}
