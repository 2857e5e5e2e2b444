import type { Claims } from './claims.ts';
import { DATABASE_WRITES } from './stolen-keys.ts';

/** "What it promises" of the README. */
export const PROMISES: Claims = {
  'A client that keeps its state knows': [
    'test/scenario/attacks-proof.test.ts: newest-version-omitted',
    'test/scenario/attacks-auditor.test.ts: history-rewritten',
    'test/scenario/attacks-lookup.test.ts: head-older-than-seen',
  ],
  'An honest answer may be of a log': [
    'test/service/prover/recent-heads.test.ts: is of the size with the shortest proof for a new client, of those that are recent enough',
    'test/service/prover/recent-heads.test.ts: is the same that the newest size gives: no version is stale, and no name is said to be absent',
  ],
  'Only a key that a name already has': [
    'test/service/issuance/issuance.test.ts: is not signed for another key without a change',
  ],
  'If the operator changes it without that signature': [
    'test/scenario/attacks-record.test.ts: false-version',
    'test/scenario/attacks-claims.test.ts: operator-before-first-sight',
  ],
  'A recovery is the one exception': [
    'test/scenario/attacks-recovery.test.ts: recovery-too-early',
    'test/scenario/attacks-recovery.test.ts: recovery-despite-veto',
  ],
};

/** "What it guarantees". */
export const GUARANTEES: Claims = {
  'What is looked up is in the log': [
    'test/scenario/attacks-proof.test.ts: newest-version-omitted',
    'test/scenario/attacks-lookup.test.ts: value-swapped-in-place',
    'test/scenario/attacks-lookup.test.ts: old-head',
  ],
  'An honest server takes one of at most five minutes': [
    'test/service/prover/recent-heads.test.ts: is of the size with the shortest proof for a new client, of those that are recent enough',
    'test/service/prover/recent-heads.test.ts: is the same that the newest size gives: no version is stale, and no name is said to be absent',
    'test/service/prover/recent-heads.test.ts: is of the newest size for every other question',
  ],
  'A certificate that the CA signed outside the log is refused': [
    'test/scenario/attacks-record.test.ts: certificate-in-no-record',
  ],
  'A log that says it has erased these versions': [
    'test/identity/first-look.test.ts: judges what an erasure left, and says what it took',
    'test/client/mls/refusals.test.ts: or accepts it with a word, where the log shows nobody what came before',
  ],
  'The log only grows': ['test/scenario/attacks-auditor.test.ts: history-rewritten'],
  'Every new tree head is proved to extend': [
    'test/scenario/attacks-lookup.test.ts: head-older-than-seen',
    'test/scenario/attacks-proof.test.ts: fork-after-view',
    'test/scenario/attacks-proof.test.ts: timestamps-reordered',
    'test/core/keytrans/verify-lookup.test.ts: cannot let time run backwards, even between what was seen and what is new',
  ],
  'No two different heads are ever signed for one size': [
    'test/scenario/crash.test.ts',
    'test/store/log-rows.test.ts: releases: the greatest, each by its size, and never two for one size',
    'test/service/sequencing/rollback-check.test.ts: starts again with what is there, wherever it was, and signs nothing else',
  ],
  'Absence is proved too': [
    'test/client/key-directory.test.ts: proves that a name does not exist',
    'test/scenario/attacks-lookup.test.ts: existing-name-denied',
    'test/http/bad-input.test.ts: never answer a plain search for a missing label with anything but a problem',
    'test/core/keytrans/verify-lookup.test.ts: cannot answer a plain search with an absence',
  ],
  'A name that is bound to one key is not signed for another': [
    'test/service/issuance/issuance.test.ts: is not signed for another key without a change',
    'test/scenario/evidence-matrix.test.ts: every evidence, operation and person: who gets what is what the documentation says',
  ],
  'If the operator does it all the same': [
    'test/scenario/attacks-record.test.ts: false-version',
    'test/scenario/attacks-record.test.ts: laundered-while-away',
    'test/scenario/attacks-monitoring.test.ts: false-version-owned',
  ],
  'The whole history can be audited': [
    'test/http/resources.test.ts: pass an audit from outside',
    'test/scenario/attacks-auditor.test.ts: leaf-removed',
    'test/scenario/attacks-auditor.test.ts: leaf-replaced',
    'test/scenario/attacks-auditor.test.ts: log-for-auditors',
  ],
  'An owner who monitors learns of every version': [
    'test/scenario/attacks-monitoring.test.ts: false-version-and-back',
    'test/scenario/attacks-monitoring.test.ts: hidden-from-its-owner',
    'test/client/monitor.test.ts: is told until it is acknowledged, by every operation and every client of the state',
    'test/core/keytrans/owner-soundness.test.ts: is noticed by whoever believed it or by the owner, wherever it was in the log',
  ],
  'So is a contact’s key that the operator changed': [
    'test/client/monitor.test.ts: is told until it is acknowledged, by every operation and every client of the state',
  ],
  'Acknowledged means durable': [
    'test/scenario/crash.test.ts',
    'test/store/postgres-failures.test.ts: killed under load: nothing acknowledged is lost, everything in flight fails, service resumes',
    'test/store/postgres-failures.test.ts: settings that lose commits are unsafe',
  ],
};

