/** Takes the pictures of docs/screenshots from the real binary: what to run, what to send, what to open. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { fleetOf, numbers } from '../mock/fleet';
import { Feed, type FedCall, type FedService } from './feed';
import { Demo, Server } from './server';

const BROWSER_ARGS = ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
  '--font-render-hinting=none'];
const SIZE = { width: 1600, height: 1000 };
/** Drawing in software takes its time. */
const PATIENCE_MS = 180_000;
/** The company runs so long before its picture: rates need a minute, the timeline some more. */
const COMPANY_MS = 100_000;
/** While pictures are taken a fleet makes its calls of so long at once. */
const PULSE_MS = 5_000;
/** Fonts, sparklines and the last chords come after the first picture. */
const SETTLE_MS = 12_000;
/** Everything that moves stands at this second, with all its light. */
const STILL = 't=12.5&quality=high';

export interface Options {
  /** The folder for the pictures. */
  out: string;
  /** The folder of recorded graphs. */
  traces: string;
  /** Names of the scenes to take; empty: all. */
  only: readonly string[];
}

export interface Shot {
  url: string;
  file: string;
  theme?: 'dark' | 'light';
  width?: number;
  height?: number;
  seconds?: number;
}

/** Runs something with a browser that draws in software. */
export async function withBrowser<T>(use: (browser: Browser) => Promise<T>): Promise<T> {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: BROWSER_ARGS });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

/** Takes one picture of a page. */
export async function take(browser: Browser, shot: Shot, prepare?: (page: Page) => Promise<void>): Promise<void> {
  const page = await browser.newPage({ viewport: { width: shot.width ?? SIZE.width, height: shot.height ?? SIZE.height }, colorScheme: shot.theme ?? 'dark' });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(shot.url);
  await prepare?.(page);
  await page.waitForTimeout(shot.seconds === undefined ? SETTLE_MS : shot.seconds * 1000);
  await page.screenshot({ path: shot.file, timeout: PATIENCE_MS });
  await page.close();
  squeeze(shot.file);
  console.log(`${shot.file}: ${Math.round(statSync(shot.file).size / 1024)} KiB`);
}

/** Makes a picture smaller by a palette where pngquant is installed; else it stays as it is. */
function squeeze(file: string): void {
  try {
    execFileSync('pngquant', ['--force', '--skip-if-larger', '--speed', '1', '--quality', '80-98', '--output', file, file], { stdio: 'ignore' });
  } catch {
    // Not installed, or no smaller: the picture is good as it is.
  }
}

/** Waits for so many services on the star. */
async function drawn(page: Page, services: number): Promise<void> {
  await page.waitForFunction((n) => document.querySelector('.star canvas')?.getAttribute('data-drawn') === String(n), services, { polling: 200 });
}

interface Picture {
  file: string;
  query: string;
  theme?: 'dark' | 'light';
}

/** A scene is one running server and the pictures of it. */
interface Scene {
  name: string;
  run(browser: Browser, o: Options): Promise<void>;
}

async function takeAll(browser: Browser, o: Options, url: string, pictures: readonly Picture[], prepare: (page: Page) => Promise<void>): Promise<void> {
  for (const p of pictures) {
    await take(browser, { url: `${url}?${STILL}&${p.query}`, file: join(o.out, p.file), theme: p.theme ?? 'dark' }, p.query.includes('view=') ? undefined : prepare);
  }
}

const company: Scene = {
  name: 'company',
  async run(browser, o) {
    const demo = new Demo();
    await demo.start();
    try {
      await new Promise((resolve) => setTimeout(resolve, COMPANY_MS));
      await takeAll(browser, o, demo.url, [
        { file: 'sample-company.png', query: '' },
        { file: 'sample-company-light.png', query: '', theme: 'light' },
        { file: 'sample-company-layers.png', query: 'view=layers&focus=rides/trip-management' },
      ], (page) => page.waitForSelector('.star-label').then(() => undefined));
    } finally {
      await demo.stop();
    }
  },
};

/** The last hour of a fleet, with a swell. In some minutes every call is made: in the newest, and in those that are to be compared. */
async function hour(feed: Feed, perMinute: number, whole: readonly number[]): Promise<void> {
  for (let ago = 58; ago >= 1; ago--) await feed.stretch(ago, Math.round(perMinute * (0.75 + 0.25 * Math.sin(ago / 9))));
  for (const ago of [...whole, 1]) await feed.tour(ago);
}

