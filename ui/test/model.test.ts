import { describe, expect, it } from 'vitest';
import { encodeBinary, type DataMessage } from '../mock/encode';
import { EPOCH_MS, company, fleet, type Fleet } from '../mock/fleet';
import { decodeBinary } from '../src/model/binary';
import { FrameError, type DataFrame } from '../src/model/frame';
import { Graph, NONE, trafficBucket } from '../src/model/graph';
import { groupServices } from '../src/model/groups';
import { decodeText } from '../src/model/json';
import { PROTOCOL, Session, backoff } from '../src/model/session';

function snapshot(f: Fleet, seq = 1): DataMessage {
  return { type: 'snapshot', epoch: 'e1', seq, time_ms: EPOCH_MS, lag_ms: 12, services: f.services, calls: f.calls };
}

function viaJson(m: DataMessage): DataFrame {
  const frame = decodeText(JSON.stringify(m));
  if (frame === null || (frame.message !== 'snapshot' && frame.message !== 'delta')) throw new Error('no data frame');
  return frame;
}

function viaBinary(m: DataMessage): DataFrame {
  return decodeBinary(encodeBinary(m));
}

const delta: DataMessage = {
  type: 'delta', seq: 2, base: 1, time_ms: EPOCH_MS + 1000, lag_ms: 9,
  status: { lag_ms: 9, marks: [{ reason: 'late', text: 'spans came late', since_ms: 5 }] },
  services: [{ id: 3, rate: 7.5, error_rate: 0.25, p50_ms: 1, p99_ms: 2 }, { id: 90, name: 'shop/new ✨', namespace: 'shop', label: 'new ✨', kind: 'database', rate: 1, error_rate: 0 }],
  calls: [
    { id: 2, rate: 99, error_rate: 0.5, p50_ms: 1, p95_ms: 2, p99_ms: 3, calls: 1e12, errors: 4, last_seen_ms: EPOCH_MS + 900 },
    { id: 90, from: 3, to: 90, kind: 'database', rate: 0.25, error_rate: 0, calls: 1, errors: 0, first_seen_ms: EPOCH_MS, last_seen_ms: EPOCH_MS },
  ],
  removed_services: [13], removed_calls: [1],
};

describe('frames', () => {
  it('mean the same in both forms', () => {
    for (const m of [snapshot(company()), snapshot(fleet(120, 500, 9)), delta, { ...delta, services: [], calls: [] }]) {
      expect(viaBinary(m)).toEqual(viaJson(m));
    }
  });

  it('keep latencies that nobody timed apart from zero', () => {
    const frame = viaBinary(delta);
    expect(frame.services.p50[0]).toBeNaN();
    expect(frame.calls.p99[0]).toBeNaN();
  });

  it('are refused when they break the protocol', () => {
    const good = encodeBinary(delta);
    const broken = (change: (v: DataView) => void): ArrayBuffer => {
      const copy = good.slice(0);
      change(new DataView(copy));
      return copy;
    };
    const bad: [string, ArrayBuffer][] = [
      ['empty', new ArrayBuffer(0)],
      ['short', good.slice(0, 31)],
      ['cut', good.slice(0, good.byteLength - 8)],
      ['magic', broken((v) => v.setUint32(0, 7, true))],
      ['message', broken((v) => v.setUint8(4, 3))],
      ['directory too long', broken((v) => v.setUint16(6, 60000, true))],
      ['element type', broken((v) => v.setUint8(34, 4))],
      ['misaligned', broken((v) => v.setUint32(36, v.getUint32(36, true) + 1, true))],
      ['past the end', broken((v) => v.setUint32(40, 1e6, true))],
    ];
    for (const [name, buffer] of bad) expect(() => decodeBinary(buffer), name).toThrow(FrameError);
    for (const text of ['', '[]', '{}', '{"type":"delta"}', '{"type":"snapshot","seq":1,"calls":[{"id":-1,"from":0,"to":0}]}', '{"type":"delta","seq":1,"services":[1]}']) {
      expect(() => decodeText(text), text).toThrow(FrameError);
    }
  });

  it('never throw anything else on damaged bytes', () => {
    const good = new Uint8Array(encodeBinary(snapshot(company())));
    let random = 12345;
    for (let round = 0; round < 3000; round++) {
      const copy = good.slice();
      for (let k = 0; k < 3; k++) {
        random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
        copy[random % copy.length] = random >>> 24;
      }
      try {
        new Graph().apply(decodeBinary(copy.buffer));
      } catch (e) {
        if (!(e instanceof FrameError)) throw e;
      }
    }
  });

  it('of unknown types and unknown columns are passed over', () => {
    expect(decodeText('{"type":"weather","sun":true}')).toBeNull();
    const frame = encodeBinary(delta);
    const v = new DataView(frame);
    v.setUint16(32 + 12 * (v.getUint16(6, true) - 1), 9999, true);
    expect(decodeBinary(frame).removedCalls).toHaveLength(0);
  });
});

