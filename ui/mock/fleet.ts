/** Made-up fleets for tests and for looking at the page. Deterministic. */

export interface FleetService {
  id: number;
  name: string;
  namespace: string;
  label: string;
  kind: string;
  rate: number;
  error_rate: number;
  p50_ms: number;
  p99_ms: number;
}

export interface FleetCall {
  id: number;
  from: number;
  to: number;
  kind: string;
  rate: number;
  error_rate: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  calls: number;
  errors: number;
  first_seen_ms: number;
  last_seen_ms: number;
}

export interface Fleet {
  services: FleetService[];
  calls: FleetCall[];
}

/** Numbers in [0, 1) that depend on the seed alone. */
export function numbers(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The moment at which all fleets begin, Unix milliseconds. */
export const EPOCH_MS = 1_767_261_600_000;

export function service(id: number, namespace: string, label: string, kind: string): FleetService {
  const own = namespace === '' ? label : `${namespace}/${label}`;
  return { id, name: own, namespace, label, kind, rate: 0, error_rate: 0, p50_ms: 2, p99_ms: 20 };
}

export function call(id: number, from: number, to: number, kind: string, rate: number, errorRate: number, p50: number): FleetCall {
  return {
    id, from, to, kind, rate, error_rate: errorRate, p50_ms: p50, p95_ms: p50 * 3.1, p99_ms: p50 * 5.7,
    calls: Math.round(rate * 3600), errors: Math.round(rate * 3600 * errorRate), first_seen_ms: EPOCH_MS - 3_500_000, last_seen_ms: EPOCH_MS,
  };
}

/** Sets the figures of the services to what the calls say. */
export function settle(fleet: Fleet): Fleet {
  const failed = new Float64Array(fleet.services.length);
  for (const s of fleet.services) s.rate = 0;
  for (const c of fleet.calls) {
    fleet.services[c.to].rate += c.rate;
    failed[c.to] += c.rate * c.error_rate;
    fleet.services[c.to].p50_ms = c.p50_ms * 0.9;
    fleet.services[c.to].p99_ms = c.p99_ms * 0.9;
  }
  for (const s of fleet.services) s.error_rate = s.rate > 0 ? failed[s.id] / s.rate : 0;
  return fleet;
}

const COMPANY: readonly [string, string, string][] = [
  ['', 'user', 'user'], ['shop', 'web', 'service'], ['shop', 'gateway', 'service'], ['shop', 'cart', 'service'], ['shop', 'catalog', 'service'],
  ['shop', 'orders', 'service'], ['shop', 'payments', 'service'], ['shop', 'shipping', 'service'], ['shop', 'mailer', 'service'],
  ['', 'orders@postgres', 'database'], ['', 'catalog@postgres', 'database'], ['', 'redis', 'database'], ['', 'kafka:orders', 'messaging'],
  ['', 'api.psp.example', 'external'],
];

const COMPANY_CALLS: readonly [number, number, string, number, number, number][] = [
  [0, 1, 'rpc', 84, 0.004, 42], [1, 2, 'rpc', 82, 0.004, 31], [2, 3, 'rpc', 41, 0.001, 7], [2, 4, 'rpc', 63, 0.0, 9], [2, 5, 'rpc', 11, 0.061, 58],
  [3, 11, 'database', 88, 0, 0.6], [4, 10, 'database', 70, 0, 3.2], [5, 9, 'database', 24, 0.002, 4.1], [5, 6, 'rpc', 10.4, 0.131, 44],
  [6, 13, 'rpc', 10.2, 0.135, 38], [5, 12, 'messaging', 10.8, 0, 1.8], [12, 7, 'messaging', 10.7, 0, 12], [12, 8, 'messaging', 10.7, 0.012, 21],
  [7, 9, 'database', 9.1, 0, 3.9], [3, 4, 'rpc', 17, 0, 8], [8, 8, 'rpc', 0.4, 0, 2], [5, 3, 'rpc', 9.8, 0.001, 6],
];

/** A shop of 14 nodes: every kind of node, a failing payment provider, a self call. */
export function company(): Fleet {
  return settle({
    services: COMPANY.map(([ns, label, kind], i) => service(i, ns, label, kind)),
    calls: COMPANY_CALLS.map(([from, to, kind, rate, err, p50], i) => call(i, from, to, kind, rate, err, p50)),
  });
}

const DIVISIONS: readonly [string, readonly string[]][] = [
  ['commerce', ['checkout', 'cart', 'payments', 'pricing', 'promotions', 'orders', 'tax']],
  ['catalog', ['products', 'search', 'recommend', 'reviews', 'media', 'inventory']],
  ['logistics', ['shipping', 'warehouse', 'routing', 'couriers', 'returns']],
  ['people', ['identity', 'profile', 'loyalty', 'support', 'notify', 'consent']],
  ['growth', ['ads', 'campaigns', 'experiments', 'affiliates']],
  ['data', ['events', 'warehouse-etl', 'features', 'ml-serving', 'analytics']],
  ['platform', ['gateway', 'mesh', 'config', 'secrets', 'storage', 'messaging']],
  ['risk', ['fraud', 'compliance', 'ledger', 'billing']],
];

const WORDS = ['api', 'worker', 'sync', 'cache', 'router', 'writer', 'reader', 'index', 'scheduler', 'proxy', 'rules', 'audit', 'feed', 'query',
  'planner', 'adapter', 'webhook', 'batch', 'relay', 'sessions', 'tokens', 'rank', 'quote', 'export', 'import', 'hooks'];

interface Team {
  namespace: string;
  division: number;
  first: number;
  size: number;
}

function teams(services: number, count: number, random: () => number): Team[] {
  const all: [string, number][] = [];
  for (let round = 0; all.length < count; round++) {
    DIVISIONS.forEach(([name, list], d) => list.forEach((t) => all.push([round === 0 ? `${name}.${t}` : `${name}.${t}-${round + 1}`, d])));
  }
  const picked = all.slice(0, Math.max(count, 1)).map((t) => [t, random()] as const).sort((a, b) => a[1] - b[1]).slice(0, count).map(([t]) => t);
  picked.sort((a, b) => a[1] - b[1]);
  const weight = picked.map(() => random() ** 1.6 * 0.9 + 0.16);
  const total = weight.reduce((a, b) => a + b, 0);
  const out: Team[] = [];
  let at = 0;
  picked.forEach(([namespace, division], i) => {
    const left = picked.length - i - 1;
    const size = i === picked.length - 1 ? services - at : Math.max(1, Math.min(services - at - left, Math.round((weight[i] / total) * services)));
    out.push({ namespace, division, first: at, size });
    at += size;
  });
  return out;
}

/** The calls: within a team, to befriended teams, to the platform, and anywhere, with heavy-tailed traffic. */
function connect(services: number, calls: number, list: Team[], team: Uint16Array, random: () => number): FleetCall[] {
  const attract = Float64Array.from({ length: services }, () => (1 - random() * 0.999) ** -0.62);
  const talk = Float64Array.from({ length: services }, () => (1 - random() * 0.999) ** -0.45);
  const pick = (first: number, size: number, weight: Float64Array): number => {
    let sum = 0;
    for (let i = first; i < first + size; i++) sum += weight[i];
    let x = random() * sum;
    for (let i = first; i < first + size - 1; i++) if ((x -= weight[i]) < 0) return i;
    return first + size - 1;
  };
  const talkers = Uint32Array.from({ length: calls }, (_, i) => (i < services ? i : 0));
  const cumulative = new Float64Array(services);
  talk.reduce((sum, w, i) => (cumulative[i] = sum + w), 0);
  for (let i = services; i < calls; i++) {
    const x = random() * cumulative[services - 1];
    let low = 0;
    let high = services - 1;
    while (low < high) {
      const m = (low + high) >> 1;
      if (cumulative[m] < x) low = m + 1;
      else high = m;
    }
    talkers[i] = low;
  }
  const platform = list.map((_, i) => i).filter((i) => list[i].division === 6);
  const friends = list.map((t) => Array.from({ length: 4 }, () => {
    const near = list.map((_, i) => i).filter((i) => list[i].division === t.division);
    return random() < 0.5 ? near[Math.floor(random() * near.length)] : Math.floor(random() * list.length);
  }));
  const seen = new Set<number>();
  const out: FleetCall[] = [];
  for (let i = 0; out.length < calls && i < calls * 8; i++) {
    const from = i < calls ? talkers[i] : Math.floor(random() * services);
    const own = team[from];
    const u = random();
    const target = u < 0.4 ? own : u < 0.72 ? friends[own][Math.floor(random() * random() * 4)]
      : u < 0.93 && platform.length > 0 ? platform[Math.floor(random() * random() * platform.length)] : Math.floor(random() * list.length);
    const to = pick(list[target].first, list[target].size, attract);
    const key = from * 65536 + to;
    if (from === to || seen.has(key)) continue;
    seen.add(key);
    const rate = Math.exp((random() + random() + random() - 1.5) * 2.6) * 12 * Math.sqrt(attract[to]);
    out.push(call(out.length, from, to, 'rpc', rate, 0, 1 + random() * 20));
  }
  return out;
}

/** A fleet of the given size: services in teams, teams in divisions, a few of them sick. */
export function fleet(services: number, calls: number, teamCount: number, seed = 11): Fleet {
  const random = numbers(seed);
  const list = teams(services, Math.min(teamCount, services), random);
  const team = new Uint16Array(services);
  const rows: FleetService[] = [];
  list.forEach((t, i) => {
    const short = t.namespace.slice(t.namespace.indexOf('.') + 1);
    for (let k = 0; k < t.size; k++) {
      const n = Math.floor(k / WORDS.length);
      team[t.first + k] = i;
      rows.push(service(t.first + k, t.namespace, `${short}-${WORDS[(k * 7 + i * 3) % WORDS.length]}${n > 0 ? `-${n + 1}` : ''}`, 'service'));
    }
  });
  const edges = connect(services, calls, list, team, random);
  const into = new Float64Array(services);
  for (const c of edges) into[c.to] += c.rate;
  const busiest = Array.from(into.keys()).sort((a, b) => into[b] - into[a]);
  const sick = new Map<number, number>();
  const many = Math.max(2, Math.floor(services / 250));
  for (let i = 0; i < many; i++) {
    const victim = busiest[Math.min(services - 1, Math.floor(3 + random() * random() * services * 0.25))];
    sick.set(victim, i < many * 0.4 ? 0.18 + random() * 0.3 : 0.03 + random() * 0.06);
  }
  for (const c of edges) {
    const share = sick.get(c.to);
    c.error_rate = share === undefined ? (random() < 0.02 ? random() * 0.012 : random() * 0.001) : Math.min(0.95, share * (0.5 + random()));
    c.errors = Math.round(c.calls * c.error_rate);
  }
  return settle({ services: rows, calls: edges });
}

/** The fleets by name: 0, 1, 14, 200, 2000, 10000. */
export function fleetOf(size: number): Fleet {
  if (size === 0) return { services: [], calls: [] };
  if (size === 1) return { services: [service(0, 'shop', 'cart', 'service')], calls: [] };
  if (size === 14) return company();
  if (size <= 60) return fleet(size, Math.round(size * 2.2), 5, 3);
  if (size <= 500) return fleet(size, size * 5, 12, 7);
  if (size <= 2000) return fleet(size, size * 5, 40, 11);
  return fleet(size, size * 6, 60, 5);
}
