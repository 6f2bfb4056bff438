/** One visit to the page: everything that has a budget. */
import { gzipSync } from 'node:zlib';
import { Visit } from './browser.mjs';
import { hover, pan, zoom } from './moves.mjs';

/** Letters that are typed, one by one, into the search. */
const LETTERS = 'cart-api';
const BETWEEN_DELTAS = 1000;
/** A delta that has not come by then was lost with its connection. */
const LOST_MS = 15_000;

/** Opens the page: milliseconds from the snapshot's arrival to the first and to the whole picture, and kilobytes of what was loaded by the arrival. */
async function open(visit, stage, patience) {
  await visit.page.goto(stage.url);
  const times = await visit.page.evaluate(([calls, most]) => {
    const { probe } = window;
    const find = (test) => probe.frames.find(test) ?? probe.when(test);
    const limit = new Promise((_, reject) => { setTimeout(() => reject(new Error(`no whole picture after ${most} ms: ${probe.covered} of ${calls} chords`)), most); });
    const seen = async () => {
      const first = await find((f) => f.chords > 0);
      const whole = await find((f) => f.covered >= calls);
      const arrived = probe.messages[0].start;
      const files = performance.getEntriesByType('resource').filter((r) => r.startTime < arrived && /\.(js|css)$/.test(r.name)).map((r) => r.name);
      return { first: first.end - arrived, whole: whole.end - arrived, files };
    };
    return Promise.race([seen(), limit]).finally(() => { probe.sync = false; });
  }, [stage.calls, patience]);
  const bodies = await Promise.all(times.files.map(async (file) => Buffer.from(await (await fetch(file)).arrayBuffer())));
  return { ...times, bundle: bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0) / 1000 };
}

/** Places of services, found by going outwards from the middle until the pointer would become a hand. */
function servicesOnScreen(page, many) {
  return page.evaluate((count) => {
    const canvas = document.querySelector('canvas');
    const box = canvas.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const at = (p) => canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: p.x, clientY: p.y, pointerId: 1 }));
    const places = [];
    for (let k = 0; k < count; k++) {
      for (let r = box.height * 0.2; r < box.height * 0.45; r += 2) {
        const angle = 0.4 + (2 * Math.PI * k) / count;
        const p = { x: Math.round(x + Math.cos(angle) * r), y: Math.round(y + Math.sin(angle) * r) };
        at(p);
        if (canvas.style.cursor !== 'pointer') continue;
        places.push(p);
        break;
      }
    }
    canvas.dispatchEvent(new PointerEvent('pointerleave'));
    return places;
  }, many);
}

/** Milliseconds from the end of a zoom to the picture with all chords. */
async function detailBack(visit, stage, patience) {
  return visit.page.evaluate(([calls, most]) => {
    const { probe } = window;
    probe.sync = true;
    const from = performance.now();
    const whole = probe.when((f) => f.covered >= calls).then((f) => f.end - from);
    return Promise.race([whole, new Promise((resolve) => { setTimeout(() => resolve(NaN), most); })]).finally(() => { probe.sync = false; });
  }, [stage.calls, patience]);
}

/** Milliseconds from each key to the list that answers it. */
async function search(page) {
  await page.click('#search');
  const took = [];
  for (const letter of LETTERS) {
    await page.evaluate(() => {
      window.probe.inputs = [];
      const list = document.getElementById('search-hits');
      window.probe.found = new Promise((resolve) => {
        const watch = new MutationObserver(() => {
          watch.disconnect();
          resolve(performance.now() - window.probe.inputs.findLast((i) => i.type === 'keydown').at);
        });
        watch.observe(list, { childList: true, subtree: true, characterData: true, attributes: true });
      });
    });
    await page.keyboard.press(letter);
    took.push(await page.evaluate(() => window.probe.found));
  }
  await page.keyboard.press('Escape');
  return took;
}

/** What deltas cost while nothing else moves: in the handler, and CPU of the main thread until the next. */
async function deltas(visit, stage, many) {
  await visit.page.emulateMedia({ reducedMotion: 'reduce' });
  await visit.page.waitForTimeout(BETWEEN_DELTAS);
  const took = { handler: [], main: [] };
  stage.held = true;
  for (let i = 0; i < many; i++) {
    const frame = stage.delta();
    const seen = await visit.page.evaluate(() => window.probe.messages.length);
    const before = await visit.cpu();
    stage.send(frame);
    const arrived = await visit.page.waitForFunction(([n, bytes]) => window.probe.messages.slice(n).find((m) => m.bytes === bytes), [seen, frame.length], { polling: 100, timeout: LOST_MS })
      .catch((e) => {
        if (e.name !== 'TimeoutError') throw e;
        return null;
      });
    if (arrived === null) continue; // sent while the page was joining anew
    await visit.page.waitForTimeout(BETWEEN_DELTAS);
    took.main.push((await visit.cpu()).main - before.main);
    const { start, end } = await arrived.jsonValue();
    took.handler.push(end - start);
  }
  stage.held = false;
  if (took.handler.length === 0) throw new Error('no delta arrived');
  return took;
}

/** Lets time pass with a delta each second. */
async function live(page, stage, ms) {
  stage.held = true;
  for (let t = 0; t < ms; t += BETWEEN_DELTAS) {
    stage.send(stage.delta());
    await page.waitForTimeout(BETWEEN_DELTAS);
  }
  stage.held = false;
}

/** Everything, as lists of figures by name. */
export async function visitPage(browser, stage, depth) {
  const visit = await Visit.begin(browser);
  try {
    const { page } = visit;
    const { first, whole, bundle } = await open(visit, stage, depth.patience);
    const steady = await visit.frames(() => live(page, stage, depth.phase));
    const zoomed = await visit.frames(() => zoom(page, depth.phase));
    const back = await detailBack(visit, stage, depth.patience);
    const panned = await visit.frames(() => pan(page, depth.phase));
    if (Math.min(zoomed.moved, panned.moved) < 0.2) throw new Error('the picture did not move');
    await page.keyboard.press('0');
    await detailBack(visit, stage, depth.patience);
    const hovered = [];
    const places = await servicesOnScreen(page, depth.hovers);
    if (places.length === 0) throw new Error('no service is found under the pointer');
    for (const place of places) hovered.push(await hover(page, place, depth.hoverPatience));
    const letters = await search(page);
    const { handler, main } = await deltas(visit, stage, depth.deltas);
    const memory = await visit.memory();
    if (visit.faults.length > 0) throw new Error(visit.faults[0]);
    return {
      first, whole, bundle, back, hover: hovered, search: letters, delta: handler, deltaMain: main, deltaMost: Math.max(...main),
      steady: steady.frame, steadyMain: steady.main, steadyAll: steady.all, steadyLongest: steady.longest, draws: steady.draws,
      zoom: zoomed.frame, zoomMain: zoomed.main, zoomAll: zoomed.all, pan: panned.frame, panAll: panned.all,
      objects: memory.objects, graphics: memory.graphics, memory: memory.objects + memory.graphics, process: memory.process,
    };
  } finally {
    await visit.end();
  }
}
