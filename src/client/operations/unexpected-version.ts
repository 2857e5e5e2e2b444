import { parseCertificate } from '../../ca/certificate.ts';
import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { HeldVersion, LinkType } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { addedTo, spkiSet } from '../../identity/spki-set.ts';
import { CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import type { Alert, OwnedOrigin, OwnedVersion } from '../state/client-state.ts';
import type { Operation } from './operation.ts';
import type { IsMade } from './own-doing.ts';
import type { ReadVersion } from './read-versions.ts';

// `unexpected-version` is two things, and this file is about both:
// - the alert: the log holds a version of an own label that its owner did not make ({@link decideOrigin});
// - the error: the log contradicts what the owner knows. {@link assertUnchanged}, the two functions below it and
//   monitor-owned.ts throw it. While a proof is verified, owner-monitor.ts, owner-update.ts and verify-combined.ts of
//   core/keytrans/ throw it.

/** The facts that decide the origin of a version of an own label. */
export interface OriginFacts {
  /** The link that the verified chain proves from the version before; undefined if the chain does not cover it. */
  readonly link: LinkType | undefined;
  /** Recognises what the owner asked for; undefined while monitoring, when the owner asked for nothing. */
  readonly isMade: IsMade | undefined;
  /** True if the owner is taking the label over now and knew no version of it. */
  readonly isTakenOver: boolean;
  /** Reads the version before; undefined if the log does not show it. Asked for maintenance alone. */
  readonly before: () => Promise<HeldVersion | undefined>;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * Decides where a version of an own label comes from. A version is `unexpected`, and monitoring says so with an
 * `unexpected-version` alert, unless one of these holds, in this order:
 *
 * 1. `made`: this client asked for exactly this version; the record's signature or keys prove it, not its own claim.
 * 2. `adopted`: the version was there when the owner took the label over.
 * 3. `maintenance`: the chain proves that the CA added no key, and every key whose certificate is valid is still there.
 *
 * An owner's second device therefore reports the changes that the first device made, until the owner acknowledges them.
 */
export async function decideOrigin(
  version: HeldVersion,
  { link, isMade, isTakenOver, before, nowMs }: OriginFacts,
): Promise<Exclude<OwnedOrigin, 'acknowledged'>> {
  if ((await isMade?.(version, link)) === true) return 'made';
  if (isTakenOver) return 'adopted';
  return link === 'maintenance' && (await keepsKeys(await before(), version, nowMs)) ? 'maintenance' : 'unexpected';
}

/**
 * Returns true if a version has every key of the one before whose certificate has not expired, whatever the record says
 * of itself. Otherwise contacts may have no key to encrypt to.
 */
async function keepsKeys(before: HeldVersion | undefined, { record }: HeldVersion, nowMs: number): Promise<boolean> {
  if (before === undefined) return false;
  const certificates = before.record.certificates.filter((der) => parseCertificate(der).notAfterMs > nowMs);
  const kept = await spkiSet(record, CONTINUITY_PORTS);
  const missing = addedTo(kept, await spkiSet({ ...before.record, certificates }, CONTINUITY_PORTS));
  return missing.length === 0;
}

/**
 * The alert for a version that {@link decideOrigin} calls `unexpected`. A judged link `key` proves that no log lied: a
 * key of the identity signed the version, on another device, with a state that was since restored, or by a thief. A
 * restored state was not monitored lately (`wasAway`); a state that was rules the first copy out.
 */
export function unexpectedVersionAlert(
  { trust, now }: Operation,
  { text }: Identity,
  { version, record, value }: ReadVersion,
  { link, wasAway }: { readonly link: LinkType | undefined; readonly wasAway: boolean },
): Alert {
  const by = record.authorization.type;
  const left = record.certificates.length === 0 ? 'none' : String(record.certificates.length);
  const made =
    link === 'maintenance'
      ? `version ${version} removed a key whose certificate is valid; certificates left: ${left}. The service did it, ` +
        'perhaps for your application; no key signed it, and none was added. If you did not ask for it, ask the ' +
        'operator, and acknowledge it'
      : link === 'key' && record.authorization.type === 'key'
        ? `version ${version} was signed by the key ${formatHex(record.authorization.signer).slice(0, 16)}…, which the ` +
          'identity had, but not with this state. If you made it on ' +
          'another device, or restored this state from an older copy, acknowledge it. Otherwise somebody has that key: ' +
          'revoke its certificate'
        : `version ${version} was not made by this owner, and no key of the identity is proved to have signed it; it ` +
          `names "${by}" as its authorisation. Ask the operator, and acknowledge it if it is right`;
  const { pending } = record;
  const asked = `version ${version} asks to give ${text} to another key: it can take effect ${delayText(trust)} later`;
  const reason = pending === undefined ? made : `${asked}, unless one of its present keys vetoes it before`;
  const alert: Alert = { identity: text, type: 'unexpected-version', version, reason, value, seenAtMs: now() };
  return link === 'key' && pending === undefined && wasAway ? { ...alert, afterAbsence: true } : alert;
}

/**
 * Asserts that the latest version has the value that its owner knows. Throws `unexpected-version` if it has another
 * one, and `version-rolled-back` if the owner knows a later version.
 */
export function assertUnchanged(versions: readonly OwnedVersion[], latest: HeldVersion): void {
  const known = versions.find(({ version }) => version === latest.version);
  const isSame = known === undefined || equalBytes(known.commitment, latest.commitment);
  ensure(isSame, 'unexpected-version', `version ${latest.version} has another value than its owner gave it`);
  const greatest = versions.at(-1)?.version ?? -1;
  ensure(latest.version >= greatest, 'version-rolled-back', `version ${greatest} is no longer shown`);
}

/** Asserts that the next version continues the last one that the owner knows. Throws `unexpected-version`. */
export function assertFollows(last: OwnedVersion, [next]: readonly ReadVersion[]): void {
  const follows = next === undefined || equalBytes(next.record.previousCommitment, last.commitment);
  ensure(follows, 'unexpected-version', `version ${last.version} has another value than its owner gave it`);
}

/**
 * Asserts that contacts see the versions that the log showed to their owner. Throws `unexpected-version` if a version
 * has another value for contacts, and `version-rolled-back` if contacts do not see it.
 */
export function assertShownToContacts(
  known: readonly OwnedVersion[],
  created: readonly Pick<HeldVersion, 'version' | 'commitment'>[],
): void {
  for (const { version, commitment } of created) {
    const shown = known.find((one) => one.version === version);
    const greatest = known.at(-1)?.version ?? -1;
    ensure(version <= greatest, 'version-rolled-back', `version ${version} is not shown to contacts`);
    const agrees = shown === undefined || equalBytes(shown.commitment, commitment);
    ensure(agrees, 'unexpected-version', `version ${version} has another value for contacts than for its owner`);
  }
}

/** The delay of recoveries, in words. */
function delayText({ bundle: { recoveryDelayMs: delayMs } }: Operation['trust']): string {
  const hours = Math.floor(delayMs / 3_600_000);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return hours >= 1 ? `${hours} h` : `${Math.floor(delayMs / 1000)} s`;
}
