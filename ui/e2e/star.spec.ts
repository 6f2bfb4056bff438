/** Every gesture and key of the star, against the real server. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, waitForGraph, type Browser } from './browser';
import { chord, placeOf, rest, starBox } from './pointer';
import { Server } from './server';
import { EDGES, sendTopology, SERVICES } from './topology';

let browser: Browser;
let server: Server;

beforeAll(async () => {
  browser = await openBrowser();
  server = new Server();
  await server.start();
  await sendTopology(server);
});

afterAll(async () => {
  await browser.close();
  await server.remove();
});

async function star(query = ''): Promise<{ page: Page; faults: string[] }> {
  const opened = await openPage(browser, server.url + query);
  await waitForGraph(opened.page, SERVICES, EDGES);
  await opened.page.waitForFunction((n) => document.querySelector('.star canvas')?.getAttribute('data-drawn') === String(n), SERVICES, { timeout: 60_000 });
  return opened;
}

/** The label of a service beside the star. */
const label = (page: Page, name: string) => page.locator('.star-label', { has: page.locator('.name', { hasText: new RegExp(`^${name}$`) }) });
const classes = async (page: Page, name: string): Promise<string> => (await label(page, name).getAttribute('class')) ?? '';
const focused = (page: Page): string | null => new URL(page.url()).searchParams.get('focus');
const at = (page: Page, focus: string): Promise<unknown> => page.waitForFunction((f) => new URLSearchParams(location.search).get('focus') === f, focus);

/** Where the lines of the labels begin: they follow the arcs, and so the camera. */
const anchors = (page: Page): Promise<string> => page.evaluate(anchorsNow);
const moved = (page: Page, from: string): Promise<void> => expect.poll(() => anchors(page), { timeout: 30_000 }).not.toBe(from);
const back = (page: Page, to: string): Promise<void> => expect.poll(() => anchors(page), { timeout: 30_000 }).toBe(to);

function anchorsNow(): string {
  return [...document.querySelectorAll('.leaders path')].map((p) => /^M[^L]+/.exec(p.getAttribute('d') ?? '')?.[0]).sort().join(' ');
}

