import { cipherSuite } from '../crypto/cipher-suite.ts';
import { ensure } from '../errors.ts';
import type { PrefixSearch } from '../prefix/prefix-proof.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import type { BinaryLadderStep } from './messages.ts';
import type { ShownLookups } from './shown-lookups.ts';
import { encodeVrfInput } from './vrf-input.ts';

/** A response's ladder for its target version, with verified VRF proofs. */
export interface VerifiedLadder {
  readonly keys: ReadonlyMap<number, PrefixSearch>;
  /** The search key of version 0, which every ladder contains. It names a label's rows. */
  readonly labelKey: Uint8Array;
}

/**
 * Verifies the untrusted `binary_ladder` of a response about version `target` (KT §13.1 steps 2 and 3). It must have
 * one step with a valid VRF proof for each version of the base ladder. The target itself must have no commitment there,
 * because its commitment is computed from the response's opening. Throws `bad-ladder` or `bad-vrf-proof`.
 */
export function verifyLadder(
  config: Configuration,
  label: Uint8Array,
  target: number,
  steps: readonly BinaryLadderStep[],
  targetCommitment: Uint8Array,
): VerifiedLadder {
  const suite = cipherSuite(config.cipherSuite);
  const versions = baseBinaryLadder(target);
  ensure(steps.length === versions.length, 'bad-ladder', 'the binary ladder has the wrong number of steps');
  const keys = new Map<number, PrefixSearch>();
  for (const [i, version] of versions.entries()) {
    const { proof, commitment } = steps[i] as BinaryLadderStep;
    ensure(version !== target || commitment === undefined, 'bad-ladder', 'the ladder has a commitment to the target');
    const vrfOutput = suite.verifyVrf(config.vrfPublicKey, encodeVrfInput(label, version), proof);
    keys.set(version, { vrfOutput, commitment: version === target ? targetCommitment : commitment });
  }
  return { keys, labelKey: (keys.get(0) as PrefixSearch).vrfOutput };
}

/**
 * Checks that a step carries a commitment if and only if the response showed that version's inclusion
 * (docs/spec.md#ladder-commitments). Throws `bad-ladder`.
 */
export function assertLadderCommitments(
  target: number,
  steps: readonly BinaryLadderStep[],
  shown: Pick<ShownLookups, 'showedInclusion'>,
): void {
  for (const [i, version] of baseBinaryLadder(target).entries()) {
    if (version === target) continue;
    const hasCommitment = steps[i]?.commitment !== undefined;
    ensure(hasCommitment === shown.showedInclusion(version), 'bad-ladder', `commitment of version ${version}`);
  }
}
