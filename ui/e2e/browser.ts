/** A real browser, drawing in software. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

const ARGS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
];

export interface Browser {
  context: BrowserContext;
  close(): Promise<void>;
}

export async function openBrowser(colorScheme: 'dark' | 'light' = 'dark'): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'graphctl-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ARGS,
    headless: true,
    colorScheme,
    reducedMotion: 'reduce', // fewer frames: the tests do not measure speed
    viewport: { width: 1000, height: 700 },
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Opens a page and gathers what must never happen on it. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (e) => faults.push(`error: ${e.message}`));
  page.on('dialog', (d) => { faults.push(`dialog: ${d.message()}`); void d.dismiss(); });
  page.on('console', (m) => {
    // Nobody listens: the test has stopped the server, and the page asks again.
    if (m.type() === 'error' && !/WebSocket connection|net::ERR_CONNECTION_REFUSED/.test(m.text())) faults.push(`console: ${m.text()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
  });
  await page.goto(url);
  return { page, faults };
}

/** Waits until the page shows so many services and calls, and is live. */
export async function waitForGraph(page: Page, services: number, calls: number, timeout = 60_000): Promise<void> {
  await page.waitForFunction(([s, c]) => {
    const d = document.documentElement.dataset;
    return d.connected === 'true' && d.services === String(s) && d.calls === String(c);
  }, [services, calls] as const, { timeout, polling: 50 });
}
