import { csrKeys } from '../../ca/csr/csr-keys.ts';
import { parsePem } from '../../ca/der/pem.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { PATHS } from '../../contract/paths.ts';
import { formatRecoveryRequest, parseRecoveryAnswer } from '../../contract/recovery-bodies.ts';
import type { Identity } from '../../identity/identity.ts';
import { spkiSet } from '../../identity/spki-set.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { assertIssued, describeIssued, type IssuedCertificate } from '../binding/issued-certificate.ts';
import { CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import { requestEvidence, type Voucher } from './issue.ts';
import type { Operation } from './operation.ts';
import { acceptChange } from './own-answer.ts';
import type { IsMade } from './own-doing.ts';

/** The outcome of a requested recovery. */
export type Recovery =
  /** The log shows it to everybody. Ask again from `effectiveAtMs` on, a time that the server states. */
  | { readonly state: 'pending'; readonly binding: VerifiedBinding; readonly effectiveAtMs: number }
  /** Keys of the identity vetoed it so often that the operator decides: ask again later. */
  | { readonly state: 'undecided' }
  /** The key is the only key of the identity. */
  | { readonly state: 'effective'; readonly issued: IssuedCertificate };

/**
 * Requests the recovery of an identity for the key of `csr`, or asks for its outcome (docs/spec.md#identity-record).
 * Verifies what the server says: exactly this key is pending, or is the only key of the identity. Notes the versions as
 * the owner's doing. Throws the server's refusal, and verification errors.
 */
export async function recoverIdentity(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  { csr, voucher }: { readonly csr: string; readonly voucher?: Voucher | undefined },
): Promise<StateChange<Recovery>> {
  const token = voucher?.type === 'application-token' ? voucher.token : undefined;
  const { keysSha256 } = csrKeys(csr);
  const last = state.view?.size;
  const body = formatRecoveryRequest({ identity: identity.text, csr, evidence: requestEvidence(voucher), last });
  const answer = parseRecoveryAnswer(await operation.transport.postJson(PATHS.recoveries, body, token));
  if (answer.state === 'undecided') return { result: { state: 'undecided' } };
  const isMade = recoveredFor(keysSha256);
  const changed = { before: undefined, isMade, owns: true };
  const { checked, next } = await acceptChange(
    operation,
    { next: state, course: undefined },
    identity,
    answer,
    changed,
  );
  const { binding } = checked;
  if (answer.state === 'effective') {
    const certificate = assertIssued(binding, keysSha256, parsePem('CERTIFICATE', answer.certificate));
    return {
      next,
      result: { state: 'effective', issued: await describeIssued(operation.trust, certificate, binding) },
    };
  }
  const isPending = binding.pending !== undefined && equalBytes(binding.pending.spkiSha256, keysSha256);
  ensure(isPending, 'bad-response', 'the log does not have this key pending, though the server says so');
  return { next, result: { state: 'pending', binding, effectiveAtMs: answer.effectiveAt } };
}

/** Recognises a version that makes the claimant's key pending, or gives the identity to this key alone. */
function recoveredFor(own: Uint8Array): IsMade {
  return async ({ record }) => {
    const { authorization, pending } = record;
    if (authorization.type !== 'recovery' && authorization.type !== 'operator') return false;
    if (pending !== undefined) return equalBytes(pending.spkiSha256, own);
    const keys = await spkiSet(record, CONTINUITY_PORTS);
    return keys.length === 1 && keys.every((key) => equalBytes(key, own));
  };
}
