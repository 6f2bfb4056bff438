/** Builds what is measured into a folder: the page from its present sources, and the pages of the other libraries. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build as bundle } from 'rolldown';
import { build as vite } from 'vite';

const HERE = new URL('.', import.meta.url).pathname;
const UI = join(HERE, '..');
export const LIBRARIES = ['sigma', 'cytoscape'];

/** The version of an installed library. */
export function versionOf(library) {
  return createRequire(import.meta.url)(join(HERE, 'node_modules', library, 'package.json')).version;
}

async function library(name, out) {
  await bundle({ input: join(HERE, 'others', `${name}.js`), platform: 'browser', logLevel: 'silent', output: { file: join(out, `${name}.js`), format: 'es', minify: true } });
  await writeFile(join(out, `${name}.html`), `<!doctype html><meta charset="utf-8"><title>${name}</title>
<style>body{margin:0;background:#05070c}#graph{width:100vw;height:100vh}</style><div id="graph"></div><script type="module" src="${name}.js"></script>`);
}

/** Everything into the folder; gives the made-up fleets and the encoder of the stream. */
export async function build(folder) {
  const page = join(folder, 'page');
  const others = join(folder, 'others');
  await mkdir(others, { recursive: true });
  await vite({ root: UI, configFile: join(UI, 'vite.config.ts'), logLevel: 'error', build: { outDir: page, emptyOutDir: true } });
  for (const name of LIBRARIES) await library(name, others);
  const module = join(folder, 'fleet.mjs');
  await bundle({ input: join(HERE, 'fleet.ts'), platform: 'node', logLevel: 'silent', output: { file: module, format: 'es' } });
  return { page, others, ...(await import(module)) };
}
