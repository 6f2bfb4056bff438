/** What the page promises whatever it shows: its policy, its size, and states that are easily forgotten. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, waitForGraph, type Browser } from './browser';
import { call, Server, work } from './server';

/** docs/page.md, "Loading". */
const MOST_SCRIPT_AND_STYLE = 60_000;
const MOST_FONT = 60_000;

let browser: Browser;
let server: Server;

beforeAll(async () => {
  browser = await openBrowser();
  server = new Server();
  await server.start();
  await server.send(call('web', 'cart'));
});

afterAll(async () => {
  await browser.close();
  await server.remove();
});

async function drawn(page: Page, services: number): Promise<void> {
  await page.waitForFunction((n) => document.querySelector('.star canvas')?.getAttribute('data-drawn') === String(n), services, { timeout: 60_000 });
}

async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).analyze();
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
}

describe('the policy of the page', () => {
  test('allows nothing unsafe and nothing from elsewhere, and the page keeps to it', async () => {
    const policy = (await fetch(server.url)).headers.get('Content-Security-Policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toMatch(/https?:|\*/);
    const { page, faults } = await openPage(browser, server.url);
    await waitForGraph(page, 2, 1);
    for (const key of ['2', '3', '4', '5', '1', 'f']) await page.keyboard.press(key);
    await page.getByRole('region', { name: 'Filters' }).waitFor();
    for (const key of ['Escape', 'c', '?']) await page.keyboard.press(key);
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    // That breaches are told at all: one on purpose.
    await page.evaluate(() => { document.body.append(Object.assign(document.createElement('img'), { src: 'https://elsewhere.example/x.png' })); });
    await expect.poll(() => faults.filter((f) => f.includes('elsewhere.example')).length).toBeGreaterThan(0);
    expect(faults.filter((f) => !f.includes('elsewhere.example'))).toEqual([]);
    await page.close();
  });
});

describe('the first load', () => {
  test('takes no more than 60 kB of scripts and styles, and 60 kB of fonts, and nothing from elsewhere', async () => {
    const page = await browser.context.newPage();
    const urls = new Set<string>();
    page.on('request', (r) => urls.add(r.url()));
    await page.goto(server.url, { waitUntil: 'commit' });
    await page.waitForFunction(() => document.querySelector('.star canvas')?.getAttribute('data-drawn') === '2', undefined, { timeout: 60_000, polling: 10 });
    const code = await (await fetch(server.url)).text();
    const first = new Set([...code.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map((m) => m[1]));
    for (const entry of [...first]) {
      const text = await (await fetch(server.url + entry)).text();
      for (const m of text.matchAll(/from\s*"\.\/([^"]+\.js)"/g)) first.add(`assets/${m[1]}`);
    }
    first.add('assets/layout.js'); // the worker's script, which no other names
    let sum = 0;
    for (const name of first) {
      expect([...urls].some((u) => u.endsWith(name)), name).toBe(true);
      sum += gzipSync(Buffer.from(await (await fetch(server.url + name)).arrayBuffer()), { level: 9 }).length;
    }
    console.log(`first load: ${[...first].join(', ')}: ${sum} B gzipped`);
    expect(first.size).toBeGreaterThan(1);
    expect(sum).toBeLessThan(MOST_SCRIPT_AND_STYLE);
    let fonts = 0;
    for (const u of urls) {
      expect(u.startsWith(server.url) || u.startsWith('data:') || u.startsWith('blob:'), u).toBe(true);
      if (u.endsWith('.woff2')) fonts += (await (await fetch(u)).arrayBuffer()).byteLength;
    }
    expect(fonts).toBeGreaterThan(0);
    expect(fonts).toBeLessThan(MOST_FONT);
    await page.close();
  });
});

describe('a part that is loaded when it is first shown', () => {
  test('comes by itself, with its style, when the server answers again', async () => {
    const { page, faults } = await openPage(browser, server.url);
    await drawn(page, 2);
    await page.route('**/assets/layers.*', (route) => route.abort('connectionrefused'));
    await page.keyboard.press('2');
    await page.getByText('This part comes when the server answers.').waitFor();
    await page.unrouteAll();
    const card = page.locator('.layers [data-service="shop/cart"]');
    await card.waitFor();
    await expect.poll(() => card.evaluate((e) => getComputedStyle(e).position), { timeout: 10_000 }).toBe('relative');
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('a hidden tab', () => {
  test('asks the server to pause, and goes on where things stand when it is seen again', async () => {
    const page = await browser.context.newPage();
    const sent: string[] = [];
    page.on('websocket', (ws) => ws.on('framesent', ({ payload }) => sent.push(String(payload))));
    await page.goto(`${server.url}?view=table`);
    await waitForGraph(page, 2, 1);
    const show = (hidden: boolean): Promise<void> => page.evaluate((h) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => h });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await show(true);
    await expect.poll(() => sent.some((s) => s.includes('"pause"'))).toBe(true);
    await server.send(call('cart', 'hidden-callee'));
    await expect.poll(async () => (await server.graph()).edges.length).toBe(2);
    await page.waitForTimeout(2_500); // two deltas would have come
    expect(await page.locator('tr[data-call]').count()).toBe(1);
    await show(false);
    await waitForGraph(page, 3, 2);
    await page.close();
  });
});

describe('search', () => {
  for (const theme of ['dark', 'light'] as const) {
    test(`is accessible while it is open: ${theme}`, async () => {
      const { page, faults } = await openPage(browser, `${server.url}?theme=${theme}`);
      await page.waitForFunction(() => document.documentElement.dataset.connected === 'true');
      await page.keyboard.press('/');
      await page.keyboard.type('ca');
      await page.getByRole('option', { name: /cart/ }).first().waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('option').first().waitFor({ state: 'detached' });
      expect(faults).toEqual([]);
      await page.close();
    });
  }
});

describe('the table', () => {
  test('is sorted by what heads its columns, and the link says so', async () => {
    const { page } = await openPage(browser, `${server.url}?view=table`);
    await page.waitForFunction(() => document.querySelectorAll('tr[data-call]').length >= 1);
    await page.getByRole('columnheader', { name: /Caller|From/ }).getByRole('button').click();
    expect(new URL(page.url()).searchParams.get('sort')).toBe('from');
    await page.close();
  });
});

describe('a single service', () => {
  for (const theme of ['dark', 'light'] as const) {
    test(`that calls nobody stands in every view: ${theme}`, async () => {
      const lone = new Server();
      await lone.start();
      try {
        await lone.send(work('cart'));
        const { page, faults } = await openPage(browser, `${lone.url}?theme=${theme}`);
        await waitForGraph(page, 1, 0);
        await drawn(page, 1);
        await page.locator('.star-label', { hasText: 'cart' }).waitFor();
        expect(await page.locator('#star-summary').textContent()).toBe('1 service, 0 calls, none needs attention');
        expect(await violations(page)).toEqual([]);
        await page.keyboard.press('2');
        await page.locator('.layers .card').waitFor();
        await page.keyboard.press('4');
        await page.locator('.matrix canvas[data-drawn="1"]').waitFor();
        await page.keyboard.press('5');
        await page.getByRole('table').waitFor();
        await page.keyboard.press('3');
        await drawn(page, 1);
        expect(faults).toEqual([]);
        await page.close();
      } finally {
        await lone.remove();
      }
    });
  }
});
