/** The views of the same graph: what people do in each, and that services keep their identity from one to the next. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fleetOf } from '../mock/fleet';
import { MockServer } from '../mock/server';
import { openBrowser, openPage, waitForGraph, type Browser } from './browser';
import { call, Server } from './server';

let browser: Browser;
let server: Server;

/** web calls cart and search; cart calls pay, which fails; pay calls back into web of another namespace and that into pay: a cycle. */
const CALLS: readonly [string, string, string, boolean][] = [
  ['web', 'cart', 'shop', false], ['web', 'search', 'shop', false], ['cart', 'pay', 'shop', true], ['pay', 'ledger', 'shop', false], ['ledger', 'cart', 'shop', false],
];
const SERVICES = 5;
/** In software the star needs so long to have all its chords. */
const SETTLED_MS = 2_000;

beforeAll(async () => {
  browser = await openBrowser();
  server = new Server();
  await server.start();
  for (const c of CALLS) await server.send(call(...c));
});

afterAll(async () => {
  await browser.close();
  await server.remove();
});

async function open(query: string): Promise<{ page: Page; faults: string[] }> {
  const opened = await openPage(browser, server.url + query);
  await waitForGraph(opened.page, SERVICES, CALLS.length);
  return opened;
}

const card = (page: Page, name: string) => page.locator(`.layers [data-service="shop/${name}"]`);

async function drawn(page: Page): Promise<void> {
  await page.waitForFunction((n) => document.querySelector('.star canvas')?.getAttribute('data-drawn') === String(n), SERVICES, { timeout: 60_000 });
}

describe('every view', () => {
  for (const theme of ['dark', 'light'] as const) {
    for (const query of ['view=layers', 'view=layers&focus=shop%2Fcart', 'view=force', 'view=matrix']) {
      test(`has no accessibility violation: ${query}, ${theme}`, async () => {
        const { page, faults } = await open(`?${query}&theme=${theme}`);
        await page.locator(query.includes('layers') ? '.layers .card' : query.includes('matrix') ? '.matrix .over' : '.star canvas').first().waitFor();
        const found = await new AxeBuilder({ page }).analyze();
        expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([]);
        expect(faults).toEqual([]);
        await page.close();
      });
    }
  }
});

describe('Layers', () => {
  test('shows the whole of a small graph, and a neighbourhood when a card is chosen', async () => {
    const { page, faults } = await open('?view=layers');
    await card(page, 'web').waitFor();
    expect(await page.locator('.layers .card').count()).toBe(SERVICES);
    await card(page, 'cart').click();
    await page.getByRole('heading', { name: 'Called by' }).first().waitFor();
    expect(new URL(page.url()).searchParams.get('focus')).toBe('shop/cart');
    expect(await card(page, 'cart').getAttribute('aria-current')).toBe('true');
    expect(faults).toEqual([]);
    await page.close();
  });

  test('shows exactly the calls between what is within so many hops', async () => {
    const { page } = await open('?view=layers&focus=shop%2Fpay&up=1&down=1');
    await card(page, 'pay').waitFor();
    const calls = async (): Promise<string[]> => (await page.locator('.ribbon').evaluateAll((all) => all.map((e) => e.getAttribute('data-call') ?? ''))).sort();
    expect(await calls()).toEqual(['shop/cart→shop/pay', 'shop/ledger→shop/cart', 'shop/pay→shop/ledger']);
    // ledger calls back into cart: a cycle, drawn as a dashed loop.
    expect(await page.locator('.ribbon.back[data-call="shop/ledger→shop/cart"]').count()).toBe(1);
    expect(await page.locator('.ribbon.fails[data-call="shop/cart→shop/pay"]').count()).toBe(1);
    await page.getByRole('group', { name: 'Hops up' }).getByRole('button', { name: '2 hops up' }).click();
    await card(page, 'web').waitFor();
    expect(new URL(page.url()).searchParams.get('up')).toBeNull(); // two is what the link need not say
    await page.close();
  });

  test('opens from the star with Enter, is walked with the arrows, and closes with Escape', async () => {
    const { page, faults } = await open('?focus=shop%2Fcart');
    await drawn(page);
    await page.keyboard.press('Enter');
    await card(page, 'cart').waitFor();
    await card(page, 'cart').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-service'))).toBe('shop/pay');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => new URLSearchParams(location.search).get('focus') === 'shop/pay');
    await page.keyboard.press('Escape');
    await page.locator('.layers').waitFor({ state: 'detached' });
    expect(new URL(page.url()).searchParams.get('focus')).toBe('shop/pay');
    expect(faults).toEqual([]);
    await page.close();
  });

  test('opens with a double click on a service of the star', async () => {
    const { page } = await open('');
    await drawn(page);
    const at = await servicePlace(page);
    await page.mouse.dblclick(at.x, at.y);
    await page.locator('.layers .card.is-focus').waitFor();
    await page.close();
  });
});

