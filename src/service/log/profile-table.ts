import { DEFAULT_PROFILE, type LeafProfile } from '../../ca/profile.ts';
import { ensure } from '../../core/errors.ts';
import { covers, type IdentityScope } from '../../identity/identity-scope.ts';
import type { Identity } from '../../identity/identity.ts';

/** One row: what certificates of these identities say. */
export interface ProfileRow extends IdentityScope {
  readonly profile: LeafProfile;
}

/** What certificates say, by identity: the first row that is about it decides. */
export type ProfileTable = readonly ProfileRow[];

/** Every identity is certified by this profile. */
export function oneProfile(profile: LeafProfile): ProfileTable {
  return [{ identities: 'any', domains: undefined, profile }];
}

/** The table of a server that configures none. */
export const DEFAULT_PROFILES: ProfileTable = oneProfile(DEFAULT_PROFILE);

/** What a certificate of this identity says. Throws `forbidden` where no row is about it: such names are not certified. */
export function profileOf(table: ProfileTable, identity: Identity): LeafProfile {
  const row = table.find((one) => covers(one, identity));
  ensure(row !== undefined, 'forbidden', 'this log certifies no such identities');
  return row.profile;
}