/** "An attacker who controls X can… / cannot…". */
export const ATTACKERS: Claims = {
  'the network between client and server': [
    'test/scenario/damaged-answers.test.ts',
    'test/scenario/attacks-lookup.test.ts: head-older-than-seen',
    'test/scenario/attacks-lookup.test.ts: old-head',
    'test/cli/contract.test.ts: pin the bundle on first use and refuse another one',
  ],
  'an application token': [
    'test/http/stolen-token.test.ts: takes no name where the thief %s',
    'test/service/issuance/issuance.test.ts: is revoked by the application as maintenance, with the reason',
    'test/client/monitor.test.ts: is told of a valid key that the service took away, and called it a %s',
    'test/scenario/evidence-matrix.test.ts: every evidence, operation and person: who gets what is what the documentation says',
  ],
  'an OpenID provider, or a user’s mailbox': [
    'test/http/oidc.test.ts: binds the name to the key, and shows every contact whose word it is',
    'test/http/email-challenge.test.ts: gives a lost answer again, and binds no second key to the name',
    'test/scenario/evidence-matrix.test.ts: every evidence, operation and person: who gets what is what the documentation says',
  ],
  'Alice’s key': [
    'test/client/key-directory.test.ts: adds, rotates, renews and revokes, and a contact follows the chain',
    'test/client/monitor.test.ts: is told of a false key that was added %i windows after it last looked',
  ],
  'the database, with write access': DATABASE_WRITES,
  'the issuing CA’s key, but not the server': [
    'test/scenario/attacks-record.test.ts: certificate-in-no-record',
    'test/interop/est.test.ts: are refused with a certificate that a stolen CA key signed, also under a serial that is in the log',
  ],
  'the server with all its online keys': [
    'test/scenario/attacks-record.test.ts: false-version',
    'test/scenario/attacks-record.test.ts: false-authorisation',
    'test/scenario/attacks-proof.test.ts: fork-per-user',
    'test/scenario/attacks-lookup.test.ts: head-older-than-seen',
    'test/scenario/attacks-auditor.test.ts: history-rewritten',
    'test/scenario/attacks-trust.test.ts: bundle-changed',
  ],
  'the bundle key': [
    'test/contract/trust-bundle.test.ts: refuses what a log never changes, whoever signs',
    'test/core/keytrans/auditor-change.test.ts: an auditor may come and change, and nothing else may',
    'test/scenario/attacks-trust.test.ts: bundle-changed',
    'test/scenario/attacks-auditing.test.ts: end-forged',
    'test/server/log-end.test.ts: ends a log for ever: clients and auditors are told where it goes on, and nothing is registered',
  ],
  'a client’s state folder': [
    'test/client/node/folder-state.test.ts: is private, comes back, and is untouched by work that fails',
    'test/client/state/state-transfer.test.ts: says what would be lost',
  ],
  'whoever mirrors or caches /log/': [
    'test/scenario/attacks-copy.test.ts: copy-altered',
    'test/scenario/attacks-copy.test.ts: copy-with-holes',
    'test/scenario/attacks-copy.test.ts: copy-out-of-date',
    'test/client/audit/damaged-copy.test.ts: cannot be proved to have misbehaved by a copy that imitates it',
    'test/client/audit/audit-log.test.ts: with a flipped bit in %s is caught',
  ],
};
