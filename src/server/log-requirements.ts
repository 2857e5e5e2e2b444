import type { Issuer } from '../ca/authority.ts';
import { parseCertificate } from '../ca/certificate.ts';
import { isMlDsaSet } from '../core/crypto/ml-dsa-sets.ts';
import type { CaAlgorithm } from '../core/crypto/signer.ts';
import { ensure } from '../core/errors.ts';
import type { Requirement } from '../contract/requirements.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { SignedTrustBundle, TrustBundle } from '../contract/trust-bundle.ts';
import type { ProfileTable } from '../service/log/profile-table.ts';
import { type DataFolder, readServerConfig } from './data-folder.ts';
import { nextBundle, storeBundle } from './next-bundle.ts';

const NEXT = 'the trust bundle does not require it of clients: run "glasskey admin require ml-dsa" first';

/** Returns true if the bundle tells clients that they must understand ML-DSA. */
export function allowsMlDsa({ requires = [] }: Pick<TrustBundle, 'requires'>): boolean {
  return requires.includes('ml-dsa');
}

/**
 * Throws `usage` for a profile or an issuing CA with ML-DSA keys, unless the bundle requires clients to understand
 * them: a client that does not would take each such certificate for a fault of the log.
 */
export function assertRequired(
  bundle: TrustBundle,
  profiles: ProfileTable,
  issuingCas: readonly { readonly issuer: Issuer }[],
): void {
  if (allowsMlDsa(bundle)) return;
  const isNamed = profiles.some(({ profile }) => profile.keyTypes?.some(isMlDsaSet) === true);
  ensure(!isNamed, 'usage', `a profile certifies ML-DSA keys, and ${NEXT}`);
  const certificates = issuingCas.flatMap(({ issuer }) => [issuer.certificate.der, ...issuer.chain]);
  ensure(!certificates.some(usesMlDsa), 'usage', `an issuing CA or its root has an ML-DSA key, and ${NEXT}`);
}

function usesMlDsa(der: Uint8Array): boolean {
  const { keyType, signatureAlgorithm } = parseCertificate(der);
  return isMlDsaSet(keyType) || isMlDsaSet(signatureAlgorithm.family);
}

/**
 * Throws `usage` for an ML-DSA key of an issuing CA that the folder's bundle does not allow yet. Check it before a key
 * is created: its file would be in the way of another kind.
 */
export async function assertKindAllowed(folder: DataFolder, kind: CaAlgorithm): Promise<void> {
  if (!isMlDsaSet(kind)) return;
  const { bundle } = parseTrustBundle((await folder.read(folder.trust)) ?? '');
  ensure(allowsMlDsa(bundle), 'usage', `an issuing CA with a key of type ${kind} would sign, and ${NEXT}`);
}

/**
 * Stores the next trust bundle of a data folder, which requires one more thing of clients. The folder must have the
 * bundle key. Clients without it refuse the log from then on, and nothing takes the requirement back. Running servers
 * read it at their next reload. Throws `usage` if the log requires it already, and what {@link nextBundle} throws.
 */
export async function addRequirement(folder: DataFolder, requirement: Requirement): Promise<SignedTrustBundle> {
  await readServerConfig(folder);
  const next = await nextBundle(folder, ({ requires = [] }) => {
    ensure(!requires.includes(requirement), 'usage', `the log requires ${requirement} already`);
    return { requires: [...requires, requirement].sort() };
  });
  await storeBundle(folder, next);
  return next;
}
