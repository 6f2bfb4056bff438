/** One visit to the same fleet in another library. */
import { Visit } from './browser.mjs';
import { hover, pan, zoom } from './moves.mjs';

/** By then a picture that goes on by itself after a drag rests. */
const AT_REST = 1500;

/** Milliseconds from the parsed fleet, with its places, to the first picture. */
function open(page, patience) {
  return page.evaluate((most) => {
    const { probe } = window;
    probe.sync = true;
    const from = performance.now();
    const first = probe.when((f) => f.draws > 0).then((f) => f.end - from);
    window.bench.open();
    return Promise.race([first, new Promise((resolve) => { setTimeout(() => resolve(NaN), most); })]).finally(() => { probe.sync = false; });
  }, patience);
}

export async function visitOther(browser, stage, library, depth) {
  const visit = await Visit.begin(browser);
  try {
    const { page } = visit;
    await page.goto(`${stage.url}${library}.html`);
    await page.waitForFunction(() => window.bench !== undefined);
    const first = await open(page, depth.patience);
    if (Number.isNaN(first)) return { first };
    const zoomed = await visit.frames(() => zoom(page, depth.phase));
    const panned = await visit.frames(() => pan(page, depth.phase));
    await page.waitForTimeout(AT_REST);
    await page.evaluate(() => { window.bench.reset(); });
    const hovered = [];
    for (let i = 0; i < depth.hovers; i++) {
      const place = await page.evaluate((n) => window.bench.placeOf(n), i);
      hovered.push(await hover(page, place, depth.hoverPatience));
    }
    const process = await visit.processMemory();
    if (visit.faults.length > 0) throw new Error(visit.faults[0]);
    return { first, whole: first, zoom: zoomed.frame, zoomMain: zoomed.main, zoomAll: zoomed.all, pan: panned.frame, panAll: panned.all, hover: hovered, process };
  } finally {
    await visit.end();
  }
}
