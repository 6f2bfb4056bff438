/** Asks the worker for layouts: one at a time, and only the newest of those that wait. */
import workerUrl from './layout/worker?worker&url';
import type { LayoutAnswer, LayoutRequest } from './layout/worker';
import type { StarInput, StarLayout } from './layout/star';

interface TrustedScriptUrls {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** The page runs under Trusted Types; the one script it starts itself is the worker. */
function trusted(url: string): string {
  const types = (window as { trustedTypes?: TrustedScriptUrls }).trustedTypes;
  if (types === undefined) return url;
  const policy = types.createPolicy('graphctl-worker', {
    createScriptURL(u) {
      if (u !== url) throw new TypeError('not the layout worker');
      return u;
    },
  });
  return policy.createScriptURL(url);
}

export class Layouter {
  private readonly worker: Worker;
  private serial = 0;
  private running = false;
  private waiting: StarInput | null = null;

  constructor(private readonly done: (layout: StarLayout) => void, failed: (why: string) => void) {
    this.worker = new Worker(trusted(workerUrl), { type: 'module' });
    this.worker.addEventListener('message', (e: MessageEvent<LayoutAnswer>) => this.answer(e.data));
    this.worker.addEventListener('error', (e) => failed(e.message || 'the layout worker could not be started'));
  }

  request(input: StarInput): void {
    if (this.running) {
      this.waiting = input;
      return;
    }
    this.running = true;
    const message: LayoutRequest = { serial: ++this.serial, input };
    const arrays = [input.alive, input.group, input.bucket, input.nameRank, input.from, input.to, input.groupParent, input.groupHue];
    this.worker.postMessage(message, arrays.map((a) => a.buffer));
  }

  private answer(a: LayoutAnswer): void {
    this.running = false;
    const next = this.waiting;
    this.waiting = null;
    if (next !== null) this.request(next);
    else this.done(a.layout);
  }
}
