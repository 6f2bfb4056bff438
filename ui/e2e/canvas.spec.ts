/** The pointer on the star, a broken wire, and a prefix before every path. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, waitForGraph, type Browser } from './browser';
import { chord, service } from './pointer';
import { Proxy } from './proxy';
import { call, Server } from './server';
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

async function star(): Promise<{ page: Page; faults: string[] }> {
  const opened = await openPage(browser, server.url);
  await waitForGraph(opened.page, SERVICES, EDGES);
  await opened.page.waitForFunction((n) => document.querySelector('canvas')?.dataset.drawn === String(n), SERVICES, { timeout: 60_000 });
  return opened;
}

describe('the pointer on the star', () => {
  test('finds services and pins them; shift and a second one gives the paths', async () => {
    const { page, faults } = await star();
    const first = await service(page);
    await page.mouse.click(first.x, first.y);
    const panel = page.getByRole('region', { name: 'Service in focus' });
    await panel.waitFor();
    const name = (await panel.getByRole('heading').first().textContent()) ?? '';
    expect(first.text.startsWith(name)).toBe(true);
    const second = await service(page, name);
    await page.keyboard.down('Shift');
    await page.mouse.click(second.x, second.y);
    await page.keyboard.up('Shift');
    await page.getByRole('region', { name: 'Paths between two services' }).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('finds chords and opens the call', async () => {
    const { page, faults } = await star();
    const found = await chord(page);
    await page.mouse.click(found.x, found.y);
    const panel = page.getByRole('region', { name: 'Call in focus' });
    await panel.waitFor();
    expect(new URL(page.url()).searchParams.get('caller')).not.toBe('');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('a picture that is moved', () => {
  test('goes along as it is and is drawn anew when it rests; the pointer finds what it shows', async () => {
    const { page, faults } = await star();
    const found = await service(page);
    const canvas = await page.$('.star canvas');
    const seen = await canvas?.evaluateHandle((e) => {
      const all: string[] = [];
      new MutationObserver(() => all.push((e as HTMLElement).style.transform)).observe(e, { attributeFilter: ['style'] });
      return all;
    });
    // What moves the picture is loaded with the first move.
    await page.mouse.move(found.x, found.y - 150);
    await page.mouse.wheel(0, -100);
    await page.waitForFunction(() => performance.getEntriesByType('resource').some((r) => r.name.endsWith('slide.js')));
    await page.mouse.wheel(0, 100);
    const rests = () => page.waitForFunction((all) => all !== undefined && all.length > 1 && all.at(-1) === '', seen);
    await page.waitForTimeout(500);
    await page.mouse.down();
    await page.mouse.move(found.x + 60, found.y - 130, { steps: 5 });
    await page.mouse.up();
    await rests();
    expect(await seen?.jsonValue()).toContainEqual(expect.stringMatching(/^translate\(.*scale\(1\)$/));
    await page.mouse.click(found.x + 60, found.y + 20);
    const panel = page.getByRole('region', { name: 'Service in focus' });
    const name = (await panel.getByRole('heading').first().textContent()) ?? '';
    expect(found.text.startsWith(name)).toBe(true);
    await seen?.evaluate((all) => { all.length = 0; });
    await page.mouse.wheel(0, -100);
    await rests();
    expect(await seen?.jsonValue()).toContainEqual(expect.stringMatching(/scale\(1\.1/));
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('a wire that breaks', () => {
  test('a hundred times leaves the page with what the server has', async () => {
    const proxy = new Proxy(server.web);
    const { page, faults } = await openPage(browser, `${await proxy.start()}?view=table`);
    await waitForGraph(page, SERVICES, EDGES);
    let random = 11;
    for (let cut = 0; cut < 100; cut++) {
      await server.send(call('web', `late-${cut % 5}`));
      const opened = proxy.opened;
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      await page.waitForTimeout(random % 120);
      proxy.cut();
      // The banner's button, rather than its patience.
      await page.waitForFunction(() => document.documentElement.dataset.connected !== 'true' || document.querySelector('.banner button') !== null);
      while (proxy.opened === opened) {
        await page.evaluate(() => document.querySelector<HTMLButtonElement>('.banner button')?.click());
        await page.waitForTimeout(10);
      }
    }
    await waitForGraph(page, SERVICES + 5, EDGES + 5);
    const wanted = (await server.graph()).edges.map((e) => `${e.from}→${e.to} ${e.calls}`).sort();
    await page.waitForFunction((want) => {
      const rows = [...document.querySelectorAll('tr[data-call]')].map((r) => `${r.getAttribute('data-call')} ${(r.lastElementChild?.textContent ?? '').replaceAll(',', '')}`);
      return JSON.stringify(rows.sort()) === want;
    }, JSON.stringify(wanted), { timeout: 30_000 });
    expect(faults.filter((f) => !/ERR_|WebSocket/.test(f))).toEqual([]);
    await page.close();
    await proxy.stop();
  });
});

describe('a server that is gone', () => {
  test('leaves the picture, counts down, and is found again', async () => {
    const own = new Server();
    await own.start();
    try {
      await own.send(call('a', 'b'));
      const { page } = await openPage(browser, `${own.url}?view=table`);
      await waitForGraph(page, 2, 1);
      await own.stop();
      const banner = page.getByRole('alert');
      await banner.getByText(/Next try in \d+ s|Trying/).waitFor();
      await banner.getByText('This is how things stood.').waitFor();
      await page.locator('tr[data-call="shop/a→shop/b"]').waitFor();
      expect(await page.getByTestId('connection').textContent()).toBe('reconnecting');
      await own.start();
      await waitForGraph(page, 2, 1);
      await banner.waitFor({ state: 'detached' });
      await page.close();
    } finally {
      await own.remove();
    }
  });
});

describe('a browser without WebGL2', () => {
  test('has the other views', async () => {
    const page = await browser.context.newPage();
    await page.addInitScript(() => {
      const real = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function get(this: HTMLCanvasElement, kind: string, ...rest: unknown[]) {
        return kind === 'webgl2' ? null : (real as (...a: unknown[]) => RenderingContext | null).call(this, kind, ...rest);
      } as typeof real;
    });
    await page.goto(`${server.url}?focus=shop%2Fcart`);
    await page.getByText('The star cannot be drawn here').waitFor();
    await page.keyboard.press('2');
    await page.getByText('The star cannot be drawn here').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: /orders/ }).first().waitFor();
    await page.keyboard.press('5');
    await page.locator('tr[data-call="shop/web→shop/cart"]').waitFor();
    await page.close();
  });
});

describe('what the server refused', () => {
  test('is said in the header, with the reason', async () => {
    const own = new Server();
    await own.start();
    try {
      await own.send(call('a', 'b'));
      const { page } = await openPage(browser, `${own.url}?view=table`);
      await waitForGraph(page, 2, 1);
      await own.send(call('a', 'b').replaceAll(/"traceId":"[0-9a-f]+"/g, '"traceId":"00"'));
      const marks = page.locator('.marks');
      await marks.locator('summary').click();
      await marks.getByText(/reject/i).first().waitFor();
      await page.close();
    } finally {
      await own.remove();
    }
  });
});

describe('a proxy that strips a prefix', () => {
  test('changes nothing', async () => {
    const proxy = new Proxy(server.web, '/tools/graph/');
    const url = await proxy.start();
    const { page, faults } = await openPage(browser, `${url}?view=table&focus=shop%2Fcart`);
    await page.waitForFunction(() => document.documentElement.dataset.connected === 'true');
    await page.getByRole('region', { name: 'Service in focus' }).getByText('POST /cart').waitFor();
    await page.waitForFunction(() => (document.querySelector('.bars .traffic')?.getAttribute('d') ?? '').length > 20);
    await page.keyboard.press('1');
    await page.waitForFunction(() => document.querySelector('canvas')?.dataset.drawn !== undefined, undefined, { timeout: 60_000 });
    expect(await page.evaluate(() => document.fonts.check('13px Inter'))).toBe(true);
    expect(page.url().startsWith(url)).toBe(true);
    expect(faults).toEqual([]);
    await page.close();
    await proxy.stop();
  });
});

describe('without a single span', () => {
  for (const theme of ['dark', 'light'] as const) {
    test(`the page says where to send them, accessibly: ${theme}`, async () => {
      const fresh = new Server();
      await fresh.start();
      try {
        const { page, faults } = await openPage(browser, `${fresh.url}?theme=${theme}`);
        const empty = page.getByRole('region', { name: 'No spans yet' });
        for (const language of ['Go', 'Java', 'Python', 'Node.js', '.NET', 'Collector']) {
          await empty.getByRole('button', { name: language, exact: true }).click();
          const port = language === 'Collector' ? /:\d+/ : new RegExp(fresh.http.split(':')[1]);
          expect(await empty.locator('pre').textContent(), language).toMatch(port);
        }
        const found = await new AxeBuilder({ page }).analyze();
        expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([]);
        await fresh.send(call('web', 'api'));
        await empty.waitFor({ state: 'detached' });
        expect(faults).toEqual([]);
        await page.close();
      } finally {
        await fresh.remove();
      }
    });
  }
});
