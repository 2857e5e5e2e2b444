import type { OutsideAttack } from './outside-attack.ts';

/** Rows that somebody changed, removed or put back. */
export const DATABASE: readonly OutsideAttack[] = [
  {
    attack: 'queue a record that no owner signed for, in the database',
    outcome: 'rejected by the sequencer, and the others are sequenced',
    codes: [],
    tests: [
      'test/service/sequencing/sequencer.test.ts: rejects a record with %s, whoever put it in the queue',
      'test/service/sequencing/sequencer.test.ts: rejects a row with another %s, and sequences the rest',
    ],
  },
  {
    attack: 'swap the stored certificate of a request, so that the same request again is answered with a stranger’s',
    outcome: 'an answer is a certificate of the proved record, or a new one',
    codes: [],
    tests: [
      'test/service/log/proved-state.test.ts: answers a repeated request with a certificate of the record, whatever its row holds',
    ],
  },
  {
    attack: 'give the row of one name the hash, or the stored VRF results, of another, or take them away',
    outcome: 'no such row counts: the VRF is asked, and the prefix tree says what the name has',
    codes: [],
    tests: [
      'test/service/log/vrf-memory.test.ts: never calls a name absent whose hash is missing, and gives the row its hash again',
      'test/service/log/vrf-memory.test.ts: believes no row that the hash of another name leads to, with or without the memory of the name',
      'test/service/log/vrf-memory.test.ts: believes no result that this log did not store: every byte, and the version that it is for',
    ],
  },
  {
    attack: 'write an ACME account or an order that is ready',
    outcome: 'a row without the log’s seal authorises nothing, also while other rows of an older program count',
    codes: ['unsealed-row'],
    tests: ['test/store/acme-rows.test.ts: is refused, also while rows of an older program count'],
  },
  {
    attack: 'remove one row that a queued submission needs',
    outcome: 'that submission is rejected, and the log goes on',
    codes: [],
    tests: [
      'test/service/sequencing/damaged-rows.test.ts: is rejected if its predecessor %s, and the others are sequenced',
      'test/service/sequencing/damaged-rows.test.ts: is rejected if its version is in the tree, but no row says so',
    ],
  },
  {
    attack: 'queue a row that makes every append fail',
    outcome: 'the batch is halved until that row is found and rejected',
    codes: [],
    tests: [
      'test/service/sequencing/damaged-rows.test.ts: is split until the one row that the database refuses is found and rejected',
    ],
  },
  {
    attack: 'change an entry, a tile, a head or a signature in the database, so that they contradict each other',
    outcome: 'the server signs nothing, and reads go on',
    codes: ['storage-corrupt'],
    tests: [
      'test/service/sequencing/self-check.test.ts: keeps a log that contradicts itself from being signed, while reads go on',
      'test/service/sequencing/self-check.test.ts: sees a changed entry, a missing update and a missing tile',
    ],
  },
  {
    attack: 'restore an older dump on a host whose file of the last signed checkpoint is newer',
    outcome: 'the server signs nothing',
    codes: ['log-rolled-back'],
    tests: ['test/service/sequencing/rollback-check.test.ts: stops a database that is older than it'],
  },
  {
    attack: 'restore an older dump on a host without that file',
    outcome: 'the server does not start unless a flag says that the dump is the newest',
    codes: ['log-rolled-back'],
    tests: [
      'test/service/sequencing/rollback-check.test.ts: stops a host without it, until somebody says that the database is the newest',
    ],
  },
  {
    attack: 'rewrite the audit trail as a whole',
    outcome: 'it does not go through an end that was noted elsewhere',
    codes: [],
    tests: [
      'test/service/log/trail.test.ts: that was written anew as a whole does not go through an end that was noted',
    ],
  },
];