describe('hovering a service', () => {
  test('lights its callers and callees, dims the rest, and asks the server nothing', async () => {
    const { page, faults } = await star();
    const cart = await placeOf(page, 'cart');
    await page.mouse.move(5, 300); // away: nothing is lit
    await page.waitForFunction(() => document.querySelector('.star-label.is-focus') === null);
    await page.waitForTimeout(500);
    const asked: string[] = [];
    page.on('request', (r) => asked.push(r.url()));
    const before = await page.locator('.star canvas').screenshot();
    await page.mouse.move(cart.x, cart.y);
    await page.locator('.star-label.is-focus').waitFor();
    expect(await classes(page, 'cart')).toContain('is-focus');
    expect(await classes(page, 'web')).toContain('is-caller');
    expect(await classes(page, 'stock')).toContain('is-callee');
    expect(await classes(page, 'ranking')).toContain('dim');
    expect((await page.locator('.star canvas').screenshot()).equals(before)).toBe(false);
    expect(asked.filter((url) => !url.includes('/v1/history'))).toEqual([]); // the timeline asks at its own pace
    expect(focused(page)).toBeNull();
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('hovering a chord', () => {
  test('tells both ends, calls a second, errors, latencies, first and last seen', async () => {
    const { page } = await star();
    const { text } = await chord(page);
    for (const part of [/→/, /\/s/, /errors\s*[\d.]+%/, /p50 · p95 · p99\s*[\d.]+\s?ms/, /seen.+ago.*last.+(ago|now)/]) expect(text).toMatch(part);
    await page.close();
  });
});

describe('an arc', () => {
  test('tells of its team when hovered, and comes closer when clicked; Escape goes back to the whole', async () => {
    const { page, faults } = await star();
    const box = await starBox(page);
    const whole = await anchors(page);
    const starts = [...whole.matchAll(/M(-?[\d.]+),(-?[\d.]+)/g)].map((m) => [Number(m[1]), Number(m[2])]);
    function* rim(): Generator<[number, number]> {
      const [cx, cy] = [box.width / 2, box.height / 2];
      for (const [x, y] of starts) for (const k of [1, 0.99, 1.01, 0.98, 1.02]) yield [box.x + cx + (x - cx) * k, box.y + cy + (y - cy) * k];
    }
    const arc = await rest(page, rim(), 15, (text) => text.startsWith('shop') && text.includes('services'));
    expect(arc.text).toMatch(/services\s*[\d,]+.*calls\s*[\d.]+\/s.*errors/);
    await page.mouse.click(arc.x, arc.y);
    await page.waitForFunction(() => new URLSearchParams(location.search).has('team'));
    await moved(page, whole);
    await page.keyboard.press('0');
    await back(page, whole);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !new URLSearchParams(location.search).has('team'));
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('keys on the star', () => {
  test('walk along the ring, up to the caller, down to the callee, and are announced', async () => {
    const { page, faults } = await star('?focus=shop%2Fcart');
    await page.locator('.star canvas').focus();
    await page.keyboard.press('ArrowUp');
    await at(page, 'shop/web');
    expect(await page.locator('header [aria-live="polite"]').textContent()).toMatch(/^web, healthy: .* calls a second, .* errors, called by 1, calls 2/);
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() => ['shop/cart', 'shop/search'].includes(new URLSearchParams(location.search).get('focus') ?? ''));
    const here = focused(page);
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction((f) => new URLSearchParams(location.search).get('focus') !== f, here);
    await page.keyboard.press('ArrowLeft');
    await at(page, here ?? '');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('.star canvas'))).toBeNull();
    await page.keyboard.press('Shift+Tab');
    expect(await page.evaluate(() => document.activeElement?.matches('.star canvas'))).toBe(true);
    expect(await page.locator('.star canvas').getAttribute('role')).toBe('application');
    expect(faults).toEqual([]);
    await page.close();
  });

  test('+ and − zoom, 0 shows everything again', async () => {
    const { page } = await star();
    const whole = await anchors(page);
    await page.keyboard.press('+');
    await moved(page, whole);
    const nearer = await anchors(page);
    await page.keyboard.press('+');
    await moved(page, nearer);
    await page.keyboard.press('-');
    await back(page, nearer);
    await page.keyboard.press('0');
    await back(page, whole);
    await page.close();
  });
});

describe('the hand on the star', () => {
  test('zooms about the pointer with the wheel: what is under it stays there', async () => {
    const { page } = await star();
    const whole = await anchors(page);
    const cart = await placeOf(page, 'cart');
    await page.mouse.wheel(0, -60); // so little that no label comes between
    await moved(page, whole);
    await page.mouse.move(cart.x + 200, cart.y);
    await page.mouse.move(cart.x, cart.y);
    await page.locator('.tip', { hasText: 'cart' }).waitFor();
    await page.keyboard.press('0');
    await back(page, whole);
    await page.close();
  });

  test('drags it, and a drag is no click', async () => {
    const { page } = await star();
    const whole = await anchors(page);
    const cart = await placeOf(page, 'cart');
    await page.keyboard.press('+'); // the whole cannot be dragged out of sight
    await moved(page, whole);
    const nearer = await anchors(page);
    await page.mouse.move(cart.x, cart.y);
    await page.mouse.down();
    await page.mouse.move(cart.x - 60, cart.y + 30, { steps: 6 });
    await page.mouse.up();
    await moved(page, nearer);
    expect(focused(page)).toBeNull();
    await page.close();
  });

  test('zooms with two fingers', async () => {
    const { page } = await star();
    const whole = await anchors(page);
    const box = await starBox(page);
    const touch = await page.context().newCDPSession(page);
    const fingers = (apart: number) => [-1, 1].map((side, id) => ({ id, x: box.x + box.width / 2 + side * apart, y: box.y + box.height / 2 }));
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: fingers(40) });
    for (const apart of [60, 90, 120]) await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: fingers(apart) });
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await moved(page, whole);
    expect(focused(page)).toBeNull();
    await page.close();
  });
});
