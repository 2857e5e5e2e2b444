import type { Issuer } from '../ca/authority.ts';
import { isMlDsaSet } from '../core/crypto/ml-dsa-sets.ts';
import { ensure } from '../core/errors.ts';
import type { Requirement } from '../contract/requirements.ts';
import type { SignedTrustBundle, TrustBundle } from '../contract/trust-bundle.ts';
import type { ProfileTable } from '../service/log/profile-table.ts';
import { type DataFolder, readServerConfig } from './data-folder.ts';
import { nextBundle, storeBundle } from './next-bundle.ts';

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
  const next = 'the trust bundle does not require it of clients: run "glasskey admin require ml-dsa" first';
  const isNamed = profiles.some(({ profile }) => profile.keyTypes?.some(isMlDsaSet) === true);
  ensure(!isNamed, 'usage', `a profile certifies ML-DSA keys, and ${next}`);
  const signs = issuingCas.some(({ issuer }) => isMlDsaSet(issuer.signer.algorithm));
  ensure(!signs, 'usage', `an issuing CA signs with ML-DSA, and ${next}`);
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
