/** What people do on the page, against the real server. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, waitForGraph, type Browser } from './browser';
import { call, Server } from './server';

/** Names that would do harm if any of them were taken for markup or a script. */
const HOSTILE = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '"><svg onload=alert(1)>',
  '__proto__', 'constructor', '\u202Egnp.exe', "'; DROP TABLE services;--", '${alert(1)}', 'javascript:alert(1)',
];

let browser: Browser;
let server: Server;

beforeAll(async () => {
  browser = await openBrowser();
  server = new Server();
  await server.start();
  await server.send(call('web', 'cart'));
  await server.send(call('cart', 'pay', 'shop', true));
  await server.send(call('web', 'search'));
  for (const name of HOSTILE) await server.send(call('web', name));
});

afterAll(async () => {
  await browser.close();
  await server.remove();
});

const SERVICES = 4 + HOSTILE.length;
const CALLS = 3 + HOSTILE.length;

async function open(query = ''): Promise<{ page: Page; faults: string[] }> {
  const opened = await openPage(browser, server.url + query);
  await waitForGraph(opened.page, SERVICES, CALLS);
  return opened;
}

describe('the page', () => {
  for (const theme of ['dark', 'light'] as const) {
    for (const view of ['star', 'table'] as const) {
      test(`has no accessibility violation and runs no name: ${view}, ${theme}`, async () => {
        const { page, faults } = await open(`?view=${view}&theme=${theme}`);
        expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(theme);
        const found = await new AxeBuilder({ page }).analyze();
        expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([]);
        expect(faults).toEqual([]);
        await page.close();
      });
    }
  }

  test('changes the view with the number keys, and the URL with it', async () => {
    const { page, faults } = await open();
    await page.locator('canvas').waitFor();
    await page.keyboard.press('5');
    await page.locator('tr[data-call="shop/cart→shop/pay"]').waitFor();
    expect(page.url()).toContain('view=table');
    await page.keyboard.press('1');
    expect(page.url()).not.toContain('view=table');
    await page.goBack();
    await page.locator('tr[data-call="shop/cart→shop/pay"]').waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('finds a service and shows who calls it', async () => {
    const { page, faults } = await open();
    await page.keyboard.press('/');
    await page.keyboard.type('pay');
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('region', { name: 'Service in focus' });
    await panel.getByText('cart').first().waitFor();
    expect(new URL(page.url()).searchParams.get('focus')).toBe('shop/pay');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
    await page.close();
  });

  test('opens a link to a focus', async () => {
    const { page } = await open('?focus=shop%2Fcart');
    const panel = page.getByRole('region', { name: 'Service in focus' });
    await panel.getByText('web').first().waitFor();
    await panel.getByText('pay').first().waitFor();
    await page.close();
  });

  test('filters the table', async () => {
    const { page } = await open('?view=table');
    await page.getByRole('searchbox', { name: 'Filter calls' }).fill('pay');
    await page.waitForFunction(() => document.querySelectorAll('tr[data-call]').length === 1);
    await page.locator('tr[data-call="shop/cart→shop/pay"]').waitFor();
    await page.close();
  });

  test('shows every name as it is', async () => {
    const { page } = await open('?view=table');
    const rows = await page.evaluate(() => [...document.querySelectorAll('tr[data-call]')].map((r) => r.getAttribute('data-call')));
    for (const name of HOSTILE) {
      const printed = name.replaceAll('%', '%25').replaceAll('/', '%2F');
      expect(rows.some((r) => r === `shop/web→shop/${printed}`), name).toBe(true);
    }
    await page.close();
  });

  test('says which keys there are', async () => {
    const { page } = await open();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' });
    await page.close();
  });
});
