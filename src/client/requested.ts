import type { CompanionKeys } from '../ca/companion-keys.ts';
import { ensure } from '../core/errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { ClientKey } from './client-key.ts';
import { createCsr } from './csr.ts';
import { companionKeysOf } from './keys/companion-secrets.ts';
import type { Voucher } from './operations/issue.ts';

/** An answer to an e-mail challenge. */
export interface EmailCode {
  readonly challenge: string;
  /** As the user typed it. */
  readonly code: string;
}

/** The key to certify, with companion keys if any, or a CSR (PEM) for it. */
export interface Requested {
  readonly key?: ClientKey | undefined;
  readonly csr?: string | undefined;
  /** Default: the companion keys of `key`. */
  readonly companions?: CompanionKeys | undefined;
}

/** Evidence for a first registration or a recovery. */
export interface Vouchers {
  /** An application token. */
  readonly token?: string | undefined;
  /** An ID token of a provider that the server accepts, requested for the key: see `oidcNonce`. */
  readonly idToken?: string | undefined;
  /** A registration grant, which the application's backend got for this identity. For first registrations. */
  readonly grant?: string | undefined;
  /** The e-mailed code of a challenge: see `KeyDirectory.requestEmailCode`. */
  readonly email?: EmailCode | undefined;
}

/**
 * Returns the given CSR, or else one for the key. Throws `usage` if there is neither, or if both name companion keys.
 */
export async function requestOf(identity: Identity, { key, csr, companions }: Requested): Promise<string> {
  ensure(csr === undefined || companions === undefined, 'usage', 'a CSR says itself which companion keys it asks for');
  const request = csr ?? (key && (await createCsr(identity, key, companions ?? companionKeysOf(key))));
  ensure(request !== undefined, 'usage', 'neither a key nor a CSR');
  return request;
}

/**
 * Returns the evidence, if there is any: a key that has the name needs none. Throws `usage` if there is more than one.
 */
export function voucherOf({ token, idToken, grant, email }: Vouchers): Voucher | undefined {
  const vouchers: Voucher[] = [];
  if (token !== undefined) vouchers.push({ type: 'application-token', token });
  if (idToken !== undefined) vouchers.push({ type: 'oidc', token: idToken });
  if (grant !== undefined) vouchers.push({ type: 'grant', grant });
  if (email !== undefined) vouchers.push({ type: 'email', challenge: email.challenge, code: email.code });
  const [voucher, ...others] = vouchers;
  ensure(others.length === 0, 'usage', 'one kind of evidence is enough');
  return voucher;
}
