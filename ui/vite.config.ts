import { defineConfig } from 'vitest/config';

/** Takes comments, indentation and line ends out of the programs of the star: they are text, which no minifier touches. */
const shaders = {
  name: 'shaders',
  enforce: 'pre' as const,
  transform: (code: string, id: string): string | null =>
    (id.endsWith('/src/render/shaders.ts') ? code.replace(/[ \t]*\/\/[^\n]*/g, '').replace(/^[ \t]+/gm, '').replace(/([;{}])\n/g, '$1').replace(/ ([=*<>?:]|==|&&|\|\|) /g, '$1').replace(/, /g, ',') : null),
};

// File names are stable and there are no source maps, so that the committed
// dist changes only when the page does. Every URL is relative: the page works
// under any path prefix.
export default defineConfig({
  base: './',
  plugins: [shaders],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    outDir: 'dist',
    assetsDir: 'assets',
    sourcemap: false,
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/app.js',
        chunkFileNames: 'assets/[name].js',
        // What the first picture and other parts share is one file: it packs better than many small ones.
        codeSplitting: { groups: [{ name: 'base', test: /node_modules|src\/model\/(frame|graph|groups|health|paths|format|filter|json|range)\.ts/ }] },
        // The first style sheet is named after the page, others after the part that they belong to.
        assetFileNames: ({ names }) => (names.includes('index.css') || names.includes('app.css') ? 'assets/style.css' : 'assets/[name][extname]'),
      },
    },
  },
  worker: {
    format: 'es',
    rollupOptions: { output: { entryFileNames: 'assets/layout.js', chunkFileNames: 'assets/layout-[name].js' } },
  },
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
  },
});
