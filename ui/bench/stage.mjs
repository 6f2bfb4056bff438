/** Serves one fleet: to the page over the stream, in its binary form, and to the other libraries as JSON. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { WebSocketServer } from 'ws';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.woff2': 'font/woff2', '.svg': 'image/svg+xml' };
/** A page that shares nothing with others may measure its memory. */
const HEADERS = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp', 'cache-control': 'no-store' };
/** One call in so many changes in a delta. */
export const CHANGING = 5;
/** Rows in which the services of a group stand, for libraries that are given their places. */
const ROWS = 10;
/** Services that the pointer may be sent to. */
const BUSIEST = 20;
const BEAT_MS = 1000;
const EPOCH = 'bench';

/** The services on a ring, group beside group, in rows. */
function placed(fleet) {
  const order = fleet.services.map((s) => s.id).sort((a, b) => (fleet.services[a].namespace < fleet.services[b].namespace ? -1 : 1));
  const teams = [...new Set(fleet.services.map((s) => s.namespace))];
  const most = Math.max(...fleet.services.map((s) => s.rate));
  const nodes = [];
  order.forEach((id, i) => {
    const s = fleet.services[id];
    const angle = (2 * Math.PI * i) / order.length;
    const radius = 800 + (i % ROWS) * 20;
    nodes.push({
      id, label: s.label, x: Math.cos(angle) * radius, y: Math.sin(angle) * radius, size: 1.5 + 5 * (s.rate / most) ** 0.42,
      color: `hsl(${Math.round((360 * teams.indexOf(s.namespace)) / teams.length)}, 70%, 60%)`,
    });
  });
  return { nodes, busiest: nodes.toSorted((a, b) => b.size - a.size).slice(0, BUSIEST), edges: fleet.calls.map((c) => [c.from, c.to]) };
}

export class Stage {
  constructor(size, built) {
    this.built = built;
    this.fleet = built.fleetOf(size);
    this.services = this.fleet.services.length;
    this.calls = this.fleet.calls.length;
    this.seq = 1;
    this.socket = null;
    /** No empty deltas: those that count are sent by hand. */
    this.held = false;
    this.snapshot = this.encode({ type: 'snapshot', epoch: EPOCH, seq: 1, services: this.fleet.services, calls: this.fleet.calls });
    this.json = JSON.stringify(placed(this.fleet));
    this.server = createServer((req, res) => void this.serve(req, res));
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'graphctl.v1' });
    this.server.on('upgrade', (req, socket, head) => sockets.handleUpgrade(req, socket, head, (s) => this.accept(s)));
  }

  async start() {
    await new Promise((done) => { this.server.listen(0, '127.0.0.1', done); });
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
  }

  async stop() {
    this.socket?.terminate();
    this.server.closeAllConnections();
    await new Promise((done) => { this.server.close(done); });
  }

  encode(message) {
    return Buffer.from(this.built.encodeBinary({ time_ms: this.built.EPOCH_MS + message.seq * 1000, lag_ms: 150, ...message }));
  }

  async serve(req, res) {
    const path = new URL(req.url, 'http://stage').pathname.slice(1);
    if (path === 'fleet.json') return void res.writeHead(200, { ...HEADERS, 'content-type': 'application/json' }).end(this.json);
    if (path === 'api/v1/status') return void res.writeHead(200, { ...HEADERS, 'content-type': 'application/json' }).end('{}');
    for (const folder of [this.built.page, this.built.others]) {
      const file = normalize(join(folder, path === '' ? 'index.html' : path));
      const body = await readFile(file).catch(() => null);
      if (body === null) continue;
      return void res.writeHead(200, { ...HEADERS, 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body);
    }
    res.writeHead(404, HEADERS).end();
  }

  accept(socket) {
    this.socket = socket;
    // A page takes a server that says nothing for long for gone.
    const beat = setInterval(() => { if (!this.held) this.send(this.encode({ type: 'delta', seq: ++this.seq, base: this.seq - 1 })); }, BEAT_MS);
    socket.on('close', () => clearInterval(beat));
    socket.send(JSON.stringify({
      type: 'hello', protocol: 1, version: 'graphctl bench', epoch: EPOCH, seq: 1, resolution_s: 1, window_s: 3600, rate_s: 60,
      server_time_ms: Date.now(), capabilities: ['resume', 'pause'], status: { lag_ms: 150, marks: [] },
    }));
    socket.on('message', (raw) => {
      // A page that the machine kept from its pings comes back with "resume", and gets everything anew.
      if (!['subscribe', 'resume'].includes(JSON.parse(String(raw)).type)) return;
      this.seq = 1;
      socket.send(this.snapshot);
    });
  }

  /** The next delta as bytes: every fifth call has another rate, and so have the services that they call. */
  delta() {
    const { services, calls } = this.fleet;
    this.seq++;
    const changed = calls.filter((c) => c.id % CHANGING === this.seq % CHANGING);
    const touched = new Set(changed.map((c) => c.to));
    const factor = this.seq % 2 === 0 ? 1.1 : 0.92;
    const row = ({ id, rate, error_rate, p50_ms, p99_ms }) => ({ id, rate: rate * factor, error_rate, p50_ms, p99_ms });
    return this.encode({
      type: 'delta', seq: this.seq, base: this.seq - 1,
      calls: changed.map((c) => ({ ...row(c), p95_ms: c.p95_ms, calls: c.calls + this.seq, errors: c.errors, last_seen_ms: c.last_seen_ms + this.seq * 1000 })),
      services: services.filter((s) => touched.has(s.id)).map(row),
    });
  }

  send(frame) {
    this.socket.send(frame);
  }
}
