/**
 * Takes the pictures of docs/screenshots, or one of any page:
 *
 *   node e2e/screenshots.mjs [--out FOLDER] [--traces FOLDER] [SCENE…]
 *   node e2e/screenshots.mjs --url URL --file FILE [--theme dark|light] [--width N] [--height N] [--seconds N]
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';

const at = (path) => new URL(path, import.meta.url).pathname;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: at('../../docs/screenshots') },
    traces: { type: 'string', default: process.env.TRACES ?? at('../../../shared/traces') },
    url: { type: 'string' }, file: { type: 'string' }, theme: { type: 'string', default: 'dark' },
    width: { type: 'string', default: '1600' }, height: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '10' },
  },
});
const { module } = await runnerImport(at('./scenes.ts'), { configFile: false, logLevel: 'warn' });
if (values.url !== undefined && values.file !== undefined) {
  const { url, file, theme } = values;
  const [width, height, seconds] = [values.width, values.height, values.seconds].map(Number);
  await module.withBrowser((browser) => module.take(browser, { url, file, theme, width, height, seconds }));
} else {
  mkdirSync(values.out, { recursive: true });
  await module.takeSet({ out: values.out, traces: values.traces, only: positionals });
}
