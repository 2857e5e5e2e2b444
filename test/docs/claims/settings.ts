import type { Claims } from './claims.ts';

/** "Settings of a log". */
export const LOG_SETTINGS: Claims = {
  'Fixed when the log is made': [
    'test/service/sequencing/replace-configuration.test.ts: is not changed in anything else, nor while a server is the writer',
    'test/core/keytrans/auditor-change.test.ts: an auditor may come and change, and nothing else may',
    'test/contract/trust-bundle.test.ts: refuses what a log never changes, whoever signs',
  ],
  'origin (--origin)': [
    'test/scenario/attacks-trust.test.ts: two-vrf-keys',
    'test/service/sequencing/genesis.test.ts: is not opened with the keys of another, nor made with one key for two things',
  ],
  'public URL (--public-url)': [
    'test/service/revocation/crl-service.test.ts: is there only where it can say of which certificates it is',
    'test/server/serve.test.ts: names where it listens in certificates, on any port, also after a move',
  ],
  'suite (--suite)': [
    'test/cli/suite.test.ts: is not gone on with as one of another suite',
    'test/scenario/suite-p256.test.ts: refuses what another log of the suite answers',
  ],
  'kind of CA key (--ca-key)': ['test/ca/chains.test.ts: issues %s leaves that OpenSSL, pkijs and we accept'],
  'identity rules (in the bundle)': [
    'test/contract/trust-bundle.test.ts: refuses what a log never changes, whoever signs',
    'test/identity/canonical-identity.test.ts: reads %s',
  ],
  'max_ahead (1 min)': [
    'test/core/keytrans/verify-full-tree-head.test.ts: to the millisecond',
    'test/core/keytrans/verify-lookup.test.ts: cannot let time run backwards, even between what was seen and what is new',
  ],
  'max_behind (10 min)': [
    'test/scenario/attacks-lookup.test.ts: old-head',
    'test/scenario/attacks-lookup.test.ts: head-older-than-seen',
  ],
  'reasonable monitoring window': [
    'test/scenario/attacks-monitoring.test.ts: shown-and-taken-back',
    'test/scenario/attacks-monitoring.test.ts: taken-back-and-audited',
  ],
  'maximum lifetime (--maximum-lifetime, none)': [
    'test/scenario/attacks-trust.test.ts: lifetime-within-window',
    'test/service/sequencing/pruner.test.ts: is greater than the monitoring window',
    'test/client/monitor.test.ts: is told of once by whoever was away for longer, and is monitored from then on',
    'test/service/sequencing/pruner.test.ts: drops exactly the tiles that only expired versions have, and no proof misses one',
  ],
  'third-party auditor (--auditor-key)': [
    'test/service/prover/auditor-heads.test.ts: says that it is not audited where the auditor is too far behind',
    'test/scenario/attacks-auditing.test.ts: auditor-looks-away',
    'test/cli/auditor.test.ts: comes to a log that had none, and is replaced by another',
  ],
  'auditor’s lag (--auditor-lag': [
    'test/scenario/attacks-auditing.test.ts: auditor-left-behind',
    'test/service/prover/auditor-heads.test.ts: takes no head that the auditor did not sign over this log',
  ],
  'recovery delay (--recovery-delay': [
    'test/http/recovery.test.ts: is pending for everybody to see, and takes effect after the delay, for the claimant’s key alone',
    'test/http/recovery.test.ts: by any key ends the recovery, which its owner is warned of',
    'test/scenario/attacks-recovery.test.ts: recovery-too-early',
    'test/http/stolen-token.test.ts: takes no name where the thief %s',
  ],
  'witness policy (in the bundle, quorum none)': [
    'test/scenario/attacks-witnesses.test.ts: quorums-apart',
    'test/scenario/attacks-evidence.test.ts: witness-equivocates',
    'test/service/witnessing/release.test.ts: takes no single word for %s, at the start or while it runs, and goes on',
    'test/service/witnessing/release.test.ts: releases nothing while the quorum is not there, says so, and appends no more',
  ],
};

