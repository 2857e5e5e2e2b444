import { defineConfig } from 'vitest/config';
import { QuickFirst } from './quick-first.ts';

/** The tests that mutants are held to: those that `stryker.config.mjs` names. No server, no database. */
export default defineConfig({
  test: {
    include: (process.env['GLASSKEY_MUTATION_TESTS'] ?? 'test/core/**/*.test.ts').split(','),
    exclude: process.env['GLASSKEY_MUTATION_WITHOUT']?.split(',') ?? [],
    setupFiles: ['test/mutation/setup.ts'],
    // A worker for each file would take longer than most mutants live.
    isolate: false,
    sequence: { sequencer: QuickFirst },
    testTimeout: 60_000,
  },
});
