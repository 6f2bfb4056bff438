import { defineConfig } from 'vitest/config';

// Browser tests: one at a time, since each takes both a browser and a server.
export default defineConfig({
  test: {
    include: ['e2e/**/*.spec.ts'],
    root: new URL('..', import.meta.url).pathname,
    environment: 'node',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
