import type { CompanionKeys } from '../ca/companion-keys.ts';
import { ensure } from '../core/errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { ClientKey } from './client-key.ts';
import { createCsr } from './csr.ts';
import type { Voucher } from './operations/issue.ts';

/** An answer to an e-mail challenge. */
export interface EmailCode {
  readonly challenge: string;
  /** As the user typed it. */
  readonly code: string;
}

/** What is to be certified: a key, with companion keys if any, or a CSR (PEM) for it. */
export interface Requested {
  readonly key?: ClientKey | undefined;
  readonly csr?: string | undefined;
  readonly companions?: CompanionKeys | undefined;
}

/** What can vouch for a first registration, or a recovery. */
export interface Vouchers {
  /** An application token. */
  readonly token?: string | undefined;
  /** An ID token of a provider that the server accepts, made for the key: see `oidcNonce`. */
  readonly idToken?: string | undefined;
  /** The code that was sent for a challenge: see `KeyDirectory.requestEmailCode`. */
  readonly email?: EmailCode | undefined;
}

/** The request to be sent: the given one, else one for the key. Throws `usage` where there is neither, or both say what to certify. */
export async function requestOf(identity: Identity, { key, csr, companions }: Requested): Promise<string> {
  ensure(csr === undefined || companions === undefined, 'usage', 'a CSR says itself which companion keys it asks for');
  const request = csr ?? (key && (await createCsr(identity, key, companions)));
  ensure(request !== undefined, 'usage', 'neither a key nor a CSR');
  return request;
}

/** What vouches, if anything does: a key that has the name needs nothing. Throws `usage` where there is more than one. */
export function voucherOf({ token, idToken, email }: Vouchers): Voucher | undefined {
  const vouchers: Voucher[] = [];
  if (token !== undefined) vouchers.push({ type: 'application-token', token });
  if (idToken !== undefined) vouchers.push({ type: 'oidc', token: idToken });
  if (email !== undefined) vouchers.push({ type: 'email', challenge: email.challenge, code: email.code });
  const [voucher, ...others] = vouchers;
  ensure(others.length === 0, 'usage', 'one kind of evidence is enough');
  return voucher;
}