/** Runs a server with a fleet that goes on calling while its pictures are taken. */
async function withFleet(services: readonly FedService[], calls: readonly FedCall[], perMinute: number, whole: readonly number[], use: (url: string) => Promise<void>): Promise<void> {
  const server = new Server();
  await server.start();
  let going = true;
  try {
    const feed = new Feed(server, services, calls);
    await hour(feed, perMinute, whole);
    const goOn = (async () => {
      while (going) {
        await feed.stretch(PULSE_MS / 60_000, Math.round((perMinute * PULSE_MS) / 60_000), PULSE_MS / 60_000);
        await new Promise((resolve) => setTimeout(resolve, PULSE_MS));
      }
    })();
    await use(server.url);
    going = false;
    await goOn;
  } finally {
    going = false;
    await server.remove();
  }
}

const recorded: Scene = {
  name: 'recorded',
  async run(browser, o) {
    const file = join(o.traces, 'graphs', 'uber-crisp-1238-services.csv');
    if (!existsSync(file)) {
      console.log(`skipped the recorded graph: no ${file} (--traces FOLDER or TRACES names the folder)`);
      return;
    }
    const numberOf = new Map<string, number>();
    const number = (name: string): number => numberOf.get(name) ?? (numberOf.set(name, numberOf.size), numberOf.size - 1);
    const calls = readFileSync(file, 'utf8').trim().split('\n').slice(1).map((line): FedCall => {
      const [from, to, count] = line.split(',');
      return { from: number(from), to: number(to), rate: Number(count), error_rate: 0, p50_ms: 5 };
    });
    const services = [...numberOf.keys()].map((label) => ({ label, namespace: '' }));
    await withFleet(services, calls, 15_000, [], (url) => takeAll(browser, o, url, [
      { file: 'recorded-1238.png', query: 'group=community' },
    ], (page) => drawn(page, services.length)));
  },
};

/** The ends of the windows that are compared, minutes ago; a window has five. */
const NOW_AGO = 1;
const BASE_AGO = 30;

/** Rates closer together, so that minutes of pictures show every call more than once. */
function evened<T extends { rate: number }>(calls: readonly T[]): T[] {
  return calls.map((c) => ({ ...c, rate: c.rate ** 0.75 }));
}

/** A fleet in which some calls began and some ended half an hour ago: those of a few teams, mostly. */
function changing(size: number): { services: FedService[]; calls: FedCall[]; focus: string } {
  const { services, calls } = fleetOf(size);
  const random = numbers(3);
  const moved = evened(calls).map((c): FedCall => {
    const [from, to] = [services[c.from].namespace, services[c.to].namespace];
    const begins = from.startsWith('commerce.') && to.startsWith('data.') ? 0.7 : 0.004;
    const ends = from.startsWith('risk.') && to.startsWith('logistics.') ? 0.9 : 0.003;
    const x = random();
    return x < begins ? { ...c, rate: c.rate * 3, since: 20 } : x < begins + ends ? { ...c, rate: c.rate * 3, until: 20 } : c;
  });
  const failing = services.reduce((worst, s) => (s.error_rate > 0.1 && s.rate > worst.rate ? s : worst), { ...services[0], rate: 0 });
  return { services, calls: moved, focus: failing.name };
}

const middle: Scene = {
  name: 'fleet-2000',
  async run(browser, o) {
    const { services, calls, focus } = changing(2000);
    const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString().replace(/\.\d+Z/, 'Z');
    const of = `focus=${encodeURIComponent(focus)}`;
    await withFleet(services, calls, 40_000, [BASE_AGO + 3, NOW_AGO + 3], (url) => takeAll(browser, o, url, [
      { file: 'fleet-2000.png', query: '' },
      { file: 'focus.png', query: of },
      { file: 'layers.png', query: `view=layers&${of}` },
      { file: 'matrix.png', query: 'view=matrix' },
      { file: 'compare-light.png', query: `at=${ago(NOW_AGO)}&base=${ago(BASE_AGO)}`, theme: 'light' },
    ], (page) => drawn(page, services.length)));
  },
};

const large: Scene = {
  name: 'fleet-10000',
  async run(browser, o) {
    const { services, calls } = fleetOf(10_000);
    await withFleet(services, calls, 30_000, [], (url) => takeAll(browser, o, url, [
      { file: 'fleet-10000.png', query: '' },
    ], (page) => drawn(page, services.length)));
  },
};

export const SCENES: readonly Scene[] = [company, recorded, middle, large];

export async function takeSet(o: Options): Promise<void> {
  const unknown = o.only.filter((name) => !SCENES.some((s) => s.name === name));
  if (unknown.length > 0) throw new Error(`no scene ${unknown.join(', ')}: there are ${SCENES.map((s) => s.name).join(', ')}`);
  const scenes = SCENES.filter((s) => o.only.length === 0 || o.only.includes(s.name));
  await withBrowser(async (browser) => {
    for (const s of scenes) await s.run(browser, o);
  });
}
