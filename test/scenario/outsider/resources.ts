import type { OutsideAttack } from './outside-attack.ts';

/** Attacks on memory, processor, connections and budgets. */
export const RESOURCES: readonly OutsideAttack[] = [
  {
    attack: 'ask for mails to one address, many at once and on several servers',
    outcome: 'the address gets `codes_per_hour` of them',
    codes: ['rate-limited'],
    tests: [
      'test/store/email-challenge-rows.test.ts: 300 challenges for one address at once, on two servers of one PostgreSQL, are as many as one address may have',
      'test/http/email-challenge.test.ts: is bounded for each name, whoever asks, and free again later',
    ],
  },
  {
    attack: 'send headers, bodies and nested JSON beyond measure',
    outcome: 'refused before they are read whole',
    codes: ['payload-too-large', 'invalid-request'],
    tests: [
      'test/http/bad-input.test.ts: bounds headers',
      'test/scenario/hostile-requests.test.ts: is refused with a code and without an echo',
    ],
  },
  {
    attack: 'evade the limit of an address by headers of its own, or by another address of its IPv6 network',
    outcome: 'all count as one',
    codes: ['rate-limited'],
    tests: [
      'test/http/rate-limits.test.ts: are not evaded by what a client writes before its own address',
      'test/http/rate-limits.test.ts: count a network of IPv6 as one client, however it is written',
    ],
  },
  {
    attack: 'have a small question about long records answered with megabytes',
    outcome: 'at most 1 MiB of records in an answer; whoever wants more asks again',
    codes: [],
    tests: [
      'test/scenario/fat-answers.test.ts: has an answer within the budget, and the rest is asked for',
      'test/scenario/fat-answers.test.ts: has an answer within the budget for an owner, too',
    ],
  },
  {
    attack: 'give a name records so long that its owner cannot read its history',
    outcome: 'the client reads it in parts, each within its own limit',
    codes: [],
    tests: ['test/scenario/fat-answers.test.ts: keeps nobody from reading the whole history'],
  },
  {
    attack: 'ask 200 questions and hang up at once',
    outcome: 'what waits is dropped, and what is under way stops before its next step',
    codes: ['invalid-request'],
    tests: [
      'test/scenario/gone-askers.test.ts: 200 askers who hang up cost no more than the answers that were under way',
      'test/service/semaphore.test.ts: never begins work whose asker has gone',
    ],
  },
  {
    attack: 'ask more questions at once than the server can answer',
    outcome: 'so many are answered at once, in their order; others wait, and more are refused',
    codes: ['overloaded'],
    tests: ['test/service/semaphore.test.ts: refuses more than may wait, and work that fails leaves its place'],
  },
  {
    attack: 'keep the writer, or readiness, from the database with reads',
    outcome: 'both have connections that no request takes',
    codes: [],
    tests: [
      'test/store/reserved-connections.test.ts: requests that fill their connections and their queue leave the writer and readiness theirs',
      'test/http/readiness.test.ts: for requests alone leaves the server ready, and its writer writing',
    ],
  },
  {
    attack: 'find a path of the server that nothing bounds',
    outcome: 'each is charged, waits for its turn, is one look for all, or is in memory',
    codes: ['overloaded', 'rate-limited'],
    tests: ['test/http/route-bounds.test.ts'],
  },
  {
    attack: 'have everybody else wait behind a thousand requests of its own',
    outcome: 'clients take turns, and one client has so many waiting',
    codes: ['overloaded'],
    tests: [
      'test/service/semaphore.test.ts: gives each asker a turn, however many requests one of them has waiting',
      'test/service/semaphore.test.ts: refuses one asker that has too many waiting, and no other',
    ],
  },
  {
    attack: 'ask for readiness or metrics again and again while the database is silent',
    outcome: 'all askers share one look, and none waits longer than its deadline',
    codes: [],
    tests: ['test/http/readiness.test.ts: is reported within a bound of time, and many questions are one look'],
  },
  {
    attack: 'ask on many connections and read no answer',
    outcome: 'unsent answers have a bound: the connection that has waited longest is dropped',
    codes: [],
    tests: [
      'test/http/unsent-answers.test.ts: connections that do not read hold no more bytes than they may: the oldest is dropped',
      'test/http/unsent-answers.test.ts: a connection that does not read is dropped at its deadline, and one that reads is not',
    ],
  },
  {
    attack: 'open connections again and again, send requests on each without waiting for an answer, and leave',
    outcome: 'nothing is kept of a connection that has ended',
    codes: [],
    tests: [
      'test/http/drain.test.ts: a server that may be drained keeps nothing of a connection that ended with unanswered requests',
    ],
  },
  {
    attack: 'send a thousand requests on one connection without waiting for an answer, and read none or leave',
    outcome: 'one request of a connection is handled at a time; with more than four unanswered it is dropped',
    codes: [],
    tests: [
      'test/http/turns.test.ts: a connection with a thousand requests at once is dropped, and none of them goes on',
      'test/http/turns.test.ts: requests whose client has left before their turn are not begun',
    ],
  },
  {
    attack: 'submit many long records at once',
    outcome: 'each append, and each statement that stores submissions, takes as many as its bytes allow',
    codes: [],
    tests: [
      'test/service/sequencing/sequencer.test.ts: takes no more of fat submissions than their bytes allow, and each at last',
      'test/store/batcher.test.ts: runs no more together than its weight allows, but what is heavier alone',
    ],
  },
  {
    attack: 'send a batch of lookups whose answer is enormous',
    outcome: 'what does not fit is put off; names count as questions, and long answers as several',
    codes: ['rate-limited'],
    tests: [
      'test/http/lookup-batch.test.ts: has an answer of bounded size: what does not fit is put off',
      'test/http/lookup-batch.test.ts: costs as many questions as it has names',
      'test/http/work-limits.test.ts: costs nothing for a name that is put off',
    ],
  },
  {
    attack: 'ask the questions whose answers cost most, as often as others may ask the cheapest',
    outcome: 'an answer counts as a further question for every 16 KiB',
    codes: ['rate-limited'],
    tests: ['test/http/work-limits.test.ts: is charged by its length'],
  },
  {
    attack: 'register faster than the log can take it',
    outcome: 'refused at once, before anything is signed',
    codes: ['overloaded'],
    tests: [
      'test/service/issuance/issuance.test.ts: refuses more than it can hold',
      'test/store/postgres-failures.test.ts: too many requests at once are refused',
    ],
  },
  {
    attack: 'have OCSP responses signed without end',
    outcome: 'so many signatures a second, and then `tryLater`',
    codes: [],
    tests: ['test/service/revocation/ocsp-service.test.ts: signs no more on demand than it may'],
  },
  {
    attack: 'send a token of nothing but dots, or with a header that costs much',
    outcome: 'refused by its length and shape, before anything is allocated',
    codes: ['token-refused'],
    tests: ['test/service/evidence/oidc-tokens.test.ts: are refused before anything is allocated for them'],
  },
  {
    attack: 'have a path validated whose names take for ever to compare',
    outcome: 'one budget for the validation, whichever paths are tried',
    codes: [],
    tests: ['test/ca/path/name-constraints.test.ts: are compared within one budget, whichever paths are tried'],
  },
  {
    attack: 'hold connections to a witness, and never end a request',
    outcome: 'others have room',
    codes: [],
    tests: ['test/http/witness.test.ts: has room for others while many requests do not end'],
  },
  {
    attack: 'have the AuditorUpdates of a whole log derived, again and again, and leave before they are there',
    outcome: 'a client has a pace, and what nobody waits for any more is read no further',
    codes: ['rate-limited'],
    tests: [
      'test/http/update-pace.test.ts: has a client that read more than its share wait, and not for longer than the server has patience',
      'test/http/update-pace.test.ts: lets those on that wait a little, as many of one client as may wait',
      'test/service/log/update-bundles.test.ts: are read no further once their asker has gone, and anew for the next one',
      'test/service/log/update-bundles.test.ts: let others have their turn in between, also where everything is in memory',
    ],
  },
  {
    attack: 'have a witness sign subtrees without end, or verify one published line many times in a request',
    outcome:
      'subtrees get a share of its time, checkpoints are cosigned all the same; a repeated line is verified once',
    codes: [],
    tests: [
      'test/http/witness.test.ts: takes more from the budget of an address for a subtree that it signs, and has an end for all together',
      'test/service/witness/witness.test.ts: verifies a line that is repeated once, and every other line of a known key',
    ],
  },
];
