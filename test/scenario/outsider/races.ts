import type { OutsideAttack } from './outside-attack.ts';

/** Requests and processes that meet. */
export const RACES: readonly OutsideAttack[] = [
  {
    attack: 'register one name 200 times at once, with different keys and on two servers',
    outcome: 'one certificate is signed',
    codes: ['version-conflict', 'change-required'],
    tests: [
      'test/service/issuance/issuance.test.ts: of 200 at once with different keys: one succeeds, one certificate is signed',
      'test/service/replicas.test.ts: sign one certificate for one name, whatever is asked where',
    ],
  },
  {
    attack: 'guess a mailed code by attempts that come together',
    outcome: 'each counts',
    codes: ['code-refused'],
    tests: [
      'test/store/email-challenge-rows.test.ts: tries that come together are counted each',
      'test/http/email-challenge.test.ts: can be tried a few times only, also at once',
    ],
  },
  {
    attack: 'send a CSR that was seen on its way, to have the true request fail',
    outcome: 'the application’s own request goes through',
    codes: ['unauthenticated'],
    tests: ['test/scenario/hostile-requests.test.ts: cannot make the application’s own request fail'],
  },
  {
    attack: 'have two servers append at the same moment',
    outcome: 'one does: a compare-and-swap on the head is the fence',
    codes: [],
    tests: [
      'test/service/sequencing/sequencer.test.ts: cannot both append',
      'test/store/log-rows.test.ts: of appends that race for one size exactly one wins',
    ],
  },
  {
    attack: 'put a dangling link, a pipe or a folder in the place of a state’s lock',
    outcome: 'an error that names it, and no loop',
    codes: ['storage-failed'],
    tests: ['test/client/node/folder-state.test.ts: is refused where something else has the name of its lock'],
  },
  {
    attack: 'let a process sleep through the loss of its lock on a state, and wake',
    outcome: 'it writes nothing',
    codes: ['storage-failed'],
    tests: [
      'test/client/node/folder-state.test.ts: is not written by one that lost the lock while it was asleep',
      'test/client/node/state-file.test.ts: do not mix their changes where one writes without noticing that it lost its lock',
    ],
  },
];
