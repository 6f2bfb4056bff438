/** Time travel, comparison, filters, paths and files, against the real server. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, waitForGraph, type Browser } from './browser';
import { call, Server } from './server';
import { rest, starBox } from './pointer';
import { EDGES, INFERRED, sendCalls, sendTopology, SERVICES } from './topology';

let browser: Browser;
let server: Server;

beforeAll(async () => {
  browser = await openBrowser();
  server = new Server();
  await server.start(['--trace-url', 'https://traces.example/search?service={service}&start={from}&end={to}']);
  await sendTopology(server);
});

afterAll(async () => {
  await browser.close();
  await server.remove();
});

async function open(query = ''): Promise<{ page: Page; faults: string[] }> {
  const opened = await openPage(browser, server.url + query);
  await waitForGraph(opened.page, SERVICES, EDGES);
  return opened;
}

const ago = (minutes: number): string => new Date(Math.floor(Date.now() / 1000) * 1000 - minutes * 60_000).toISOString().replace('.000Z', 'Z');

function shown(page: Page, services: number, calls: number): Promise<unknown> {
  return page.waitForFunction(([s, c]) => {
    const d = document.documentElement.dataset;
    return d.services === String(s) && d.calls === String(c);
  }, [services, calls] as const, { polling: 50 });
}

const param = (page: Page, key: string): string | null => new URL(page.url()).searchParams.get(key);

/** How broad the chord to a service is, in pixels: those that are half as bright as the brightest, a line. */
async function chordWidth(page: Page, to: string): Promise<number> {
  const SIDE = 40;
  const box = await starBox(page);
  function* across(): Generator<[number, number]> { // far from circles
    for (let y = 0.5; y < 0.56; y += 0.02) for (let x = 0.25; x < 0.75; x += 0.008) yield [box.x + box.width * x, box.y + box.height * y];
  }
  const { x, y } = await rest(page, across(), 80, (text) => text.includes(`→${to}`));
  await page.mouse.move(box.x + 3, box.y + 3);
  await page.waitForTimeout(1_500); // until nothing is lit
  const png = (await page.screenshot({ clip: { x: x - SIDE / 2, y: y - SIDE / 2, width: SIDE, height: SIDE } })).toString('base64');
  const bright = await page.evaluate(async (data) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))]));
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
    if (context === null) throw new Error('no canvas');
    context.drawImage(image, 0, 0);
    const { data: rgba } = context.getImageData(0, 0, image.width, image.height);
    return Array.from({ length: rgba.length / 4 }, (_, i) => rgba[4 * i] + rgba[4 * i + 1] + rgba[4 * i + 2]);
  }, png);
  const floor = Math.min(...bright);
  const half = (floor + Math.max(...bright)) / 2;
  return bright.filter((b) => b > half).length / SIDE;
}

async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).analyze();
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
}