/** Some place of the star's canvas under which there is a service. */
async function servicePlace(page: Page): Promise<{ x: number; y: number }> {
  const canvas = page.locator('.star canvas');
  const box = await canvas.boundingBox();
  if (box === null) throw new Error('no canvas');
  for (let angle = 0; angle < 360; angle += 4) {
    for (const share of [0.78, 0.7, 0.62]) {
      const r = (Math.min(box.width, box.height) / 2) * share;
      const [x, y] = [box.x + box.width / 2 + r * Math.cos((angle * Math.PI) / 180), box.y + box.height / 2 + r * Math.sin((angle * Math.PI) / 180)];
      await page.mouse.move(x, y);
      if (await canvas.evaluate((c) => (c as HTMLElement).style.cursor === 'pointer') && await page.locator('.tip dt').filter({ hasText: 'called' }).count() > 0) return { x, y };
    }
  }
  throw new Error('no service found under the pointer');
}

describe('Matrix', () => {
  /** The middle of a cell, in pixels of the page. */
  async function cell(page: Page, row: number, column: number): Promise<{ x: number; y: number }> {
    const base = page.locator('.matrix canvas').first();
    await page.waitForFunction(() => document.querySelector('.matrix canvas')?.getAttribute('data-drawn') === '5');
    const [x, y, size] = ((await base.getAttribute('data-lens')) ?? '').split(' ').map(Number);
    const box = await base.boundingBox();
    if (box === null) throw new Error('no canvas');
    return { x: box.x + x + (column + 0.5) * size, y: box.y + y + (row + 0.5) * size };
  }

  test('is walked with the arrows and selects with Enter', async () => {
    const { page, faults } = await open('?view=matrix');
    await page.locator('.matrix canvas[data-drawn="5"]').waitFor();
    await page.locator('.matrix .over').focus();
    await page.keyboard.press('ArrowDown');
    await page.locator('.tip .ends').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => new URLSearchParams(location.search).has('caller'));
    expect(faults).toEqual([]);
    await page.close();
  });

  test('shows the call under the pointer, and selects it with a click; names select services', async () => {
    const { page } = await open('?view=matrix');
    await page.locator('.matrix .over').waitFor();
    let found: { x: number; y: number } | null = null;
    for (let row = 0; row < SERVICES && found === null; row++) {
      for (let column = 0; column < SERVICES && found === null; column++) {
        const at = await cell(page, row, column);
        await page.mouse.move(at.x, at.y);
        if (await page.locator('.tip .ends').count() > 0) found = at;
      }
    }
    if (found === null) throw new Error('no cell with a call');
    await page.mouse.click(found.x, found.y);
    await page.waitForFunction(() => new URLSearchParams(location.search).has('caller'));
    const first = await cell(page, 0, 0);
    await page.mouse.click(first.x - 90, first.y);
    await page.waitForFunction(() => new URLSearchParams(location.search).has('focus'));
    await page.close();
  });

  test('zooms with the wheel and with + − 0', async () => {
    const { page } = await open('?view=matrix');
    const size = async (): Promise<number> => Number(((await page.locator('.matrix canvas').first().getAttribute('data-lens')) ?? '').split(' ')[2]);
    const at = await cell(page, 2, 2);
    const before = await size();
    await page.mouse.move(at.x, at.y);
    await page.mouse.wheel(0, -300);
    await page.waitForFunction((s) => Number(document.querySelector('.matrix canvas')?.getAttribute('data-lens')?.split(' ')[2]) > s, before);
    await page.keyboard.press('0');
    await page.waitForFunction((s) => Number(document.querySelector('.matrix canvas')?.getAttribute('data-lens')?.split(' ')[2]) === s, before);
    await page.keyboard.press('+');
    await page.waitForFunction((s) => Number(document.querySelector('.matrix canvas')?.getAttribute('data-lens')?.split(' ')[2]) > s, before);
    await page.close();
  });
});

