/** The real binary, on free ports, in a directory of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BINARY = new URL('../../bin/graphctl', import.meta.url).pathname;
const PATIENCE = 30_000;

export class Server {
  web = '';
  http = '';
  private grpc = '';
  private child: ChildProcess | null = null;
  private log = '';
  readonly data = mkdtempSync(join(tmpdir(), 'graphctl-e2e-'));

  /** Starts the server, again on the ports that it had. */
  async start(flags: readonly string[] = []): Promise<void> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run "make build"`);
    const at = (address: string) => (address === '' ? '127.0.0.1:0' : address);
    const child = spawn(BINARY, ['serve', '--data', this.data, '--listen', at(this.web), '--otlp-http', at(this.http), '--otlp-grpc', at(this.grpc), ...flags],
      { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    this.log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { this.log += text; });
    const find = (pattern: RegExp) => pattern.exec(this.log)?.[1] ?? '';
    await this.until(() => {
      this.grpc = find(/otlp\/grpc on (\S+)/) || this.grpc;
      this.http = find(/otlp\/http on (\S+)/) || this.http;
      this.web = find(/web on http:\/\/(\S+)/) || this.web;
      return /web on/.test(this.log);
    });
    await this.until(async () => {
      try {
        return (await fetch(`${this.url}readyz`)).ok;
      } catch {
        return false;
      }
    });
  }

  get url(): string { return `http://${this.web}/`; }

  /** Ends the server with a signal and waits for it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.child;
    if (child === null) return;
    this.child = null;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.data, { recursive: true, force: true });
  }

  /** Sends an OTLP/JSON request. */
  async send(body: string): Promise<void> {
    const res = await fetch(`http://${this.http}/v1/traces`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    if (!res.ok) throw new Error(`OTLP: ${res.status} ${await res.text()}`);
  }

  async graph(): Promise<{ nodes: { id: string }[]; edges: { from: string; to: string; calls: number }[] }> {
    return (await fetch(`${this.url}api/v1/graph`)).json() as ReturnType<Server['graph']>;
  }

  private async until(done: () => boolean | Promise<boolean>): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (!(await done())) {
      if (Date.now() > end || (this.child !== null && this.child.exitCode !== null)) throw new Error(`graphctl does not start:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The real binary with the sample company beside it. */
export class Demo {
  url = '';
  private child: ChildProcess | null = null;

  async start(): Promise<void> {
    const child = spawn(BINARY, ['demo', '--listen', '127.0.0.1:0', '--otlp-http', '127.0.0.1:0', '--otlp-grpc', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text; });
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the demo does not start:\n${log}`)));
      child.stderr.on('data', () => {
        this.url = /page is at (\S+)/.exec(log)?.[1] ?? '';
        if (this.url !== '' && log.includes('company: ready')) resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const child = this.child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
}

let last = 0;

/** An OTLP/JSON request with one answered call. */
export function call(from: string, to: string, namespace = 'shop', failed = false): string {
  const n = ++last;
  const hex = (v: number, digits: number) => v.toString(16).padStart(digits, '0');
  const now = BigInt(Date.now()) * 1_000_000n;
  const resource = (service: string) => ({
    attributes: [
      { key: 'service.name', value: { stringValue: service } },
      { key: 'service.namespace', value: { stringValue: namespace } },
    ],
  });
  const span = (id: number, parent: number, kind: number) => ({
    traceId: hex(n, 32), spanId: hex(id, 16), parentSpanId: hex(parent, 16), kind, name: 'op',
    startTimeUnixNano: String(now), endTimeUnixNano: String(now + 5_000_000n),
    status: failed ? { code: 2 } : {},
  });
  return JSON.stringify({
    resourceSpans: [
      { resource: resource(from), scopeSpans: [{ spans: [span(2 * n, 0, 3)] }] },
      { resource: resource(to), scopeSpans: [{ spans: [span(2 * n + 1, 2 * n, 2)] }] },
    ],
  });
}

/** An OTLP/JSON request with work that a service does by itself. */
export function work(service: string): string {
  const n = String(++last).padStart(16, '0');
  const now = String(BigInt(Date.now()) * 1_000_000n);
  const span = { traceId: n + n, spanId: n, kind: 1, name: 'tidy up', startTimeUnixNano: now, endTimeUnixNano: now };
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] }, scopeSpans: [{ spans: [span] }] }] });
}
