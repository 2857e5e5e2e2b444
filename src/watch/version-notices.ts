import { encodeUtf8, equalBytes, formatHex } from '../core/encoding/bytes.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import type { Mandate } from '../client/mandate-text.ts';
import type { Notice } from '../delivery/notice.ts';
import type { LookedVersion } from './look-name.ts';
import type { AddedVersion, WatchedName } from './records.ts';

/**
 * How a version is told. `told`: the mandate claims it. `untold`: the mandate does not, and a key of the version before
 * signed it, or the CA only maintained it. `alarm`: anything else. Every version is told, whatever the mandate says.
 */
export type VersionWording = 'told' | 'untold' | 'alarm';

/** Versions of one look that have notices of their own. The rest shares one. */
const OWN_NOTICES = 16;

/** Returns true for a version that a key of the one before signed, or that the CA maintained, without a recovery. */
export function isOwners({ record, judgement }: Pick<LookedVersion, 'record' | 'judgement'>): boolean {
  return record.pending === undefined && (judgement?.link === 'key' || judgement?.link === 'maintenance');
}

/** Returns how a version is told under a mandate. */
export function wordingOf(
  { version, commitment, record, judgement }: Pick<LookedVersion, 'version' | 'commitment' | 'record' | 'judgement'>,
  mandate: Pick<Mandate, 'versions'>,
): VersionWording {
  const claimed = mandate.versions.find((one) => one.version === version);
  if (claimed !== undefined) return equalBytes(claimed.commitment, commitment) ? 'told' : 'alarm';
  return isOwners({ record, judgement }) ? 'untold' : 'alarm';
}

/**
 * Returns the notices about the versions of one look after the greatest one that is known: ascending, at most
 * {@link OWN_NOTICES}, and one for the rest and for those that the server did not show.
 */
export function versionNotices(
  { identity, greatest, added }: Pick<WatchedName, 'identity' | 'greatest' | 'added'>,
  versions: readonly LookedVersion[],
  mandate: Pick<Mandate, 'versions'>,
): readonly Notice[] {
  const own = versions.slice(-OWN_NOTICES);
  const notices = own.map((one) => versionNotice(identity, one, mandate, added));
  const last = (own[0]?.version ?? 0) - 1;
  return last > greatest ? [manyNotice(identity, greatest + 1, last), ...notices] : notices;
}

function versionNotice(
  identity: string,
  looked: LookedVersion,
  mandate: Pick<Mandate, 'versions'>,
  added: readonly AddedVersion[],
): Notice {
  const { version, commitment, judgement, record, keys } = looked;
  const wording = wordingOf(looked, mandate);
  const by = judgement?.link ?? 'unproved';
  const position = added.find((one) => one.version === version)?.position;
  const lines = [
    leadOf(identity, looked, wording, mandate),
    ...(record.pending === undefined ? [] : [PENDING]),
    ...(judgement?.fault === undefined ? [] : [`It breaks a rule of the log: ${judgement.fault.message}.`]),
    keys.length === 0 ? 'It has no keys.' : `Keys (SHA-256): ${keys.map((key) => `${key.slice(0, 16)}…`).join(', ')}`,
    NEXT[wording],
  ];
  return {
    id: noticeId('version', identity, String(version), formatHex(commitment)),
    subject: SUBJECT[wording](identity, version),
    text: lines.join('\n\n'),
    event: {
      type: 'version',
      identity,
      version,
      commitment: formatHex(commitment),
      wording,
      author: by,
      claimedAuthor: record.authorization.type,
      pendingRecovery: record.pending !== undefined,
      keys,
      ...(position === undefined ? {} : { position }),
    },
  };
}

function leadOf(
  identity: string,
  { version, commitment, judgement, record }: LookedVersion,
  wording: VersionWording,
  { versions }: Pick<Mandate, 'versions'>,
): string {
  const is = `Version ${version} of ${identity} is in the log.`;
  if (wording === 'told') return `${is} You told this watcher that you made or accepted it.`;
  const claimed = versions.find((one) => one.version === version);
  if (claimed !== undefined && !equalBytes(claimed.commitment, commitment)) {
    return `${is} It is another version ${version} than the one that you told this watcher of.`;
  }
  const { authorization } = record;
  if (judgement?.link === 'key' && authorization.type === 'key') {
    const signer = formatHex(authorization.signer).slice(0, 16);
    return `${is} You have not told this watcher of it. The key ${signer}…, which the name had before, signed it.`;
  }
  if (judgement?.link === 'maintenance')
    return `${is} The authority renewed or removed certificates. No key was added.`;
  return `${is} No key of yours is proved to have signed it; it names "${authorization.type}" as its authorisation.`;
}

const PENDING =
  'It asks to give the name to another key: a recovery is pending. Any key of the name can veto it before it takes effect.';

const SUBJECT: Readonly<Record<VersionWording, (identity: string, version: number) => string>> = {
  told: (identity, version) => `${identity}: your version ${version} is in the log`,
  untold: (identity, version) => `${identity}: version ${version} is new`,
  alarm: (identity, version) => `ALARM: ${identity} has a version ${version} that you may not have made`,
};

const NEXT: Readonly<Record<VersionWording, string>> = {
  told: 'If you did not make it, somebody has a key of yours. Next: run `glasskey monitor` on your own device.',
  untold:
    'If you or a device of yours made it, there is nothing to do. If not, somebody has a key of yours: run ' +
    '`glasskey monitor` and revoke the certificate.',
  alarm:
    'Next: run `glasskey monitor` on your own device, which proves it to you. If you did not ask for this version, tell ' +
    'the operator and your contacts, and do not use the name until it is settled.',
};

function manyNotice(identity: string, first: number, last: number): Notice {
  return {
    id: noticeId('versions', identity, String(first), String(last)),
    subject: `ALARM: ${identity} has ${first === last ? 'a further new version' : `${last - first + 1} further new versions`}`,
    text: `Versions ${first} to ${last} of ${identity} came, and are not told one by one. Next: run \`glasskey history\` on your own device.`,
    event: { type: 'versions', identity, first, last, wording: 'alarm' },
  };
}

/** Returns the notice about a version that a log entry added and that the server does not show. */
export function unshownNotice(identity: string, { version, position }: AddedVersion, code: string): Notice {
  return {
    id: noticeId('unshown', identity, String(version), String(position)),
    subject: `ALARM: ${identity} got a new version that the server does not show`,
    text:
      `Log entry ${position} added a search key that only version ${version} of ${identity} has. The server does not ` +
      `show the version to this watcher (${code}).\n\nIf you made a change just now, run \`glasskey monitor\` on your ` +
      'own device. If you did not, somebody else did: tell the operator and your contacts.',
    event: { type: 'unshown', identity, version, position, code, wording: 'alarm' },
  };
}

/** Returns an identifier that is the same whenever the same thing is told: 32 hexadecimal digits. */
export function noticeId(...parts: readonly string[]): string {
  return formatHex(sha256(encodeUtf8(JSON.stringify(parts)))).slice(0, 32);
}
