import type { Claims } from './claims.ts';

/** "Watchers". */
export const WATCHERS: Claims = {
  'It cannot accuse the log of another tree': ['test/scenario/attacks-watching.test.ts: watcher-accuses-falsely'],
  'Following the log asks about no name': [
    'test/watch/mandates.test.ts: costs no request until the name gets a version',
  ],
  'Owners’ clients and other watchers see that': [
    'test/scenario/attacks-watching.test.ts: watcher-shown-another-log',
    'test/scenario/attacks-watching.test.ts: two-watchers-shown-two-logs',
  ],
  'An operator that does not answer the watcher hides nothing': [
    'test/scenario/watched-attacks.test.ts: leave versions out, so that no entry adds the next one',
  ],
  'After a monitoring window without a verified audit': [
    'test/scenario/watched-attacks.test.ts: keep it from seeing the log for a monitoring window',
  ],
  'The former addresses are told': [
    'test/watch/mandates.test.ts: cannot silence a false version, though a stolen key signs that its owner made it',
  ],
  'Codes and feeds’ secrets are there as hashes': [
    'test/server/serve-watcher.test.ts: keeps its files private and its secrets out of them, and goes on after a restart',
  ],
};
