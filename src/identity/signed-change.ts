import { equalBytes } from '../core/encoding/bytes.ts';
import { decode, encode } from '../core/encoding/codec.ts';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { KeyAuthorization } from './authorization.ts';
import { changeMessage, type ChangeRequest, changeRequestCodec, type SignedChange } from './change-request.ts';
import type { IdentityRecord } from './identity-record.ts';
import { certifiedKeys, type ContinuityPorts } from './spki-set.ts';

/**
 * Checks that the key named by `authorization` is certified in the `previous` record and signed exactly `request`. The
 * authorization is untrusted; the caller derived `request` itself. Throws `bad-change-signature`, and `bad-record` if
 * the certificates of the previous record cannot be read.
 */
export async function verifyChangeSignature(
  request: ChangeRequest,
  authorization: Pick<KeyAuthorization, 'signer' | 'signature'>,
  previous: IdentityRecord,
  ports: ContinuityPorts,
): Promise<void> {
  const keys = await certifiedKeys(previous, ports);
  const signer = keys.find((key) => equalBytes(key.spkiSha256, authorization.signer));
  if (signer === undefined) {
    throw new GlasskeyError('bad-change-signature', 'the signer is not certified in the previous record');
  }
  try {
    await ports.verifySignature(
      signer.spki,
      changeMessage(encode(changeRequestCodec, request)),
      authorization.signature,
    );
  } catch (cause) {
    if (!isGlasskeyError(cause) || cause.code === 'platform-unsupported') throw cause;
    throw new GlasskeyError('bad-change-signature', 'the signature of the change does not verify', { cause });
  }
}

/**
 * Returns the authorization from an owner's signed change, if the change is exactly what the service is about to make
 * (`expected`). Throws `change-rejected` if it is not, and as {@link verifyChangeSignature}.
 */
export async function authorizeByKey(
  signed: SignedChange,
  expected: ChangeRequest,
  previous: IdentityRecord,
  ports: ContinuityPorts,
): Promise<KeyAuthorization> {
  if (!equalBytes(signed.request, encode(changeRequestCodec, expected))) {
    throw new GlasskeyError('change-rejected', `the change request ${differenceOf(signed.request, expected)}`);
  }
  await verifyChangeSignature(expected, signed, previous, ports);
  return { type: 'key', signer: signed.signer, signature: signed.signature };
}

function differenceOf(encoded: Uint8Array, expected: ChangeRequest): string {
  let request: ChangeRequest;
  try {
    request = decode(changeRequestCodec, encoded);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return 'cannot be read';
  }
  if (request.origin !== expected.origin) return 'is for another log';
  if (!equalBytes(request.label, expected.label)) return 'is for another identity';
  if (request.version !== expected.version) return 'is for another version';
  if (!equalBytes(request.previousCommitment, expected.previousCommitment)) return 'follows another record';
  return 'does not name the keys that this change leaves';
}
