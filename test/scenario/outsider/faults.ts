import type { OutsideAttack } from './outside-attack.ts';

/** Crashes, full disks, failovers and clocks. */
export const FAULTS: readonly OutsideAttack[] = [
  {
    attack: 'kill servers and the database under load',
    outcome: 'nothing acknowledged is lost, and no size has two roots',
    codes: [],
    tests: [
      'test/scenario/crash.test.ts',
      'test/store/postgres-failures.test.ts: killed under load: nothing acknowledged is lost, everything in flight fails, service resumes',
    ],
  },
  {
    attack: 'fail over to a standby that lacks what was acknowledged',
    outcome: 'nothing of it is served from memory or signed over, and `/readyz` says so',
    codes: ['log-rolled-back'],
    tests: [
      'test/service/lost-entries.test.ts: shows what the database holds, from the moment it looks',
      'test/service/lost-entries.test.ts: says so in /readyz, which looks, and takes no more requests to change the log',
      'test/service/lost-entries.test.ts: signs nothing over it, without a file and without witnesses',
    ],
  },
  {
    attack: 'take the database away, so that nobody learns of revocations',
    outcome:
      'CRLs and OCSP responses that are still valid come from memory, and are dropped after a failover that lost entries',
    codes: ['storage-failed'],
    tests: [
      'test/service/revocation/crl-service.test.ts: are served from memory as long as they are valid, and no longer',
      'test/service/revocation/crl-service.test.ts: do not wait for a database that says nothing, but for the first answer',
      'test/service/revocation/crl-service.test.ts: are dropped where the database has lost entries',
      'test/service/revocation/ocsp-service.test.ts: repeats what is valid while the database is away, and forgets it where that has lost entries',
    ],
  },
  {
    attack: 'fill the disk of the database',
    outcome: 'the append fails wholly, and works again when there is room',
    codes: ['storage-failed'],
    tests: [
      'test/store/postgres-failures.test.ts: a full disk fails the append wholly, and it works again when there is room',
    ],
  },
  {
    attack: 'make the data folder read-only, or fill its disk',
    outcome: 'the server does not start; while it runs, no head is released',
    codes: ['storage-failed'],
    tests: [
      'test/server/data-folder-not-writable.test.ts: a server whose data folder cannot be written does not start',
      'test/service/sequencing/rollback-check.test.ts: is written before a head is released: where it cannot be, the release fails',
    ],
  },
  {
    attack: 'set the clock of an idle writer back',
    outcome: 'no storm of heartbeats',
    codes: [],
    tests: ['test/service/sequencing/writer-clock.test.ts: appends no heartbeats because its clock steps by %i ms'],
  },
  {
    attack: 'set the clock of a running server ahead or back',
    outcome: 'it signs and appends nothing, says so, and another server takes over',
    codes: ['clock-skew'],
    tests: [
      'test/service/sequencing/writer-clock.test.ts: signs nothing by a clock that was set by %i ms, and says so',
      'test/service/sequencing/writer-clock.test.ts: has a submission rejected whose certificate is from the future, and the name stays free',
      'test/service/sequencing/writer-clock.test.ts: refuses a clock that was set by %i ms, until it is right again',
      'test/service/sequencing/writer-clock.test.ts: gives the lock to another server if its clock is set by %i ms',
      'test/http/readiness.test.ts: is not ready by a clock that is off by %i ms, and says so',
    ],
  },
  {
    attack: 'pause the writer, or take its network away without closing a connection',
    outcome:
      'another server appends within 15 s; the earlier writer appends nothing when it goes on, and signs at most the head that it was about to sign',
    codes: ['head-moved'],
    tests: [
      'test/scenario/failover.test.ts: that is paused while it is idle',
      'test/scenario/failover.test.ts: whose connections to the database are dead and not closed',
      'test/store/writer-lease.test.ts: lasts while it is renewed, and runs out without',
      'test/store/writer-lease.test.ts: appends nothing, though nobody else has',
      'test/service/sequencing/writer-lease.test.ts: signs nothing of what it has appended; the next writer releases that',
    ],
  },
  {
    attack: 'stop the writer inside its append, before the commit',
    outcome: 'the next writer ends the session that holds the head, and appends within 15 s',
    codes: [],
    tests: [
      'test/scenario/failover.test.ts: that is paused inside its append, before the commit',
      'test/scenario/failover.test.ts: whose append waits for its commit, though the process runs',
      'test/store/writer-lease.test.ts: that waits before its commit loses the row of the head (one of ours: %s)',
    ],
  },
  {
    attack: 'make each append of the writer fail, or never end',
    outcome: 'it leaves the writing to another server',
    codes: ['storage-failed', 'head-moved'],
    tests: [
      'test/scenario/failover.test.ts: whose appends all fail',
      'test/service/sequencing/writer-lease.test.ts: leaves the writing to another server after repeated failures',
      'test/service/sequencing/writer-lease.test.ts: leaves it, too, while an append has no end, and signs nothing when that ends',
    ],
  },
  {
    attack: 'overload the database, or take it away, while the log looks for a row that makes appends fail',
    outcome: 'no submission is rejected by an error that it cannot have caused',
    codes: [],
    tests: ['test/service/sequencing/batch-bisection.test.ts: stays in the queue during an outage: $code, $message'],
  },
  {
    attack: 'have submissions wait while the head stands still, with nobody noticing',
    outcome: '`/readyz` fails with the reason',
    codes: [],
    tests: [
      'test/http/readiness.test.ts: is not ready once a submission has waited, and is again when it is taken',
      'test/http/readiness.test.ts: says why appending fails',
      'test/http/readiness.test.ts: is not ready at the first question, if a submission has waited for long before',
    ],
  },
  {
    attack:
      'serve the embedded database of a log that has moved to PostgreSQL, also with the data folder as it was before',
    outcome: 'it refuses to start: the database itself says that its log has moved',
    codes: ['usage'],
    tests: [
      'test/server/move-database.test.ts: is the same log for those who know it, and its old database is never served again',
    ],
  },
  {
    attack: 'kill the move of a log to another database at any step',
    outcome: 'no two databases can be served, and the same command finishes the move',
    codes: [],
    tests: ['test/server/move-database.test.ts: can be repeated after a crash in %s'],
  },
  {
    attack: 'name the wrong database, or none, to a server or an administrator',
    outcome: 'nothing is created in it, and no second log begins',
    codes: ['usage'],
    tests: [
      'test/server/no-traps.test.ts: an admin command creates no log, no database and no folder',
      'test/server/init.test.ts: creates the log in a database where told, which is then the only one for it',
    ],
  },
  {
    attack: 'answer as the database without TLS, or break off SCRAM, to get the password',
    outcome: 'no password is sent in clear, nor as MD5 once SCRAM has begun, and no session begins',
    codes: ['storage-failed'],
    tests: [
      'test/store/impostor-database.test.ts: that %s gets no password and no session',
      'test/store/postgres-connections.test.ts: is refused for %s',
    ],
  },
  {
    attack: 'flood a server from the address of its database, before a session is ready',
    outcome: 'the connection is left after 2 MiB',
    codes: [],
    tests: ['test/store/flooding-database.test.ts: %s is left'],
  },
  {
    attack: 'put a pooler that shares sessions, or drops settings, before the database',
    outcome: 'nothing is opened: settings and locks are read back',
    codes: ['storage-unsafe'],
    tests: [
      'test/store/postgres-pooler.test.ts: in transaction mode, nothing is opened, and the reason is said',
      'test/store/postgres-pooler.test.ts: is refused if a setting is not in force',
      'test/store/postgres-pooler.test.ts: is refused as the one of the writer if its lease is not in force',
    ],
  },
];
