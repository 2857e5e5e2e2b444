import type { ParsedCertificate } from '../../ca/certificate.ts';
import { nodeVerifySpkiSignature } from '../../ca/node-verify-signature.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { KeyAuthorization } from '../../identity/authorization.ts';
import {
  changeMessage,
  type ChangeRequest,
  changeRequestCodec,
  type SignedChange,
} from '../../identity/change-request.ts';
import type { LabelState } from '../log/label-state.ts';

/** A change with a verified signature. */
export interface VerifiedChange {
  readonly request: ChangeRequest;
  readonly authorization: KeyAuthorization;
}

/**
 * Verifies an untrusted change against the record that it changes (docs/spec.md#change-requests), signed by one of
 * `signers`, by default the certificates of the record. Throws `change-rejected` for a change of another log or
 * identity, `version-conflict` if the record has changed since, and `bad-change-signature`.
 */
export async function verifyChange(
  change: SignedChange,
  state: LabelState,
  expected: { readonly origin: string; readonly label: Uint8Array },
  signers: readonly Pick<ParsedCertificate, 'spki' | 'spkiSha256'>[] = state.certificates,
): Promise<VerifiedChange> {
  const request = decode(changeRequestCodec, change.request);
  const isOurs = request.origin === expected.origin && equalBytes(request.label, expected.label);
  ensure(isOurs, 'change-rejected', 'the change is for another log or another identity');
  const isNext = request.version === state.version + 1 && equalBytes(request.previousCommitment, state.commitment);
  ensure(isNext, 'version-conflict', `the change is not for version ${state.version + 1}`);
  const signer = signers.find((certificate) => equalBytes(certificate.spkiSha256, change.signer));
  ensure(signer !== undefined, 'bad-change-signature', 'the signer of the change is not certified in the record');
  try {
    await nodeVerifySpkiSignature(signer.spki, changeMessage(change.request), change.signature);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    ensure(false, 'bad-change-signature', 'the signature of the change is wrong');
  }
  return { request, authorization: { type: 'key', signer: change.signer, signature: change.signature } };
}
