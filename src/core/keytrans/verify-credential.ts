import { commit } from '../crypto/commitment.ts';
import { equalBytes } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import { evaluatePrefixProof, type PrefixSearch } from '../prefix/prefix-proof.ts';
import type { Configuration } from './configuration.ts';
import type { Credential, ProvisionalCredential, StandardCredential } from './credential.ts';
import { isExpired } from './expiry.ts';
import { type KnownHead, RECENT_HEADS, viewOfHead } from './known-head.ts';
import { assertLadderCommitments, type VerifiedLadder, verifyLadder } from './ladder-keys.ts';
import { walkLadder } from './ladder-walk.ts';
import { assertSameLog, type UnsettledCredential } from './settle-credential.ts';
import { ShownLookups } from './shown-lookups.ts';
import { verifyTreeHead } from './tree-head.ts';
import type { RetainedEntry } from './tree-view.ts';
import { verifyUpdateValue } from './update-signature.ts';
import { verifyCombined } from './verify-combined.ts';
import { updateAndSearch } from './verify-search.ts';

/** The inputs for verifying a credential offline. */
export interface CredentialContext {
  readonly config: Configuration;
  /** The recent distinguished log entries that the client knows (`recentHeads`), left to right. */
  readonly heads: readonly KnownHead[];
  /** Further log entries that the client knows. */
  readonly known?: readonly RetainedEntry[] | undefined;
  readonly nowMs: number;
  /**
   * The greatest age, in ms, of a distinguished entry by the client's clock. The default is {@link RECENT_HEADS}
   * Reasonable Monitoring Windows, or the maximum lifetime if that is less. A greater age lets a client that was away
   * accept credentials of versions that have since been replaced.
   */
  readonly maximumAgeMs?: number | undefined;
}

/** A verified credential. */
export interface VerifiedCredential {
  readonly label: Uint8Array;
  readonly version: number;
  readonly value: Uint8Array;
  readonly opening: Uint8Array;
  readonly commitment: Uint8Array;
  /** The VRF output of version 0 of the label. */
  readonly labelKey: Uint8Array;
  /** The distinguished log entry against which it was verified. */
  readonly head: KnownHead;
  /** The time of the log state that the credential shows: the timestamp of its rightmost log entry, ms. */
  readonly asOfMs: number;
  /**
   * The part of a provisional credential to retain until its final verification (KT §14.2). Undefined for a standard
   * credential, which is final.
   */
  readonly unsettled: UnsettledCredential | undefined;
}

/** Returns the default greatest age of a distinguished entry, ms. */
export function credentialLifetimeMs(config: Configuration): number {
  const { reasonableMonitoringWindowMs, maximumLifetimeMs, maxBehindMs } = config;
  const windows = RECENT_HEADS * reasonableMonitoringWindowMs + maxBehindMs;
  return Math.min(windows, maximumLifetimeMs ?? windows);
}

/**
 * Verifies an untrusted credential (KT §14), without any request and without changing the client's state. Throws
 * `unknown-head` if the client knows no distinguished entry at its position; the client must not send a request then.
 * Throws `credential-expired` if that entry is no longer recent, `log-forked` if a known entry contradicts the log that
 * the credential shows, and other verification errors.
 */
export function verifyCredential(context: CredentialContext, credential: Credential): VerifiedCredential {
  const { config } = context;
  const head = recentHead(context, credential.position);
  const { label, version, opening, value, binaryLadder } = credential;
  verifyUpdateValue(config, label, version, value);
  const commitment = commit({ opening, label, version, update: value });
  const ladder = verifyLadder(config, label, version, binaryLadder, commitment);
  const common = { label, version, value: value.value, opening, commitment, labelKey: ladder.labelKey, head };
  if (credential.type === 'standard') {
    verifyStandard(credential, ladder, head);
    return { ...common, asOfMs: head.timestampMs, unsettled: undefined };
  }
  const unsettled = verifyProvisional(context, credential, ladder, head);
  return { ...common, asOfMs: (unsettled.view.frontier.at(-1) as RetainedEntry).timestampMs, unsettled };
}

function expiredText(ageMs: number): string {
  const hours = Math.round(ageMs / 3_600_000);
  return `the credential is ${hours} h old by the clock here. Next: ask its sender for a new one, or compare the clock`;
}

