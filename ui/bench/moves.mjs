/** What is done to every page alike: zoom, pan, hover. */
import { VIEWPORT } from './browser.mjs';

const MIDDLE = { x: VIEWPORT.width / 2, y: VIEWPORT.height / 2 };
/** Nothing is there that is lit. */
const CORNER = { x: 430, y: 30 };
/** Turns of the wheel in one direction. */
const TURNS = 12;
const WHEEL = 60;
const DRAG = 12;

/** By then the picture without a highlight is drawn. */
const AT_REST = 500;

/** Turns the wheel once a frame for so long, in and out again, and ends where it began. */
export function zoom(page, ms) {
  return page.evaluate(([at, duration, turns, delta]) => new Promise((resolve) => {
    const end = performance.now() + duration;
    const under = document.elementFromPoint(at.x, at.y);
    const wheel = (deltaY) => under.dispatchEvent(new WheelEvent('wheel', { deltaY, clientX: at.x, clientY: at.y, bubbles: true, cancelable: true }));
    let n = 0;
    let depth = 0;
    const turn = () => {
      const out = Math.floor(n++ / turns) % 2 === 1;
      wheel(out ? delta : -delta);
      depth += out ? -1 : 1;
      if (performance.now() < end) {
        requestAnimationFrame(turn);
        return;
      }
      for (; depth > 0; depth--) wheel(delta);
      resolve();
    };
    requestAnimationFrame(turn);
  }), [MIDDLE, ms, TURNS, WHEEL]);
}

/** Drags the picture to and fro for so long, with the browser's own pointer. */
export async function pan(page, ms) {
  const end = Date.now() + ms;
  await page.mouse.move(MIDDLE.x, MIDDLE.y);
  await page.mouse.down();
  for (let n = 0; Date.now() < end; n++) {
    const step = DRAG * (Math.abs((n % 40) - 20) - 20);
    await page.mouse.move(MIDDLE.x - step / 4, MIDDLE.y - step / 4);
  }
  await page.mouse.move(MIDDLE.x, MIDDLE.y);
  await page.mouse.up();
}

/**
 * Milliseconds from the pointer's arrival at a place to the picture that shows
 * it; NaN: none came. At rest the page draws chords for a highlight alone.
 */
export async function hover(page, place, patience) {
  await page.mouse.move(CORNER.x, CORNER.y);
  await page.waitForFunction(() => window.bench?.lit() !== true); // the highlight before is gone
  await page.waitForTimeout(AT_REST);
  await page.evaluate(() => {
    const { probe } = window;
    probe.sync = true;
    probe.inputs = [];
    const arrived = () => probe.inputs.at(-1)?.at ?? Infinity;
    probe.hovered = probe.when((f) => f.start >= arrived() && (window.bench?.lit() ?? f.chords > 0)).then((f) => f.end - arrived());
  });
  await page.mouse.move(place.x, place.y);
  const took = await page.evaluate((most) => Promise.race([window.probe.hovered, new Promise((resolve) => { setTimeout(() => resolve(NaN), most); })]), patience);
  await page.evaluate(() => { window.probe.sync = false; });
  return took;
}
