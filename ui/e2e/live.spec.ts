/** Spans sent to the real server are on the page, and survive its restart. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, waitForGraph, type Browser } from './browser';
import { call, Server } from './server';

let browser: Browser;
let server: Server;

beforeAll(async () => {
  browser = await openBrowser();
  server = new Server();
  await server.start();
});

afterAll(async () => {
  await browser.close();
  await server.remove();
});

describe('the live page', () => {
  test('shows where to send spans while there are none', async () => {
    const { page, faults } = await openPage(browser, server.url);
    await page.getByText(server.http).first().waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('shows an edge within two seconds, and finds it again after a restart', async () => {
    const { page, faults } = await openPage(browser, `${server.url}?view=table`);
    await page.waitForFunction(() => document.documentElement.dataset.connected === 'true');
    const sent = performance.now();
    await server.send(call('web', 'api'));
    await waitForGraph(page, 2, 1);
    const took = performance.now() - sent;
    console.log(`edge on the page after ${Math.round(took)} ms`);
    expect(took).toBeLessThan(2000);
    await page.locator('tr[data-call="shop/web→shop/api"]').waitFor();

    const before = await server.graph();
    await server.stop();
    await page.waitForFunction(() => document.documentElement.dataset.connected === 'false');
    await page.locator('tr[data-call="shop/web→shop/api"]').waitFor(); // the picture stays
    await server.start();
    await waitForGraph(page, 2, 1);
    await page.locator('tr[data-call="shop/web→shop/api"]').waitFor();
    expect(await server.graph()).toEqual(before);

    await server.send(call('api', 'db-proxy'));
    await waitForGraph(page, 3, 2);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('draws the real graph of 1,238 services', async (context) => {
    const recorded = new URL('../../../shared/traces/otlp/uber-crisp-graph-1call.jsonl.gz', import.meta.url);
    if (!existsSync(recorded)) {
      context.skip(`no recorded traces at ${recorded.pathname}`);
      return;
    }
    const fresh = new Server();
    await fresh.start();
    try {
      for (const line of gunzipSync(readFileSync(recorded)).toString().split('\n')) {
        if (line !== '') await fresh.send(line);
      }
      const { page, faults } = await openPage(browser, fresh.url);
      await waitForGraph(page, 1238, 4271);
      await page.waitForFunction(() => document.querySelector('canvas')?.dataset.drawn === '1238', undefined, { timeout: 60_000 });
      const graph = await fresh.graph();
      expect([graph.nodes.length, graph.edges.length]).toEqual([1238, 4271]);
      expect(faults).toEqual([]);
      await page.close();
    } finally {
      await fresh.remove();
    }
  });
});