/** "Settings of a server". */
export const SERVER_SETTINGS: Claims = {
  'GLASSKEY_PASSPHRASE unset': [
    'test/server/init.test.ts: takes a passphrase from the environment, and serve asks for it',
    'test/cli/contract.test.ts: of the server are private, and keys are encrypted',
  ],
  '--listen': ['test/scenario/damaged-answers.test.ts'],
  '--database another one': [
    'test/server/init.test.ts: creates the log in a database where told, which is then the only one for it',
  ],
  'an old backup behind --database': [
    'test/service/sequencing/rollback-check.test.ts: stops a database that is older than it',
    'test/service/sequencing/rollback-check.test.ts: stops a host without it, until somebody says that the database is the newest',
    'test/scenario/attacks-witnesses.test.ts: backup-restored',
    'test/scenario/attacks-lookup.test.ts: fork-in-time',
  ],
  'recovery in [[policy]]': [
    'test/http/recovery.test.ts: without evidence that the policy takes for it',
    'test/http/recovery.test.ts: tells the owner by mail and by webhook, once each, however often they are out of order',
    'test/scenario/attacks-recovery.test.ts: recovery-too-early',
  ],
  'max_vetoes (3)': [
    'test/http/recovery.test.ts: counts so often only: then the operator decides, and everybody sees who did',
    'test/http/stolen-token.test.ts: leaves it to the operator after as many vetoes as any key may make',
  ],
  'the embedded database': [
    'test/store/folder-lock.test.ts: two stores of one process cannot share a folder; the next can use it',
    'test/scenario/attacks-lookup.test.ts: fork-in-time',
  ],
  '--accept-clock-gap with a clock that is wrong': [
    'test/service/sequencing/sequencer.test.ts: may be far ahead once, where somebody has looked at it',
    'test/service/sequencing/clock-guard.test.ts: never decreases, and refuses a clock out of bounds',
    'test/core/keytrans/verify-full-tree-head.test.ts: to the millisecond',
  ],
  'the clock of a server, while it runs': [
    'test/service/sequencing/writer-clock.test.ts: signs nothing by a clock that was set by %i ms, and says so',
    'test/service/sequencing/writer-clock.test.ts: has a submission rejected whose certificate is from the future, and the name stays free',
    'test/service/sequencing/writer-clock.test.ts: refuses a clock that was set by %i ms, until it is right again',
    'test/service/sequencing/writer-clock.test.ts: gives the lock to another server if its clock is set by %i ms',
    'test/service/sequencing/writer-clock.test.ts: is another one at its next start, which takes the clock as it is',
  ],
  '--dev': ['test/cli/demo.test.ts: npm run demo tells the story, and all three lies are caught'],
  'heartbeat (2 min)': [
    'test/service/sequencing/genesis.test.ts: needs a heartbeat that is faster than it may be behind',
  ],
  'share of own answers that are verified': ['test/scenario/damaged-answers.test.ts'],
  'margin of pruning (1 h)': [
    'test/service/sequencing/pruner.test.ts: drops exactly the tiles that only expired versions have, and no proof misses one',
    'test/scenario/attacks-proof.test.ts: pruned-too-early',
  ],
  'validity of a CRL (1 day)': [
    'test/service/revocation/crl-service.test.ts: are served from memory as long as they are valid, and no longer',
    'test/scenario/attacks-record.test.ts: revoked-certificate-shown',
  ],
  'certificates in one record (64)': [
    'test/service/issuance/issuance.test.ts: holds a bounded number of certificates',
    'test/identity/record-codecs.test.ts: hold at most 255 certificates, none of them empty',
  ],
};

/** "Settings of a client". */
export const CLIENT_SETTINGS: Claims = {
  'no --trust (bundle) or bootstrap (fingerprint)': [
    'test/cli/contract.test.ts: pin the bundle on first use and refuse another one',
    'test/scenario/attacks-trust.test.ts: bundle-changed',
    'test/scenario/attacks-trust.test.ts: log-replaced',
  ],
  'a fingerprint of somebody else': [
    'test/scenario/attacks-trust.test.ts: bundle-changed',
    'test/cli/bootstrap.test.ts: trusts nothing without a fingerprint, and shows what the server has',
  ],
  '--trust of somebody else': ['test/scenario/attacks-trust.test.ts: bundle-changed'],
  'a fresh --state each time': [
    'test/scenario/attacks-lookup.test.ts: fork-in-time',
    'test/scenario/attacks-proof.test.ts: newest-version-omitted',
  ],
  '--state shared by two people': [
    'test/client/monitor.test.ts: is told until it is acknowledged, by every operation and every client of the state',
  ],
  'a state restored from a backup': [
    'test/client/state/state-transfer.test.ts: does not take the place of one that knows more, unless told',
    'test/client/state/state-transfer.test.ts: says what would be lost',
  ],
  'the clock, behind by more than max_ahead': [
    'test/core/keytrans/verify-full-tree-head.test.ts: to the millisecond',
    'test/scenario/attacks-lookup.test.ts: head-older-than-seen',
  ],
  'the clock, ahead by more than max_behind': [
    'test/core/keytrans/verify-full-tree-head.test.ts: to the millisecond',
    'test/cli/distrust.test.ts: is told that its own clock is wrong, and not that a certificate is over',
  ],
  'maximumAgeMs of a credential': [
    'test/scenario/attacks-proof.test.ts: credential-expired',
    'test/client/credential.test.ts: expires, and is refused where a later version or no head is known',
  ],
  'a chosen password of a vault': [
    'test/client/backup/secrets.test.ts: is refused: %s',
    'test/client/backup/guess-limits.test.ts: are counted when they begin, and are too many after a few',
  ],
  'openBackup without atLeast': [
    'test/client/backup/backup.test.ts: comes back whole on a new device, which learns who made it and goes on with the state',
  ],
  'openBackup without a directory': [
    'test/client/backup/backup.test.ts: is refused after a change of any byte, with the directory or without',
  ],
  '--token-file on a device': [
    'test/scenario/evidence-matrix.test.ts: every evidence, operation and person: who gets what is what the documentation says',
  ],
};
