import type { ParsedCertificate } from '../../ca/certificate.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Authorization } from '../../identity/authorization.ts';
import { includesBytes } from '../../identity/spki-set.ts';
import type { SignedChange } from '../../identity/change-request.ts';
import type { Requester } from './authenticate.ts';
import type { LabelState } from '../log/label-state.ts';
import { verifyChange } from './signed-change.ts';

/** The next version of an identity, before its new certificate is signed. */
export interface NextVersion {
  readonly version: number;
  readonly previous: LabelState | undefined;
  /** Certificates of the previous record that stay, in their order. */
  readonly kept: readonly ParsedCertificate[];
  readonly authorization: Authorization;
}

/** Input of step {@link continuity}. */
export interface ContinuityInput {
  readonly origin: string;
  readonly label: Uint8Array;
  readonly state: LabelState | undefined;
  readonly requester: Requester;
  readonly change: SignedChange | undefined;
  /** Names the keys in the CSR: see `certifiedKeysHash`. */
  readonly keysSha256: Uint8Array;
  readonly nowMs: number;
}

/**
 * Step `continuity`: a name that is bound to one key is not signed for another (docs/spec.md#identity-record). A first
 * registration needs evidence that vouches; a renewal needs the key alone; anything else needs a change that a key of
 * the record signed. Throws `unauthenticated`, `change-required`, `recovery-pending` for a renewal while a recovery is
 * pending, and what {@link verifyChange} throws.
 */
export async function continuity(input: ContinuityInput): Promise<NextVersion> {
  const { state, requester, change, keysSha256 } = input;
  if (state === undefined) {
    ensure(change === undefined, 'version-conflict', 'the identity has no record that a change could apply to');
    ensure(requester.type === 'vouched', 'unauthenticated', 'a first registration needs evidence that vouches for it');
    const authorization: Authorization = { type: 'initial', evidence: requester.evidence };
    return { version: 0, previous: undefined, kept: [], authorization };
  }
  if (change !== undefined) return changed(input, state, change);
  const renews = state.certificates.some((certificate) => equalBytes(certificate.keysSha256, keysSha256));
  ensure(
    renews,
    'change-required',
    'the identity is bound to other keys. To renew, ask for the key with the same companion keys as before; ' +
      'for another key or other companion keys, send a change signed by a key of the identity',
  );
  // A renewal would restart the delay of the recovery. The holder of an old key has to veto openly instead.
  const isSettled = state.record.pending === undefined;
  ensure(isSettled, 'recovery-pending', 'a recovery of the identity is pending: veto it first, or wait for its end');
  return renewal(state, keysSha256, input.nowMs);
}

/**
 * The CA renews for the same key. Expired certificates go, and so do older ones of the renewed key; its newest stays,
 * since the holder may still be using it.
 */
function renewal(state: LabelState, keysSha256: Uint8Array, nowMs: number): NextVersion {
  const newest = state.certificates.findLast((certificate) => equalBytes(certificate.keysSha256, keysSha256));
  const kept = state.certificates.filter((certificate) => {
    const isOlder = certificate !== newest && equalBytes(certificate.keysSha256, keysSha256);
    return certificate.notAfterMs > nowMs && !isOlder;
  });
  const authorization: Authorization = { type: 'maintenance', kind: 'renewal' };
  return { version: state.version + 1, previous: state, kept, authorization };
}

/** The owner adds or rotates: the change names the keys that the record has afterwards. */
async function changed(input: ContinuityInput, state: LabelState, change: SignedChange): Promise<NextVersion> {
  const { request, authorization } = await verifyChange(change, state, input);
  const { spkisAfter } = request;
  const { keysSha256 } = input;
  ensure(includesBytes(spkisAfter, keysSha256), 'change-rejected', 'the change does not name the key of the request');
  const isKnown = (hash: Uint8Array): boolean =>
    equalBytes(hash, keysSha256) || state.certificates.some((certificate) => equalBytes(certificate.keysSha256, hash));
  ensure(spkisAfter.every(isKnown), 'change-rejected', 'the change names a key that has no certificate');
  const staying = state.certificates.filter((certificate) => includesBytes(spkisAfter, certificate.keysSha256));
  const kept = withoutExpired(staying, keysSha256, input.nowMs);
  return { version: state.version + 1, previous: state, kept, authorization };
}

/** Drops expired certificates, unless a key that stays would then have none left. */
function withoutExpired(
  certificates: readonly ParsedCertificate[],
  arriving: Uint8Array,
  nowMs: number,
): ParsedCertificate[] {
  const hasOther = (one: ParsedCertificate): boolean =>
    equalBytes(one.keysSha256, arriving) ||
    certificates.some(
      (other) => other !== one && other.notAfterMs > nowMs && equalBytes(other.keysSha256, one.keysSha256),
    );
  return certificates.filter((certificate) => certificate.notAfterMs > nowMs || !hasOther(certificate));
}
