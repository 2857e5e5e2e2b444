import type { CompanionKeys } from '../../ca/companion-keys.ts';
import { csrKeys } from '../../ca/csr/csr-keys.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { IssuedCertificate } from '../binding/issued-certificate.ts';
import type { CheckedBinding } from '../binding/verify-binding.ts';
import type { ClientKey } from '../client-key.ts';
import { createCsr } from '../csr.ts';
import { companionKeysOf } from '../keys/companion-secrets.ts';
import { type Requested, requestOf, type Vouchers, voucherOf } from '../requested.ts';
import { changeKeys, requestCertificate } from './issue.ts';
import type { Work } from './operation.ts';
import { type RecordKey, recordCertificates } from './own-record.ts';

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
  const change = { request: () => csr, credentials, remaining: (keys: readonly RecordKey[]) => keys };
  return (operation, state) => changeKeys(operation, state, identity, change);
}

/** The companion keys of a key that takes the place of another. */
export interface Rotation {
  /**
   * Certified with the new key. They come from the owner: a record may hold some that somebody else put there. Default:
   * the companion keys of the new key.
   */
  readonly companions?: CompanionKeys | undefined;
  /** PEM, for the new key. Default: one that asks for `companions`. */
  readonly csr?: string | undefined;
  /** Lets kinds of companion keys go that the old key has, and that are not asked for. */
  readonly dropCompanions?: boolean | undefined;
}

/**
 * Orders a certificate for `key` in the place of `credentials`. The work throws `usage` if companion keys would be lost
 * unsaid.
 */
export async function rotation(
  identity: Identity,
  credentials: ClientKey,
  key: ClientKey,
  { companions, csr: given, dropCompanions = false }: Rotation,
): Promise<Work<IssuedCertificate>> {
  const csr = await requestOf(identity, { key, csr: given, companions });
  const request = (found: CheckedBinding | undefined): string => {
    if (found !== undefined && !dropCompanions) assertKept(found, credentials, csrKeys(csr).companions);
    return csr;
  };
  const remaining = (keys: readonly RecordKey[], arriving: RecordKey) =>
    keys.filter((one) => !equalBytes(one.spki, credentials.spki) || equalBytes(one.keysSha256, arriving.keysSha256));
  return (operation, state) => changeKeys(operation, state, identity, { request, credentials, remaining });
}

/**
 * Throws `usage` if the key has a companion key of a kind that is not asked for: contacts could no longer encrypt to
 * this device with it.
 */
function assertKept(found: CheckedBinding, { spki }: ClientKey, asked: CompanionKeys | undefined): void {
  const held = recordCertificates(found).findLast((one) => equalBytes(one.spki, spki))?.companions;
  for (const kind of ['x25519', 'mlKem768'] as const) {
    const isLost = held?.[kind] !== undefined && asked?.[kind] === undefined;
    ensure(
      !isLost,
      'usage',
      `the key to replace has a companion key (${kind}): make the new key with generateKey({ replaces }), name others ` +
        'in `companions`, or set dropCompanions',
    );
  }
}

/** Orders a new certificate for a key that the record certifies, with the same companion keys. */
export async function renewal(
  identity: Identity,
  key: ClientKey,
  companions: CompanionKeys | undefined,
): Promise<Work<IssuedCertificate>> {
  const csr = await createCsr(identity, key, companions ?? companionKeysOf(key));
  return (operation, state) => requestCertificate(operation, state, identity, { csr, owns: true });
}
