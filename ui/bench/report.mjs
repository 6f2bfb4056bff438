/** Figures as the tables of docs/performance.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { LIBRARIES, versionOf } from './build.mjs';
import { VIEWPORT } from './browser.mjs';

const PAGE = new URL('../../docs/performance.md', import.meta.url).pathname;
const BEGINS = '<!-- make bench-ui writes from here -->\n';
const ENDS = '<!-- make bench-ui writes to here -->\n';

/**
 * The budgets of the design, by fleet. on: gpu, held only by a graphics
 * processor; software, only without one; any. A frame of 60 a second has 16.7 ms.
 */
const BUDGETS = [
  ['scripts and styles until the snapshot, gzipped', 'kB', 'bundle', 'any', 60, 60],
  ['snapshot → first picture', 'ms', 'first', 'gpu', 150, 600],
  ['snapshot → picture with all calls', 'ms', 'whole'],
  ['frame with a delta each second, nothing moved', 'ms', 'steady', 'gpu', undefined, 16.7],
  ['— the longest from one to the next', 'ms', 'steadyLongest', 'gpu', undefined, 33],
  ['— CPU of the main thread', 'ms', 'steadyMain'],
  ['— CPU of page and graphics', 'ms', 'steadyAll'],
  ['— draw calls', '', 'draws'],
  ['frame while zooming', 'ms', 'zoom', 'gpu', undefined, 16.7],
  ['frame while panning', 'ms', 'pan', 'gpu', undefined, 16.7],
  ['frame while panning', 'ms', 'pan', 'software', 200, undefined],
  ['end of a zoom → picture with all calls', 'ms', 'back', 'gpu', undefined, 400],
  ['pointer → highlight drawn', 'ms', 'hover', 'gpu', 16, 16],
  ['key → services found', 'ms', 'search', 'any', undefined, 50],
  ['delta of 20 % of the calls, taken in', 'ms', 'delta', 'any', undefined, 10],
  ['— with all that the main thread does for it, CPU', 'ms', 'deltaMain'],
  ['— the dearest of a visit, CPU', 'ms', 'deltaMost'],
  ['memory of the tab', 'MB', 'memory', 'any', undefined, 150],
  ['— of it buffers and textures', 'MB', 'graphics'],
  ['— the process, private', 'MB', 'process'],
];

const BESIDE = [
  ['open → first picture', 'ms', 'first'],
  ['zooming, a frame', 'ms', 'zoom'],
  ['— CPU of page and graphics', 'ms', 'zoomAll'],
  ['panning, a frame', 'ms', 'pan'],
  ['— CPU of page and graphics', 'ms', 'panAll'],
  ['pointer → neighbours highlighted', 'ms', 'hover'],
  ['the process, private', 'MB', 'process'],
];

/** The middle of a list; NaN when most did not end. */
function median(list) {
  const sorted = list.map((v) => (Number.isNaN(v) ? Infinity : v)).sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function shown(v, unit) {
  if (v === undefined) return '';
  if (v === Infinity) return 'not in time';
  return `${v < 10 ? v.toFixed(1) : Math.round(v).toLocaleString('en-US')}${unit === '' ? '' : ` ${unit}`}`;
}

const line = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
const fleetName = ({ services, calls }) => `${services.toLocaleString('en-US')} / ${calls.toLocaleString('en-US')}`;

/** A figure, bold where it is over a budget that this device is to hold. */
function judged(v, unit, budget, held) {
  const text = shown(v, unit);
  return budget !== undefined && held && v > budget ? `**${text}**` : text;
}

function budgetTable(r) {
  const small = r.fleets[0].services;
  const rows = BUDGETS.filter((b) => b[3] !== 'software' || r.device.software).map(([what, unit, name, on, ...by]) => {
    const wanted = by.filter((v) => v !== undefined).map((v) => `${v} ${unit}`);
    const held = on === 'any' || r.device.software === (on === 'software');
    const budget = wanted.length === 0 ? '' : `≤ ${[...new Set(wanted)].join('; ≤ ')}${{ gpu: ' with a GPU', software: ' without', any: '' }[on]}`;
    return [what, budget, ...r.fleets.map((f) => judged(median(r.all.get(`page ${f.services}`)[name]), unit, by[f.services === small ? 0 : 1], held))];
  });
  return table(['', 'budget', ...r.fleets.map(fleetName)], rows);
}

function besideTable(r, fleet) {
  const of = (library, name) => r.all.get(`${library} ${fleet.services}`)[name];
  const rows = BESIDE.map(([what, unit, name]) => [what, ...['page', ...LIBRARIES].map((l) => {
    const list = of(l, name);
    return list === undefined ? 'not in time' : shown(median(list), unit);
  })]);
  return table([fleetName(fleet), 'the page', ...LIBRARIES.map((l) => `${l}.js ${versionOf(l)}`)], rows);
}

function text(r) {
  const cores = cpus();
  return `${new Date().toISOString().slice(0, 10)}, \`make bench-ui\`: ${cores.length} × ${cores[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Chromium ${r.browser} `
    + `at ${VIEWPORT.width} × ${VIEWPORT.height}, drawn by ${r.device.name}. Medians of ${r.rounds} ${r.rounds === 1 ? 'round' : 'rounds'}; bold: over a budget that holds on this device.\n\n`
    + `${budgetTable(r)}\n\n${r.fleets.map((f) => besideTable(r, f)).join('\n\n')}\n`;
}

export function print(r) {
  console.log(text(r));
}

/** Replaces what lies between the marks of docs/performance.md. */
export async function write(r) {
  const page = await readFile(PAGE, 'utf8');
  const begin = page.indexOf(BEGINS);
  const end = page.indexOf(ENDS);
  if (begin < 0 || end < begin) throw new Error(`${PAGE}: no marks to write between`);
  const body = text(r);
  await writeFile(PAGE, `${page.slice(0, begin + BEGINS.length)}${body}${page.slice(end)}`);
  console.log(body);
}
