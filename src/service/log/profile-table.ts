import { DEFAULT_PROFILE, type LeafProfile } from '../../ca/profile.ts';
import { ensure } from '../../core/errors.ts';
import { covers, type IdentityScope } from '../../identity/identity-scope.ts';
import type { Identity } from '../../identity/identity.ts';

/** One row: the profile of these identities' certificates. */
export interface ProfileRow extends IdentityScope {
  readonly profile: LeafProfile;
}

/** Profiles of certificates by identity: the first row that covers an identity decides. */
export type ProfileTable = readonly ProfileRow[];

/** Returns a table that certifies every identity by one profile. */
export function oneProfile(profile: LeafProfile): ProfileTable {
  return [{ identities: 'any', domains: undefined, profile }];
}

/** The table of a server that configures none. */
export const DEFAULT_PROFILES: ProfileTable = oneProfile(DEFAULT_PROFILE);

/** Returns the profile of an identity. Throws `forbidden` if no row covers it: such names are not certified. */
export function profileOf(table: ProfileTable, identity: Identity): LeafProfile {
  const row = table.find((one) => covers(one, identity));
  ensure(row !== undefined, 'forbidden', 'this log certifies no such identities');
  return row.profile;
}
