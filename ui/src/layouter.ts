/** Asks the worker for layouts: one at a time, and only the newest of each kind that waits. */
import workerUrl from './layout/worker?worker&url';
import type { LayoutAnswer, LayoutRequest } from './layout/worker';
import type { CommunityInput } from './layout/communities';
import type { ForceInput, ForceLayout } from './layout/force';
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

export interface Layouts {
  star(layout: StarLayout): void;
  force(layout: ForceLayout): void;
  /** For each slot the slot of its community's head. */
  communities(heads: Uint32Array): void;
  /** The share of a force layout that is done. */
  progress(share: number): void;
  failed(why: string): void;
}

export class Layouter {
  private readonly worker: Worker;
  private running: LayoutRequest['kind'] | null = null;
  private readonly waiting: { star: StarInput | null; force: ForceInput | null; communities: CommunityInput | null } = { star: null, force: null, communities: null };

  constructor(private readonly done: Layouts) {
    this.worker = new Worker(trusted(workerUrl), { type: 'module' });
    this.worker.addEventListener('message', (e: MessageEvent<LayoutAnswer>) => this.answer(e.data));
    this.worker.addEventListener('error', (e) => done.failed(e.message || 'the layout worker could not be started'));
  }

  star(input: StarInput): void {
    this.waiting.star = input;
    this.next();
  }

  force(input: ForceInput): void {
    this.waiting.force = input;
    this.next();
  }

  communities(input: CommunityInput): void {
    this.waiting.communities = input;
    this.next();
  }

  /** A request for forces that has not begun is given up. */
  forgetForce(): void {
    this.waiting.force = null;
  }

  private next(): void {
    if (this.running !== null) return;
    const { star, force, communities } = this.waiting;
    if (communities !== null) {
      this.waiting.communities = null;
      this.send({ kind: 'communities', input: communities }, [communities.alive, communities.kind, communities.nameRank, communities.from, communities.to]);
    } else if (star !== null) {
      this.waiting.star = null;
      this.send({ kind: 'star', input: star }, [star.alive, star.group, star.bucket, star.nameRank, star.from, star.to, star.groupParent, star.groupHue]);
    } else if (force !== null) {
      this.waiting.force = null;
      this.send({ kind: 'force', input: force }, [force.alive, force.kind, force.group, force.x, force.y, force.from, force.to]);
    }
  }

  private send(request: LayoutRequest, arrays: ArrayBufferView[]): void {
    this.running = request.kind;
    this.worker.postMessage(request, arrays.map((a) => a.buffer));
  }

  private answer(a: LayoutAnswer): void {
    if (a.kind === 'progress') {
      this.done.progress(a.share);
      return;
    }
    this.running = null;
    // An answer to a question that has been asked anew meanwhile is of no use.
    if (this.waiting[a.kind] === null) {
      if (a.kind === 'star') this.done.star(a.layout);
      else if (a.kind === 'force') this.done.force(a.layout);
      else this.done.communities(a.heads);
    }
    this.next();
  }
}