describe('Force', () => {
  test('arranges the services and lets one be chosen from the ring of keys', async () => {
    const { page, faults } = await open('?view=force');
    await drawn(page);
    await page.waitForFunction(() => document.querySelectorAll('.star-name').length === 5 && document.querySelector('.arranging') === null);
    await page.locator('.star canvas').focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('region', { name: 'Service in focus' }).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('grouping', () => {
  test('folds all groups into circles, unfolds them, and groups by community and kind; the link says so', async () => {
    const { page, faults } = await open('');
    await drawn(page);
    await server.send(call('probe', 'target', 'other'));
    await waitForGraph(page, SERVICES + 2, CALLS.length + 1);
    await page.getByRole('button', { name: 'Fold all' }).click();
    const drawnServices = (n: number): Promise<unknown> => page.waitForFunction((k) => document.querySelector('.star canvas')?.getAttribute('data-drawn') === k, String(n));
    await drawnServices(2);
    expect(new URL(page.url()).searchParams.getAll('fold').sort()).toEqual(['n:other', 'n:shop']);
    await page.getByRole('button', { name: 'Unfold' }).click();
    await drawnServices(SERVICES + 2);
    await page.getByRole('button', { name: 'Community' }).click();
    await page.locator('.star-label.heading', { hasText: 'around' }).first().waitFor();
    await page.getByRole('button', { name: 'Kind' }).click();
    await page.locator('.star-label.heading', { hasText: 'services' }).first().waitFor();
    expect(new URL(page.url()).searchParams.get('group')).toBe('kind');
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('a standing clock', () => {
  let still: MockServer;

  beforeAll(async () => {
    still = new MockServer({ fleet: fleetOf(200), dist: new URL('../dist', import.meta.url).pathname, every: 0 });
    await still.start();
  });
  afterAll(() => still.stop());

  for (const view of ['star', 'force', 'matrix']) {
    test(`gives the same pixels from the same data: ${view}`, async () => {
      const picture = async (): Promise<Buffer> => {
        const { page } = await openPage(browser, `${still.url}?view=${view}&t=12.5&quality=high`);
        await waitForGraph(page, 200, 1000);
        await page.waitForFunction(() => document.querySelector('.star canvas')?.getAttribute('data-drawn') === '200'
          || document.querySelector('.matrix canvas[data-drawn="200"]') !== null);
        await page.waitForFunction(() => document.querySelector('.arranging') === null && document.fonts.status === 'loaded');
        await page.waitForTimeout(SETTLED_MS);
        const shot = await page.locator('main').screenshot();
        await page.close();
        return shot;
      };
      const first = await picture();
      expect((await picture()).equals(first)).toBe(true);
    });
  }

  // Layers is text and paths: what the browser makes of equal ones is its own.
  test('gives the same cards and paths from the same data: layers', async () => {
    const plane = async (): Promise<string> => {
      const { page } = await openPage(browser, `${still.url}?view=layers&focus=commerce.cart%2Fcart-export&t=12.5`);
      await waitForGraph(page, 200, 1000);
      await page.locator('.minimap canvas').waitFor();
      const html = await page.locator('.plane').evaluate((e) => e.outerHTML);
      await page.close();
      return html;
    };
    const first = await plane();
    expect(first).toContain('cart-export');
    expect(await plane()).toBe(first);
  });
});
