/** Stands between the browser and the server: strips a path prefix, and cuts WebSockets. */
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export class Proxy {
  private readonly server: Server;
  private readonly sockets = new Set<Duplex>();
  /** WebSockets opened so far. */
  opened = 0;

  constructor(private readonly target: string, private readonly prefix = '/') {
    this.server = createServer((req, res) => {
      const path = this.path(req);
      if (path === null) return void res.writeHead(404).end();
      const forward = request({ host: this.host, port: this.port, path, method: req.method, headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      });
      forward.on('error', () => res.destroy());
      req.pipe(forward);
    });
    this.server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => this.upgrade(req, socket, head));
  }

  private get host(): string { return this.target.split(':')[0]; }
  private get port(): number { return Number(this.target.split(':')[1]); }

  private path(req: IncomingMessage): string | null {
    const url = req.url ?? '/';
    return url.startsWith(this.prefix) ? `/${url.slice(this.prefix.length)}` : null;
  }

  private upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = this.path(req);
    if (path === null) return void socket.destroy();
    const up: Socket = connect(this.port, this.host, () => {
      const headers = req.rawHeaders.flatMap((v, i) => (i % 2 === 0 ? [`${v}: ${req.rawHeaders[i + 1]}`] : []));
      up.write(`${req.method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      up.write(head);
      up.pipe(socket);
      socket.pipe(up);
    });
    this.opened++;
    this.sockets.add(socket);
    const end = (): void => {
      this.sockets.delete(socket);
      socket.destroy();
      up.destroy();
    };
    for (const s of [socket, up]) s.on('error', end).on('close', end);
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${this.prefix}`;
  }

  /** Cuts every WebSocket, as a broken cable does. */
  cut(): void {
    for (const s of this.sockets) s.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.closeAllConnections();
    await new Promise<void>((done) => this.server.close(() => done()));
  }
}
