/** The tests that hold the mutants of a folder. */
const TESTS = {
  'src/core/keytrans/': 'test/core/keytrans/**/*.test.ts',
  'src/core/log/': 'test/core/log/**/*.test.ts',
  'src/core/prefix/': 'test/core/prefix/**/*.test.ts',
};

// `--mutate 'src/core/log/…'` narrows the tests as well: all of them for each mutant would take hours.
const folders = Object.keys(TESTS);
const named = folders.filter((folder) => process.argv.join(' ').includes(folder));
const mutated = named.length === 0 ? folders : named;
process.env.GLASSKEY_MUTATION_TESTS = mutated.map((folder) => TESTS[folder]).join(',');
// Damaged answers and the model of all operations cost seconds for each mutant, and kill none that the others let live.
process.env.GLASSKEY_MUTATION_WITHOUT = '**/damaged-responses.test.ts,**/model.test.ts';

/** See docs/mutation-testing.md. */
export default {
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner', './test/mutation/ignore-messages.mjs'],
  ignorers: ['messages'],
  mutate: mutated.map((folder) => `${folder}**/*.ts`),
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // Read by name with a version of TypeScript that this project does not use; no test of the core needs it.
  tsconfigFile: 'none.json',
  ignorePatterns: ['*', '!src/**', '!test/**', '!package.json'],
  tempDirName: 'dist-mutation/tmp',
  reporters: ['clear-text', 'html', 'json'],
  htmlReporter: { fileName: 'dist-mutation/report.html' },
  jsonReporter: { fileName: 'dist-mutation/report.json' },
  concurrency: 2,
  // A mutant that makes a loop endless is dead after the time that its tests take, and five seconds.
  timeoutFactor: 1,
  timeoutMS: 5000,
};
