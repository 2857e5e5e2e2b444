import { defineConfig } from 'vitest/config';

/** The tests of the core alone: what mutants of it are held to. No server, no database. */
export default defineConfig({
  test: {
    include: ['test/core/**/*.test.ts', 'test/vectors/vectors.test.ts'],
    testTimeout: 60_000,
  },
});
