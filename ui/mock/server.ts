/** A stand-in for the server: the page, the status and the stream, over a made-up fleet. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { encodeBinary, type DataMessage } from './encode';
import { EPOCH_MS, numbers, settle, type Fleet } from './fleet';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8',
};

/** The policy that the real server sets. */
export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
  + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

export interface MockOptions {
  fleet: Fleet;
  /** Directory with the built page. */
  dist: string;
  /** 0: any. */
  port?: number;
  /** Share of the calls that change in each delta. */
  churn?: number;
  /** Milliseconds between deltas; 0: none but those that tests send. */
  every?: number;
  /** Path under which everything lies, such as "/graph/". */
  prefix?: string;
}

interface Client {
  socket: WebSocket;
  binary: boolean;
  started: boolean;
  paused: boolean;
}

export class MockServer {
  private readonly http: Server;
  private readonly ws = new WebSocketServer({ noServer: true, handleProtocols: () => 'graphctl.v1' });
  private readonly clients = new Set<Client>();
  private readonly random = numbers(99);
  private timer: NodeJS.Timeout | null = null;
  private seq = 1;
  readonly epoch: string;
  /** What clients sent, for tests. */
  readonly received: string[] = [];
  url = '';

  constructor(private readonly options: MockOptions) {
    this.epoch = `mock-${Math.floor(Math.random() * 2 ** 40).toString(16)}`;
    this.http = createServer((req, res) => void this.serve(req, res));
    this.http.on('upgrade', (req, socket, head) => {
      const json = (req.url ?? '').includes('format=json');
      this.ws.handleUpgrade(req, socket, head, (client) => this.accept(client, !json));
    });
  }

  private get prefix(): string {
    return this.options.prefix ?? '/';
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.http.listen(this.options.port ?? 0, '127.0.0.1', done));
    const { port } = this.http.address() as AddressInfo;
    this.url = `http://127.0.0.1:${port}${this.prefix}`;
    const every = this.options.every ?? 1000;
    if (every > 0) this.timer = setInterval(() => this.tick(), every);
    return this.url;
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    for (const c of this.clients) c.socket.terminate();
    this.http.closeAllConnections();
    await new Promise<void>((done) => this.http.close(() => done()));
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = new URL(req.url ?? '/', 'http://mock').pathname;
    if (!path.startsWith(this.prefix)) return void res.writeHead(404).end();
    const rest = path.slice(this.prefix.length);
    if (rest === 'api/v1/status') {
      res.writeHead(200, { 'content-type': 'application/json' });
      return void res.end(JSON.stringify({ version: 'mock', ports: { otlp_grpc: '127.0.0.1:14317', otlp_http: '127.0.0.1:14318' } }));
    }
    const file = normalize(join(this.options.dist, rest === '' ? 'index.html' : rest));
    try {
      const body = await readFile(file);
      res.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': CSP, 'x-content-type-options': 'nosniff' });
      res.end(body);
    } catch {
      res.writeHead(404).end();
    }
  }

  private accept(socket: WebSocket, binary: boolean): void {
    const client: Client = { socket, binary, started: false, paused: false };
    this.clients.add(client);
    socket.on('close', () => this.clients.delete(client));
    socket.send(JSON.stringify({
      type: 'hello', protocol: 1, version: 'graphctl mock', epoch: this.epoch, seq: this.seq, resolution_s: 1, window_s: 3600, rate_s: 60,
      server_time_ms: Date.now(), capabilities: ['resume', 'pause'], status: { lag_ms: 180, marks: [] },
    }));
    const patience = setTimeout(() => this.snapshot(client), 250);
    socket.on('message', (raw) => {
      clearTimeout(patience);
      const text = String(raw);
      this.received.push(text);
      this.hear(client, JSON.parse(text) as { type: string; epoch?: string; seq?: number });
    });
  }

  private hear(client: Client, m: { type: string; epoch?: string; seq?: number }): void {
    if (m.type === 'pause') client.paused = true;
    if (m.type === 'ping') client.socket.send(JSON.stringify({ type: 'pong', time_ms: 0, server_time_ms: Date.now(), lag_ms: 100 }));
    if (m.type === 'subscribe') this.snapshot(client);
    if (m.type === 'resume') {
      client.paused = false;
      if (m.epoch !== this.epoch || m.seq !== this.seq) this.snapshot(client);
      else client.started = true;
    }
  }

  private now(): number {
    return EPOCH_MS + this.seq * 1000;
  }

  private snapshot(client: Client): void {
    client.started = true;
    const { services, calls } = this.options.fleet;
    this.send(client, { type: 'snapshot', epoch: this.epoch, seq: this.seq, time_ms: this.now(), lag_ms: 180, services, calls });
  }

  private send(client: Client, m: DataMessage): void {
    client.socket.send(client.binary ? Buffer.from(encodeBinary(m)) : JSON.stringify(m));
  }

  /** Sends a control message to all. */
  control(m: object): void {
    for (const c of this.clients) c.socket.send(JSON.stringify(m));
  }

  /** Cuts all connections, as a crash does. */
  cut(): void {
    for (const c of this.clients) c.socket.terminate();
  }

  /** Sends a delta to all that listen. */
  delta(change: Partial<DataMessage>): void {
    this.seq++;
    const m: DataMessage = { type: 'delta', seq: this.seq, base: this.seq - 1, time_ms: this.now(), lag_ms: 150, ...change };
    for (const c of this.clients) if (c.started && !c.paused) this.send(c, m);
  }

  private tick(): void {
    const { services, calls } = this.options.fleet;
    const share = this.options.churn ?? 0.2;
    const changed = calls.filter(() => this.random() < share);
    for (const c of changed) {
      c.rate = Math.max(0.02, c.rate * (0.94 + this.random() * 0.12));
      c.calls += Math.round(c.rate);
      c.last_seen_ms = this.now();
    }
    settle(this.options.fleet);
    const touched = new Set(changed.map((c) => c.to));
    this.delta({
      calls: changed.map((c) => ({ id: c.id, rate: c.rate, error_rate: c.error_rate, p50_ms: c.p50_ms, p95_ms: c.p95_ms, p99_ms: c.p99_ms, calls: c.calls, errors: c.errors, last_seen_ms: c.last_seen_ms })),
      services: services.filter((s) => touched.has(s.id)).map((s) => ({ id: s.id, rate: s.rate, error_rate: s.error_rate, p50_ms: s.p50_ms, p99_ms: s.p99_ms })),
    });
  }
}
