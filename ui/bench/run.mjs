/**
 * Measures the page against its budgets and beside two libraries, and writes
 * the section "The page" of docs/performance.md, in up to six minutes.
 * BENCH=quick takes one and a half, has the smaller fleet alone, and only
 * prints. CHROMIUM names the browser; DEVICE=software leaves the graphics
 * processor out.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceOf, launch } from './browser.mjs';
import { build, LIBRARIES } from './build.mjs';
import { visitOther } from './other.mjs';
import { visitPage } from './page.mjs';
import { print, write } from './report.mjs';
import { Stage } from './stage.mjs';

/** Milliseconds: what does not end within this is given up. */
const PATIENCE = 60_000;
const HOVER_PATIENCE = 15_000;
const quick = process.env.BENCH === 'quick';
/** budget: milliseconds after which no round begins that would not end by then. */
const depth = {
  patience: PATIENCE, hoverPatience: HOVER_PATIENCE, budget: quick ? 80_000 : 340_000, most: quick ? 1 : 5,
  phase: quick ? 1000 : 2000, hovers: 2, deltas: quick ? 3 : 6,
};
const sizes = quick ? [2000] : [2000, 10_000];

/** Adds the figures of one visit to those of the visits before. */
function gather(all, key, figures) {
  const before = all.get(key) ?? {};
  for (const [name, v] of Object.entries(figures)) before[name] = (before[name] ?? []).concat(v);
  all.set(key, before);
}

/** One visit of everything to every fleet; each round begins with another library. */
async function round(browser, stages, n, all) {
  const libraries = ['page', ...LIBRARIES];
  const turned = [...libraries.slice(n % libraries.length), ...libraries.slice(0, n % libraries.length)];
  for (const stage of stages) {
    for (const library of turned) {
      const figures = library === 'page' ? await visitPage(browser, stage, depth) : await visitOther(browser, stage, library, depth);
      gather(all, `${library} ${stage.services}`, figures);
      console.error(`round ${n + 1}: ${library}, ${stage.services} services`);
    }
  }
}

/** Rounds until there is no time for another. */
async function rounds(browser, stages) {
  const all = new Map();
  const began = Date.now();
  let n = 0;
  let longest = 0;
  do {
    const at = Date.now();
    await round(browser, stages, n++, all);
    longest = Math.max(longest, Date.now() - at);
  } while (n < depth.most && Date.now() - began + longest < depth.budget);
  return { all, rounds: n };
}

const folder = await mkdtemp(join(tmpdir(), 'graphctl-bench-ui-'));
let browser = null;
const stages = [];
try {
  const built = await build(folder);
  for (const size of sizes) {
    const stage = new Stage(size, built);
    await stage.start();
    stages.push(stage);
  }
  browser = await launch();
  const device = await deviceOf(browser);
  const result = { ...(await rounds(browser, stages)), device, browser: browser.version(), fleets: stages.map(({ services, calls }) => ({ services, calls })) };
  if (quick) print(result);
  else await write(result);
} finally {
  await browser?.close();
  for (const s of stages) await s.stop();
  await rm(folder, { recursive: true, force: true });
}
