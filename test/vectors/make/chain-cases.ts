import type { Authorization } from '../../../src/identity/authorization.ts';
import type { IdentityRecord } from '../../../src/identity/identity-record.ts';
import { byKey, changeAfter, type MadeVersion, recordAfter, versionOf } from './history.ts';
import { type KeyName, LABEL, ORIGIN } from './keys.ts';
import { hex, type Json, type OwnCase } from './own-file.ts';

type Link = MadeVersion | undefined;

/** A version as these vectors have it. */
export function linkJson(link: Link): Json {
  return link === undefined ? null : { version: link.version, opening: hex(link.opening), value: hex(link.value) };
}

/** What a contact holds and is shown. */
export function chainInput(held: Link, between: readonly Link[], latest: MadeVersion): OwnCase['input'] {
  return {
    origin: ORIGIN,
    label: hex(LABEL),
    held: linkJson(held),
    between: between.map(linkJson),
    latest: linkJson(latest),
    commitment: hex(latest.commitment),
  };
}

/** A version that follows `previous`. */
export function nextVersion(
  previous: MadeVersion,
  certificates: readonly Uint8Array[],
  authorization: Authorization,
  but: Partial<IdentityRecord> = {},
): MadeVersion {
  return versionOf(previous.version + 1, { ...recordAfter(previous, certificates, authorization), ...but });
}

/** The authorization by `signer` of a change to exactly these keys. */
export async function signedChange(
  previous: MadeVersion,
  signer: KeyName,
  keys: readonly KeyName[],
): Promise<Authorization> {
  return byKey(signer, changeAfter(previous, keys));
}