describe('Graph', () => {
  function applied(...messages: DataMessage[]): Graph {
    const g = new Graph();
    for (const m of messages) g.apply(viaBinary(m));
    return g;
  }

  it('holds what the frames say', () => {
    const g = applied(snapshot(company()), delta);
    expect(g.serviceCount).toBe(14);
    expect(g.find('api.psp.example')).toBe(NONE);
    const added = g.find('shop/new ✨');
    expect(g.services.label[added]).toBe('new ✨');
    // Call 1 and the call to the removed service are gone, one is new.
    expect(g.callCount).toBe(company().calls.length - 2 + 1);
    expect([...g.callsTo(added)].map((c) => g.services.name[g.calls.from[c]])).toEqual(['shop/cart']);
    const cart = g.find('shop/cart');
    expect(g.services.errorRate[cart]).toBe(0.25);
    expect(g.services.outRate[cart]).toBeCloseTo([...g.callsFrom(cart)].reduce((sum, c) => sum + g.calls.rate[c], 0), 3);
  });

  it('renames a service whose number is sent again with another name', () => {
    const g = applied(snapshot(company()), { type: 'delta', seq: 2, base: 1, time_ms: 0, lag_ms: 0, services: [{ ...company().services[0], name: 'service:x', label: 'x' }] });
    expect(g.find(company().services[0].name)).toBe(NONE);
    expect(g.services.label[g.find('service:x')]).toBe('x');
    expect(g.serviceCount).toBe(company().services.length);
  });

  it('is unmoved by a frame applied twice, or by unknown numbers', () => {
    const once = applied(snapshot(company()), delta);
    const twice = applied(snapshot(company()), delta, delta, { type: 'delta', seq: 3, base: 2, time_ms: 0, lag_ms: 0, removed_calls: [777], removed_services: [778], calls: [{ id: 779, rate: 1 }] });
    expect([...twice.callList()].map((c) => twice.calls.rate[c])).toEqual([...once.callList()].map((c) => once.calls.rate[c]));
    expect(twice.serviceCount).toBe(once.serviceCount);
  });

  it('starts anew with a snapshot', () => {
    const g = applied(snapshot(company()), snapshot(fleet(40, 90, 4), 5));
    expect(g.serviceCount).toBe(40);
    expect(g.find('shop/cart')).toBe(NONE);
  });

  it('agrees with a plain model over random deltas', () => {
    const all = fleet(60, 240, 6);
    const g = applied(snapshot(all));
    const services = new Set(all.services.map((s) => s.id));
    const calls = new Map(all.calls.map((c) => [c.id, { from: c.from, to: c.to, rate: Math.fround(c.rate) }]));
    let random = 1;
    const next = (n: number): number => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) % n;
    for (let seq = 2; seq < 120; seq++) {
      const gone = next(10) === 0 ? [next(60)] : [];
      const removed = [next(240)];
      const id = 1000 + seq;
      const [from, to] = [next(60), next(60)];
      g.apply(viaBinary({ type: 'delta', seq, base: seq - 1, time_ms: 0, lag_ms: 0, removed_services: gone, removed_calls: removed,
        calls: [{ id, from, to, kind: 'rpc', rate: seq, error_rate: 0, calls: 1, errors: 0 }, { id: next(240), rate: 3, error_rate: 0 }].slice(0, 1) }));
      for (const r of removed) calls.delete(r);
      for (const s of gone) {
        services.delete(s);
        for (const [k, c] of calls) if (c.from === s || c.to === s) calls.delete(k);
      }
      if (services.has(from) && services.has(to)) calls.set(id, { from, to, rate: seq });
      expect(g.callCount).toBe(calls.size);
      expect(g.serviceCount).toBe(services.size);
    }
    const got = [...g.callList()].map((c) => [g.calls.id[c], g.services.id[g.calls.from[c]], g.services.id[g.calls.to[c]], g.calls.rate[c]]).sort((a, b) => a[0] - b[0]);
    const want = [...calls].map(([k, c]) => [k, c.from, c.to, c.rate]).sort((a, b) => a[0] - b[0]);
    expect(got).toEqual(want);
    for (const s of g.serviceList()) {
      expect([...g.callsFrom(s)].every((c) => g.calls.from[c] === s)).toBe(true);
      expect([...g.callsTo(s)].every((c) => g.calls.to[c] === s)).toBe(true);
    }
  });
});