/** Returns the known head at `position` if it is recent (KT §14 step 1). */
function recentHead(context: CredentialContext, position: number): KnownHead {
  const { config, heads, nowMs } = context;
  const oldest = heads.at(0)?.position ?? Number.POSITIVE_INFINITY;
  const head = heads.find((known) => known.position === position);
  ensure(position >= oldest || heads.length < RECENT_HEADS, 'credential-expired', 'the credential has expired');
  ensure(head !== undefined, 'unknown-head', `entry ${position} is not a known distinguished entry`);
  const ageMs = nowMs - head.timestampMs;
  ensure(ageMs <= (context.maximumAgeMs ?? credentialLifetimeMs(config)), 'credential-expired', expiredText(ageMs));
  ensure(ageMs >= -config.maxAheadMs, 'tree-head-too-new', `the log is ${-ageMs} ms ahead`);
  const rightmostMs = (heads.at(-1) as KnownHead).timestampMs;
  ensure(!isExpired(config, head.timestampMs, rightmostMs), 'credential-expired', 'the log entry is past its lifetime');
  return head;
}

/** Verifies a standard credential: its version is the greatest in the distinguished entry (KT §14.1). */
function verifyStandard(credential: StandardCredential, ladder: VerifiedLadder, head: KnownHead): void {
  const { version, distinguished } = credential;
  const searches: PrefixSearch[] = [];
  const question = { kind: 'search-ladder', position: head.position, target: version, omit: false } as const;
  const shown = new ShownLookups();
  const { answer, lookups } = walkLadder(question, shown, (looked) => {
    const result = distinguished.results[searches.length];
    ensure(result !== undefined, 'bad-ladder', 'the ladder has too few lookups');
    searches.push(ladder.keys.get(looked) as PrefixSearch);
    return result.type === 'inclusion';
  });
  ensure(answer === 0, 'bad-ladder', `version ${version} is not the greatest in the distinguished entry`);
  const root = evaluatePrefixProof(distinguished, searches);
  ensure(
    equalBytes(root, head.prefixRoot),
    'bad-prefix-proof',
    'the credential does not match the distinguished entry',
  );
  shown.recordAll(head.position, lookups);
  assertLadderCommitments(version, credential.binaryLadder, shown);
}

/**
 * Verifies a provisional credential initially: its version is the greatest in a log that follows the distinguished
 * entry (KT §14.2).
 */
function verifyProvisional(
  context: CredentialContext,
  credential: ProvisionalCredential,
  ladder: VerifiedLadder,
  head: KnownHead,
): UnsettledCredential {
  const { config, nowMs } = context;
  const { label, version, position, treeHead, search } = credential;
  const { treeSize: size } = treeHead;
  ensure(size > position, 'bad-tree-head', 'the tree head is older than the distinguished entry');
  const proof = verifyCombined({
    proof: search,
    size,
    view: viewOfHead(head),
    auditedSize: undefined,
    keys: ladder.keys,
    algorithm: updateAndSearch(config, size, position + 1, version),
  });
  const terminal = proof.result.terminalPosition;
  ensure(terminal > position, 'bad-ladder', 'the credential is provisional, but a standard one was possible');
  assertLadderCommitments(version, credential.binaryLadder, proof.shown);
  verifyTreeHead(config, treeHead, proof.root);
  const { frontier, fullSubtrees } = proof;
  assertSameLog(frontier, [...context.heads.flatMap((one) => one.frontier), ...(context.known ?? [])]);
  const aheadMs = (frontier.at(-1) as RetainedEntry).timestampMs - nowMs;
  ensure(aheadMs <= config.maxAheadMs, 'tree-head-too-new', `the log is ${aheadMs} ms ahead`);
  // The terminal entry is on the frontier: it was inspected on the way down.
  const { prefixRoot } = frontier.find((entry) => entry.position === terminal) as RetainedEntry;
  return {
    label,
    version,
    terminalPosition: terminal,
    prefixRoot,
    ladder: Array.from(ladder.keys, ([known, { vrfOutput, commitment }]) => ({
      version: known,
      vrfOutput,
      commitment,
    })),
    view: { size, fullSubtrees, frontier, treeHead, auditorTreeHead: undefined },
  };
}
