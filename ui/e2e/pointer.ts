/** Finds things on the star by what the page says when the pointer rests on them. */
import type { Page } from 'playwright-core';

export interface Found {
  x: number;
  y: number;
  text: string;
}

export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

export async function starBox(page: Page): Promise<Area> {
  const box = await page.locator('.star canvas').boundingBox();
  if (box === null) throw new Error('no canvas');
  return box;
}

/** Moves the pointer along points until the words beside it pass; where that is. */
export async function rest(page: Page, points: Iterable<[number, number]>, pauseMs: number, passes: (text: string) => boolean): Promise<Found> {
  for (const [x, y] of points) {
    await page.mouse.move(x, y);
    await page.waitForTimeout(pauseMs);
    const text = await page.evaluate(() => document.querySelector('.tip')?.textContent ?? '');
    if (text !== '' && passes(text)) return { x, y, text };
  }
  throw new Error('nothing of that kind is under the pointer anywhere');
}

/** A service that passes: they lie inwards of where the lines of their labels begin. */
async function serviceThat(page: Page, passes: (text: string) => boolean): Promise<Found> {
  const box = await starBox(page);
  const starts = await page.$$eval('.leaders path', (all) => all.map((p) => /^M(-?[\d.]+),(-?[\d.]+)/.exec(p.getAttribute('d') ?? '')?.slice(1).map(Number) ?? [0, 0]));
  function* inwards(): Generator<[number, number]> {
    const [cx, cy] = [box.width / 2, box.height / 2];
    for (const [x, y] of starts) for (let k = 0.98; k > 0.6; k -= 0.02) yield [box.x + cx + (x - cx) * k, box.y + cy + (y - cy) * k];
  }
  return rest(page, inwards(), 20, (text) => text.includes('called') && !text.includes('→') && passes(text));
}

/** A service whose name does not begin with some text. */
export function service(page: Page, not = ''): Promise<Found> {
  return serviceThat(page, (text) => not === '' || !text.startsWith(not));
}

/** The service of that name. */
export function placeOf(page: Page, name: string): Promise<Found> {
  return serviceThat(page, (text) => text.startsWith(name));
}

/** A call: chords are looked for when the pointer rests. */
export async function chord(page: Page): Promise<Found> {
  const box = await starBox(page);
  function* across(): Generator<[number, number]> {
    for (let y = 0.3; y < 0.7; y += 0.1) for (let x = 0.3; x < 0.7; x += 0.012) yield [box.x + box.width * x, box.y + box.height * y];
  }
  return rest(page, across(), 80, (text) => text.includes('→'));
}
