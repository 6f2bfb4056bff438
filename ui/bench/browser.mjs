/** Chromium, what it draws with, and what its processes cost. */
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

export const VIEWPORT = { width: 1400, height: 1000 };
const PROBE = new URL('probe.js', import.meta.url).pathname;
/** A graphics processor is used where there is one; DEVICE=software draws without. */
const ARGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic',
  '--enable-unsafe-swiftshader', '--enable-blink-features=ForceEagerMeasureMemory',
  ...(process.env.DEVICE === 'software' ? ['--use-angle=swiftshader'] : ['--ignore-gpu-blocklist'])];

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
}

/** What WebGL2 draws with, in the driver's words. */
export async function deviceOf(browser) {
  const page = await browser.newPage();
  const name = await page.evaluate(() => {
    const gl = document.createElement('canvas').getContext('webgl2');
    const info = gl?.getExtension('WEBGL_debug_renderer_info');
    return info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : '';
  });
  await page.close();
  if (name === '') throw new Error('the browser has no WebGL2');
  return { name, software: /swiftshader|llvmpipe|software/i.test(name) };
}

/** A page in a process of its own, with the probe in it. */
export class Visit {
  static async begin(browser) {
    const visit = new Visit();
    visit.context = await browser.newContext({ viewport: VIEWPORT, colorScheme: 'dark' });
    visit.page = await visit.context.newPage();
    visit.faults = [];
    visit.page.on('pageerror', (e) => visit.faults.push(e.message));
    await visit.page.addInitScript({ path: PROBE });
    visit.whole = await browser.newBrowserCDPSession();
    visit.tab = await visit.context.newCDPSession(visit.page);
    await visit.tab.send('Performance.enable', { timeDomain: 'threadTicks' });
    return visit;
  }

  async end() {
    await this.whole.detach().catch(() => undefined);
    await this.context.close();
  }

  /** CPU milliseconds so far: of the page's main thread, and of all that draws it. */
  async cpu() {
    const { metrics } = await this.tab.send('Performance.getMetrics');
    const { processInfo } = await this.whole.send('SystemInfo.getProcessInfo');
    const all = processInfo.filter((p) => p.type === 'renderer' || p.type === 'GPU').reduce((sum, p) => sum + p.cpuTime, 0);
    return { main: metrics.find((m) => m.name === 'TaskDuration').value * 1000, all: all * 1000 };
  }

  /** Frames and CPU of what work does: milliseconds a frame, the longest from one to the next, and the share of those in which the picture moved. */
  async frames(work) {
    const before = await this.cpu();
    const from = await this.page.evaluate(() => ({ at: window.probe.flush(), frames: window.probe.frames.length }));
    await work();
    const drawn = await this.page.evaluate((first) => {
      const at = window.probe.flush();
      const frames = window.probe.frames.slice(first);
      const draws = frames.map((f) => f.draws).sort((a, b) => a - b)[frames.length >> 1] ?? 0;
      return { at, count: frames.length, moved: frames.filter((f) => f.moved).length / Math.max(1, frames.length), draws, longest: Math.max(0, ...frames.slice(1).map((f, i) => f.start - frames[i].start)) };
    }, from.frames);
    const after = await this.cpu();
    const n = Math.max(1, drawn.count);
    return { frame: (drawn.at - from.at) / n, main: (after.main - before.main) / n, all: (after.all - before.all) / n, draws: drawn.draws, longest: drawn.longest, moved: drawn.moved };
  }

  /** Megabytes: objects and their buffers in all threads, what was given to the graphics processor, and the process's own memory. */
  async memory() {
    const { objects, graphics, unknown } = await this.page.evaluate(async () => ({
      objects: (await performance.measureUserAgentSpecificMemory()).bytes, graphics: window.probe.graphicsBytes, unknown: window.probe.unknown,
    }));
    if (unknown !== '') throw new Error(`the probe does not know the size of a ${unknown}`);
    return { objects: objects / 1e6, graphics: graphics / 1e6, process: await this.processMemory() };
  }

  /** The largest page process's own memory where the system tells it; NaN: it does not. */
  async processMemory() {
    const { processInfo } = await this.whole.send('SystemInfo.getProcessInfo');
    const sizes = await Promise.all(processInfo.filter((p) => p.type === 'renderer').map(async ({ id }) => {
      const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
      return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1000;
    }));
    return Math.max(...sizes);
  }
}