describe('trafficBucket', () => {
  it('keeps its value while the traffic wavers', () => {
    let bucket = trafficBucket(100, null);
    const first = bucket;
    for (const traffic of [80, 125, 70, 140, 100]) bucket = trafficBucket(traffic, bucket);
    expect(bucket).toBe(first);
    expect(trafficBucket(10_000, bucket)).toBeGreaterThan(first);
    expect(trafficBucket(0, bucket)).toBeLessThan(first);
  });
});

describe('groupServices', () => {
  it('keeps a namespace named like a kind apart from the kind', () => {
    const g = new Graph();
    g.apply(viaJson({ type: 'snapshot', epoch: 'e', seq: 1, time_ms: 0, lag_ms: 0, services: [
      { id: 0, name: 'databases/x', namespace: 'databases', label: 'x', kind: 'service' },
      { id: 1, name: 'pg', namespace: '', label: 'pg', kind: 'database' },
      { id: 2, name: 'services/y', namespace: 'services', label: 'y', kind: 'service' },
      { id: 3, name: 'z', namespace: '', label: 'z', kind: 'service' },
      { id: 4, name: '__proto__/__proto__', namespace: '__proto__', label: '__proto__', kind: 'service' },
    ] }));
    const { groups, of } = groupServices(g);
    expect(new Set(of).size).toBe(5);
    expect(groups).toHaveLength(5);
  });

  it('orders groups by parent and gives a parent one hue', () => {
    const g = new Graph();
    g.apply(viaJson(snapshot(fleet(400, 900, 40))));
    const { groups } = groupServices(g);
    const seen: string[] = [];
    for (const x of groups) {
      if (seen.at(-1) !== x.parent) {
        expect(seen).not.toContain(x.parent);
        seen.push(x.parent);
      }
      expect(x.hue).toBe(groups.find((y) => y.parent === x.parent)?.hue);
    }
  });
});

describe('Session', () => {
  const hello = { message: 'hello', protocol: PROTOCOL, version: '', epoch: 'e1', windowS: 3600, rateS: 60, serverTimeMs: 0, status: null } as const;
  const frame = (message: 'snapshot' | 'delta', seq: number, base = seq - 1): DataFrame => ({ ...viaJson({ type: message, epoch: 'e1', seq, base, time_ms: 0, lag_ms: 0 }), base });

  it('follows sequence numbers, drops the old and asks about gaps once', () => {
    const s = new Session();
    expect(JSON.parse(s.opening())).toEqual({ type: 'subscribe' });
    s.hello(hello);
    expect(s.judge(frame('delta', 3))).toBe('drop');
    expect(s.judge(frame('snapshot', 10))).toBe('apply');
    expect(s.judge(frame('delta', 11))).toBe('apply');
    expect(s.judge(frame('delta', 11))).toBe('drop');
    expect(s.judge(frame('delta', 20, 8))).toBe('apply');
    expect(s.judge(frame('delta', 25))).toBe('gap');
    expect(s.judge(frame('delta', 26))).toBe('drop');
    expect(s.judge(frame('delta', 27, 20))).toBe('apply');
    expect(JSON.parse(s.opening())).toEqual({ type: 'resume', epoch: 'e1', seq: 27 });
  });

  it('takes no delta of another epoch', () => {
    const s = new Session();
    s.hello(hello);
    s.judge(frame('snapshot', 1));
    s.hello({ ...hello, epoch: 'e2' });
    expect(s.judge(frame('delta', 2))).toBe('drop');
  });

  it('refuses another protocol', () => {
    expect(new Session().hello({ ...hello, protocol: 2 })).toBe(false);
  });

  it('asks for a snapshot, and takes nothing less, once the page has shown something else', () => {
    const s = new Session();
    s.hello(hello);
    s.judge(frame('snapshot', 10));
    s.forget();
    expect(JSON.parse(s.opening())).toEqual({ type: 'resume', epoch: 'none', seq: 0 });
    expect(s.judge(frame('delta', 11))).toBe('drop');
    expect(s.judge(frame('snapshot', 12))).toBe('apply');
    expect(s.judge(frame('delta', 13))).toBe('apply');
    expect(JSON.parse(s.opening())).toEqual({ type: 'resume', epoch: 'e1', seq: 13 });
  });

  it('waits longer and longer, up to 15 s, with jitter', () => {
    expect(backoff(0, 0)).toBe(250);
    expect(backoff(0, 0.999)).toBeLessThanOrEqual(750);
    expect(backoff(2, 0.5)).toBe(2000);
    expect(backoff(50, 0.5)).toBe(15000);
  });
});
