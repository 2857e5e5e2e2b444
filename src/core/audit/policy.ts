import { ensure, GlasskeyError } from '../errors.ts';
import { parseCheckpoint } from './checkpoint-text.ts';
import { type Cosignature, verifyCosignatures } from './cosignature.ts';
import { isCosignerVkey } from './cosigned-message.ts';
import { type Note, verifyNote } from './note.ts';
import { parsePolicyLines } from './policy-lines.ts';
import { NO_QUORUM, type Policy } from './policy-parts.ts';
import type { Vkey } from './vkey.ts';

/** The greatest length of a policy in characters: room for the ML-DSA-44 vkeys of all its logs and witnesses. */
export const MAX_POLICY_LENGTH = 512 * 1024;
/** The greatest number of logs, of witnesses and of groups in a policy; c2sp.org/tlog-policy asks for at least 32. */
export const MAX_POLICY_PARTS = 64;

/**
 * Parses a policy (c2sp.org/tlog-policy), from a setting or a signed bundle. It must be UTF-8, which is stricter than
 * the specification. The last line may lack its newline. Throws `bad-policy`.
 */
export function parsePolicy(text: string): Policy {
  ensure(text.length <= MAX_POLICY_LENGTH, 'bad-policy', 'the policy is too long');
  const policy = parsePolicyLines(text);
  for (const parts of [policy.logs, policy.witnesses, policy.groups]) {
    ensure(parts.length <= MAX_POLICY_PARTS, 'bad-policy', `the policy has more than ${MAX_POLICY_PARTS} of a kind`);
  }
  assertDistinctKeys(policy.logs, 'logs');
  assertDistinctKeys(policy.witnesses, 'witnesses');
  ensure(
    policy.witnesses.every(({ vkey }) => isCosignerVkey(vkey)),
    'bad-policy',
    'the key of a witness is not of a cosignature type',
  );
  return policy;
}

/** Throws `bad-policy` if two lines have the same key: one party would count twice under two names. */
function assertDistinctKeys(parts: readonly { readonly vkey: Vkey }[], kind: string): void {
  const keys = new Set(parts.map(({ vkey }) => vkey.publicKey.join()));
  ensure(keys.size === parts.length, 'bad-policy', `two ${kind} of the policy have the same key`);
}

/** Returns true if the witnesses of these names (names inside the policy) satisfy its quorum. */
export function isQuorum(policy: Policy, cosigned: ReadonlySet<string>): boolean {
  if (policy.quorum === NO_QUORUM) return true;
  const reached = new Set(policy.witnesses.map(({ name }) => name).filter((name) => cosigned.has(name)));
  // Groups name only what is defined before them, so one pass settles all.
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => reached.has(member)).length >= threshold) reached.add(name);
  }
  return reached.has(policy.quorum);
}

/** Maximum by which a witness's clock may be ahead. A cosignature from the future would look fresh for ever. */
export const MAX_WITNESS_AHEAD_MS = 5 * 60_000;

/** The current time, and the freshness that cosignatures need. */
export interface WitnessedOptions {
  /** The caller's current time, in ms. */
  readonly nowMs: number;
  /** The greatest age of a cosignature that counts, in ms; Infinity for a proof that is kept. */
  readonly maxAgeMs: number;
}

/**
 * Checks that an untrusted checkpoint is signed by a log of the policy, if it lists any, and cosigned within `maxAgeMs`
 * by a quorum of witnesses. Returns the cosignatures that count; empty with `quorum none`. Throws `bad-checkpoint` if
 * the line of a known key does not verify or no listed log has signed, otherwise `not-witnessed`.
 */
export function assertWitnessed(policy: Policy, note: Note, options: WitnessedOptions): readonly Cosignature[] {
  assertLogged(policy, note);
  if (policy.quorum === NO_QUORUM) return [];
  const vkeys = policy.witnesses.map(({ vkey }) => vkey);
  // Times are whole seconds, rounded down: a cosignature made just now looks up to a second older.
  const oldestMs = options.nowMs - options.maxAgeMs - 1000;
  const counted = verifyCosignatures(note, vkeys).filter(
    ({ timestampMs: at }) => at > 0 && at >= oldestMs && at <= options.nowMs + MAX_WITNESS_AHEAD_MS,
  );
  const signers = new Set(counted.map(({ vkey }) => vkey));
  const names = policy.witnesses.filter(({ vkey }) => signers.has(vkey)).map(({ name }) => name);
  ensure(isQuorum(policy, new Set(names)), 'not-witnessed', 'the checkpoint lacks the quorum of recent cosignatures');
  return counted;
}

function assertLogged(policy: Policy, note: Note): void {
  if (policy.logs.length === 0) return;
  const { origin } = parseCheckpoint(note.text);
  const vkeys = policy.logs.map(({ vkey }) => vkey).filter(({ name }) => name === origin);
  try {
    verifyNote(note, vkeys);
  } catch (cause) {
    throw new GlasskeyError('bad-checkpoint', 'the checkpoint is not signed by a log of the policy', { cause });
  }
}