describe('time', () => {
  test('shows traffic and failures of the last hour on the timeline', async () => {
    const { page, faults } = await open();
    await page.waitForFunction(() => (document.querySelector('.bars .traffic')?.getAttribute('d') ?? '').length > 500);
    expect(await page.locator('.bars .failed').getAttribute('d')).toContain('M');
    await page.getByRole('group', { name: 'How far back' }).getByRole('button', { name: '24 h' }).click();
    expect(param(page, 'range')).toBe('24h');
    await page.waitForFunction(() => (document.querySelector('.bars .traffic')?.getAttribute('d') ?? '').length > 20);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('travels where the timeline is pressed, and back to live', async () => {
    const { page, faults } = await open('?view=table');
    const box = await page.locator('.track').boundingBox();
    if (box === null) throw new Error('no timeline');
    await page.mouse.click(box.x + box.width * 0.5, box.y + box.height / 2);
    // Half an hour ago pay was called, and stock was not.
    await page.locator('tr[data-call="shop/cart→shop/pay"]').waitFor();
    await page.locator('tr[data-call="shop/cart→shop/stock"]').waitFor({ state: 'detached' });
    expect(param(page, 'at')).not.toBeNull();
    await page.getByTestId('past').getByText('→').waitFor();
    const box2 = await page.locator('.handle.now').boundingBox();
    expect(Math.abs((box2?.x ?? 0) - (box.x + box.width * 0.5))).toBeLessThan(15);
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await waitForGraph(page, SERVICES, EDGES);
    await page.locator('tr[data-call="shop/cart→shop/stock"]').waitFor();
    expect(param(page, 'at')).toBeNull();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('drags through the past, and drags the other handle of a comparison', async () => {
    const { page, faults } = await open('?view=table');
    const box = await page.locator('.track').boundingBox();
    if (box === null) throw new Error('no timeline');
    const middle = box.y + box.height / 2;
    const along = async (handle: string, share: number): Promise<void> => {
      const from = await page.locator(handle).boundingBox();
      if (from === null) throw new Error(`no ${handle}`);
      await page.mouse.move(from.x + from.width / 2, middle);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * share, middle, { steps: 8 });
      await page.mouse.up();
    };
    await along('.handle.now', 0.6);
    await page.waitForFunction(() => new URL(location.href).searchParams.has('at'));
    const at = Date.parse(param(page, 'at') ?? '');
    expect(Math.abs(Date.now() - at - 24 * 60_000)).toBeLessThan(4 * 60_000);
    await page.keyboard.press('c');
    await page.locator('.handle.base').waitFor();
    await along('.handle.base', 0.3);
    await page.waitForFunction(() => new URL(location.href).searchParams.has('base'));
    await expect.poll(() => Math.abs(Date.now() - Date.parse(param(page, 'base') ?? '') - 42 * 60_000)).toBeLessThan(4 * 60_000);
    expect(Date.parse(param(page, 'at') ?? '')).toBe(at);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('opens a link to a moment', async () => {
    const { page, faults } = await openPage(browser, `${server.url}?view=table&at=${ago(30)}`);
    await page.locator('tr[data-call="shop/cart→shop/pay"]').waitFor();
    await shown(page, SERVICES - 1, EDGES - 1);
    await page.locator('[data-testid="past"]').click();
    await waitForGraph(page, SERVICES, EDGES);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('moves the handle by keys, and says where it is', async () => {
    const { page } = await open('?view=table');
    const handle = page.getByRole('slider', { name: 'Moment shown' });
    expect(await handle.getAttribute('aria-valuetext')).toBe('live');
    await handle.focus();
    await page.keyboard.press('PageDown');
    await page.waitForFunction(() => new URL(location.href).searchParams.has('at'));
    const first = Date.parse(param(page, 'at') ?? '');
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction((t) => Date.parse(new URL(location.href).searchParams.get('at') ?? '') < t, first);
    expect(await handle.getAttribute('aria-valuetext')).toMatch(/\d\d:\d\d/);
    await page.keyboard.press('End');
    await waitForGraph(page, SERVICES, EDGES);
    await page.close();
  });

  test('plays from a moment on', async () => {
    const { page } = await openPage(browser, `${server.url}?view=table&at=${ago(30)}`);
    await page.locator('tr[data-call="shop/cart→shop/pay"]').waitFor();
    const before = Date.parse(param(page, 'at') ?? '');
    await page.getByRole('button', { name: 'Play' }).click();
    await page.waitForFunction((t) => Date.parse(new URL(location.href).searchParams.get('at') ?? '') >= t + 120_000, before);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await page.close();
  });

  test('says so when a moment cannot be had', async () => {
    const { page } = await open('?view=table');
    await page.route('**/api/v1/graph?*', (route) => route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":{"code":"busy","message":"too much at once"}}' }));
    await page.evaluate((at) => history.replaceState(null, '', `?view=table&at=${at}`), ago(20));
    await page.evaluate(() => window.dispatchEvent(new PopStateEvent('popstate')));
    await page.getByRole('alert').getByText('too much at once').waitFor();
    await page.close();
  });
});

describe('a comparison', () => {
  for (const theme of ['dark', 'light'] as const) {
    test(`lists what is new and what vanished: ${theme}`, async () => {
      const { page, faults } = await open(`?theme=${theme}`);
      await page.keyboard.press('c');
      const panel = page.getByRole('region', { name: 'What changed' });
      await panel.getByRole('heading', { name: 'New calls' }).waitFor();
      const list = (title: string) => panel.locator('h3', { hasText: title }).locator('xpath=following-sibling::ul[1]');
      await list('New calls').getByText('stock').waitFor();
      await list('Vanished calls').getByText('pay').waitFor();
      expect(await list('New calls').locator('li').count()).toBe(1);
      expect(await list('Vanished calls').locator('li').count()).toBe(1);
      expect(await page.getByRole('slider').count()).toBe(2);
      expect(await violations(page)).toEqual([]);
      await list('New calls').getByRole('button').first().click();
      await page.getByRole('region', { name: 'Call in focus' }).waitFor();
      await page.keyboard.press('Escape');
      await panel.waitFor();
      await page.getByRole('button', { name: 'Leave the comparison' }).click();
      await panel.waitFor({ state: 'detached' });
      expect(faults).toEqual([]);
      await page.close();
    });
  }

  test('draws a call that rose broader than one that did not', async () => {
    const own = new Server();
    await own.start();
    try {
      // Now as many of both.
      await sendCalls(own, [{ from: 'a', to: 'b', since: 40, until: 0, each: 20 }, { from: 'c', to: 'd', since: 40, until: 15, each: 2 }, { from: 'c', to: 'd', since: 15, until: 0, each: 20 }]);
      // A window of the past is fetched once: all must be in it.
      await expect.poll(async () => (await own.graph()).edges.reduce((sum, e) => sum + e.calls, 0), { timeout: 30_000 }).toBe(80 * 20 + 50 * 2 + 30 * 20);
      const { page } = await openPage(browser, `${own.url}?at=${ago(1)}&base=${ago(30)}`);
      await shown(page, 4, 2);
      await page.getByRole('region', { name: 'What changed' }).getByText('Changed').first().waitFor();
      const steady = await chordWidth(page, 'b');
      const risen = await chordWidth(page, 'd');
      expect(risen).toBeGreaterThan(steady * 1.4);
      await page.close();
    } finally {
      await own.remove();
    }
  });

  test('is what a link to it shows', async () => {
    const { page } = await openPage(browser, `${server.url}?view=table&at=${ago(1)}&base=${ago(30)}`);
    await page.locator('tr[data-call="shop/cart→shop/pay"]').waitFor(); // vanished calls are on the picture too
    await page.locator('tr[data-call="shop/cart→shop/stock"]').waitFor();
    await page.close();
  });
});

describe('pausing', () => {
  test('holds the picture until it goes on', async () => {
    const own = new Server();
    await own.start();
    try {
      await own.send(call('a', 'b'));
      const { page } = await openPage(browser, `${own.url}?view=table`);
      await waitForGraph(page, 2, 1);
      await page.keyboard.press(' ');
      await page.getByTestId('past').getByText('Paused').waitFor();
      await own.send(call('b', 'c'));
      await page.waitForFunction(async () => ((await (await fetch('api/v1/graph')).json()) as { edges: unknown[] }).edges.length === 2, undefined, { polling: 200 });
      expect(await page.locator('tr[data-call]').count()).toBe(1);
      await page.keyboard.press(' ');
      await waitForGraph(page, 3, 2);
      await page.close();
    } finally {
      await own.remove();
    }
  });
});

describe('filters', () => {
  for (const theme of ['dark', 'light'] as const) {
    test(`choose what is shown, in the URL: ${theme}`, async () => {
      const { page, faults } = await open(`?theme=${theme}`);
      await page.keyboard.press('f');
      const bar = page.getByRole('region', { name: 'Filters' });
      await bar.getByLabel('Kind').selectOption('database');
      await shown(page, 2, 1);
      expect(param(page, 'kind')).toBe('database');
      expect(await violations(page)).toEqual([]);
      await bar.getByLabel('Kind').selectOption('');
      await shown(page, SERVICES, EDGES);
      await server.send(call('search', 'ranking', 'shop', true)); // the rates of earlier ones fade
      await bar.getByLabel('Errors').selectOption('0.5');
      await shown(page, 2, 1);
      await bar.getByRole('button', { name: 'Clear' }).click();
      await shown(page, SERVICES, EDGES);
      await page.keyboard.press('i');
      await shown(page, SERVICES - INFERRED, EDGES - INFERRED);
      await page.reload();
      await waitForGraph(page, SERVICES - INFERRED, EDGES - INFERRED);
      await page.keyboard.press('i');
      await shown(page, SERVICES, EDGES);
      expect(faults).toEqual([]);
      await page.close();
    });
  }

  test('by team', async () => {
    const own = new Server();
    await own.start();
    try {
      const owned = (team: string, body: string) => own.send(body.replaceAll('{"key":"service.namespace"', `{"key":"team","value":{"stringValue":"${team}"}},{"key":"service.namespace"`));
      await owned('red', call('a', 'b'));
      await owned('blue', call('c', 'd'));
      const { page, faults } = await openPage(browser, `${own.url}?view=table`);
      await waitForGraph(page, 4, 2);
      await page.keyboard.press('f');
      await page.getByRole('region', { name: 'Filters' }).getByLabel('Team').selectOption('blue');
      await shown(page, 2, 1);
      await page.locator('tr[data-call="shop/c→shop/d"]').waitFor();
      expect(param(page, 'owner')).toBe('blue');
      expect(faults).toEqual([]);
      await page.close();
    } finally {
      await own.remove();
    }
  });

  test('by namespace, by rate, and only failing paths', async () => {
    // In a window of the past rates do not fade while the test runs.
    const { page } = await openPage(browser, `${server.url}?at=${ago(2)}`);
    await shown(page, SERVICES - 1, EDGES - 1);
    await page.keyboard.press('f');
    const bar = page.getByRole('region', { name: 'Filters' });
    await bar.getByRole('button', { name: 'Only failing paths' }).click();
    // search fails in ranking; web leads there, and the user to web.
    await page.keyboard.press('5');
    await page.locator('tr[data-call="shop/search→shop/ranking"]').waitFor();
    await page.locator('tr[data-call="shop/web→shop/cart"]').waitFor({ state: 'detached' });
    expect(param(page, 'failing')).not.toBeNull();
    await bar.getByRole('button', { name: 'Clear' }).click();
    await bar.getByLabel('Namespace').selectOption('shop');
    await page.waitForFunction(() => new URLSearchParams(location.search).get('namespace') === 'shop');
    await page.locator('tr[data-call="shop/web→shop/cart"]').waitFor();
    await bar.getByRole('button', { name: 'Clear' }).click();
    const rates = await bar.getByLabel('Calls').locator('option').evaluateAll((all) => all.map((o) => (o as HTMLOptionElement).value));
    await bar.getByLabel('Calls').selectOption(rates[rates.length - 1]);
    await page.waitForFunction(() => new URLSearchParams(location.search).has('rate'));
    await page.waitForFunction(() => document.querySelectorAll('tr[data-call]').length === 0);
    await page.close();
  });

  test('say when nothing passes them', async () => {
    const { page } = await openPage(browser, `${server.url}?rate=1000`);
    await page.getByText('Nothing passes the filters').waitFor();
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await waitForGraph(page, SERVICES, EDGES);
    await page.close();
  });

  test('keep a neighbourhood by hops and direction', async () => {
    const { page } = await openPage(browser, `${server.url}?view=table&focus=shop%2Fcart&hops=1&direction=down`);
    await waitForGraph(page, 4, 3);
    await page.close();
  });
});

describe('panels', () => {
  test('draw curves beside the services of their lists', async () => {
    // In a window of the past rates do not fade while the tests run.
    const { page } = await openPage(browser, `${server.url}?view=table&at=${ago(2)}`);
    const rows = page.getByRole('region', { name: 'Everything' }).locator('.row');
    await rows.filter({ hasText: 'ranking' }).first().locator('.spark.failing .line').waitFor({ state: 'attached' });
    await rows.filter({ hasText: 'cart' }).first().locator('.spark.calls .line').waitFor({ state: 'attached' });
    await page.close();
  });

  test('tell of a call what both sides saw', async () => {
    const { page, faults } = await open('?view=table');
    await page.getByRole('button', { name: 'Call from web to cart' }).click();
    const panel = page.getByRole('region', { name: 'Call in focus' });
    await panel.getByRole('img', { name: /Calls a second/ }).waitFor();
    await panel.getByRole('row', { name: /^p99/ }).getByText('ms').first().waitFor();
    await panel.getByText('on the network').waitFor();
    expect(param(page, 'caller')).toBe('shop/web');
    const link = await panel.getByRole('link', { name: /Traces of cart/ }).getAttribute('href');
    expect(link).toMatch(/^https:\/\/traces\.example\/search\?service=cart&start=\d+&end=\d+$/);
    expect(await violations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await page.close();
  });

  for (const theme of ['dark', 'light'] as const) {
    test(`the files, and the list of keys are accessible: ${theme}`, async () => {
      const { page, faults } = await openPage(browser, `${server.url}?focus=shop%2Fcart&theme=${theme}&at=${ago(2)}`);
      const panel = page.getByRole('region', { name: 'Service in focus' });
      await panel.getByRole('img', { name: /Failed share/ }).waitFor();
      await panel.getByText('POST /cart').waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keys' }).getByText('Compare two moments').waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Export' }).click();
      await page.getByRole('link', { name: 'SVG picture' }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await panel.getByRole('button', { name: 'Call between web and cart' }).click();
      await page.getByRole('region', { name: 'Call in focus' }).getByRole('row', { name: /^p99/ }).waitFor();
      expect(await violations(page)).toEqual([]);
      expect(faults).toEqual([]);
      await page.close();
    });
  }

  test('tell of a service its history and operations', async () => {
    const { page } = await open('?view=table&focus=shop%2Fcart');
    const panel = page.getByRole('region', { name: 'Service in focus' });
    await panel.getByRole('img', { name: /Failed share/ }).waitFor();
    await panel.getByText('POST /cart').waitFor();
    await panel.getByRole('button', { name: 'Call between web and cart' }).click();
    await page.getByRole('region', { name: 'Call in focus' }).waitFor();
    await page.close();
  });

  for (const theme of ['dark', 'light'] as const) {
    test(`show the paths between two services: ${theme}`, async () => {
      const { page, faults } = await open(`?focus=shop%2Fweb&theme=${theme}`);
      await page.getByRole('button', { name: 'Path to…' }).click();
      await page.keyboard.type('stock');
      await page.getByRole('option').first().waitFor();
      await page.keyboard.press('Enter');
      const panel = page.getByRole('region', { name: 'Paths between two services' });
      await panel.getByText('1 path, the shortest of 2 calls').waitFor();
      expect(param(page, 'path')).toBe('shop/stock');
      await shown(page, 3, 2);
      expect(await violations(page)).toEqual([]);
      await panel.getByRole('button', { name: 'The other way' }).click();
      await panel.getByText('No path leads there').waitFor();
      await panel.getByRole('button', { name: 'Leave the paths' }).click();
      await shown(page, SERVICES, EDGES);
      expect(faults).toEqual([]);
      await page.close();
    });
  }

  test('find operations while typing', async () => {
    const { page } = await open();
    await page.keyboard.press('/');
    await page.keyboard.type('post /st');
    await page.getByRole('option', { name: /POST \/stock operation of stock/ }).click();
    await page.getByRole('region', { name: 'Service in focus' }).getByRole('heading', { name: 'stock' }).waitFor();
    await page.close();
  });
});

describe('files', () => {
  test('hold what the picture shows', async () => {
    const { page, faults } = await openPage(browser, `${server.url}?kind=database`);
    await waitForGraph(page, 2, 1);
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('link', { name: 'SVG picture' }).waitFor();
    expect(await violations(page)).toEqual([]);
    for (const [name, inside] of [['DOT', 'digraph'], ['JSON', '"kind":"database"'], ['CSV', 'database'], ['SVG', '<svg']] as const) {
      const href = await page.getByRole('link', { name }).getAttribute('href');
      const body = await (await fetch(href ?? '')).text();
      expect(body, name).toContain(inside);
      expect(body, name).not.toContain('shop/search');
    }
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'PNG of the picture' }).click();
    const png = readFileSync(await (await waiting).path());
    expect([...png.subarray(1, 4)].map((b) => String.fromCharCode(b)).join('')).toBe('PNG');
    expect(png.length).toBeGreaterThan(10_000);
    expect(faults).toEqual([]);
    await page.close();
  });
});
