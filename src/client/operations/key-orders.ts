import type { CompanionKeys } from '../../ca/companion-keys.ts';
import { csrKeys } from '../../ca/csr/csr-keys.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { IssuedCertificate } from '../binding/issued-certificate.ts';
import type { ClientKey } from '../client-key.ts';
import { createCsr } from '../csr.ts';
import { type Requested, requestOf, type Vouchers, voucherOf } from '../requested.ts';
import { changeKeys, requestCertificate } from './issue.ts';
import type { Work } from './operation.ts';
import type { RecordKey } from './own-record.ts';

/** A key to register, and what allows it: evidence for a first key, or `credentials` for a further one. */
export interface Registration extends Requested, Vouchers {
  /** A key that the record certifies; it signs the change that adds the new key. */
  readonly credentials?: ClientKey | undefined;
}

/** Orders a certificate for a first or a further key. Throws `usage` if the options contradict each other. */
export async function registration(identity: Identity, options: Registration): Promise<Work<IssuedCertificate>> {
  const { credentials, key } = options;
  const csr = await requestOf(identity, options);
  const { spki } = csrKeys(csr);
  ensure(key === undefined || equalBytes(key.spki, spki), 'usage', 'the CSR is not for the key');
  if (credentials === undefined) {
    const order = { csr, voucher: voucherOf(options), owns: key !== undefined };
    return (operation, state) => requestCertificate(operation, state, identity, order);
  }
  ensure(key !== undefined, 'usage', 'to add a key, the key itself is needed');
  const change = { csr, credentials, remaining: (keys: readonly RecordKey[]) => keys };
  return (operation, state) => changeKeys(operation, state, identity, change);
}

/** A key that takes the place of another. */
export interface Rotation {
  /** The key to replace; it signs the change. */
  readonly credentials: ClientKey;
  readonly key: ClientKey;
  /** PEM. Default: a CSR for `key` without companion keys. */
  readonly csr?: string | undefined;
}

/** Orders a certificate for `key` in the place of `credentials`. */
export async function rotation(
  identity: Identity,
  { credentials, key, csr: given }: Rotation,
): Promise<Work<IssuedCertificate>> {
  const csr = given ?? (await createCsr(identity, key));
  const { keysSha256: arriving } = csrKeys(csr);
  const remaining = (keys: readonly RecordKey[]) =>
    keys.filter((one) => !equalBytes(one.spki, credentials.spki) || equalBytes(one.keysSha256, arriving));
  return (operation, state) => changeKeys(operation, state, identity, { csr, credentials, remaining });
}

/** Orders a new certificate for a key that the record certifies, with the same companion keys. */
export async function renewal(
  identity: Identity,
  key: ClientKey,
  companions: CompanionKeys | undefined,
): Promise<Work<IssuedCertificate>> {
  const csr = await createCsr(identity, key, companions);
  return (operation, state) => requestCertificate(operation, state, identity, { csr, owns: true });
}
