import type { VerifiedBinding } from '../../client/binding/binding.ts';
import type { VerifiedVersion } from '../../client/key-directory.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { CredentialFolder } from '../credentials/credentials.ts';
import { EXIT } from '../exit-code.ts';
import { isoTime, printJson, printLines } from './print.ts';
import {
  alertJson,
  alertLines,
  authorizationJson,
  authorizationText,
  certificateJson,
  evidenceText,
} from './record-output.ts';

/** Returns a binding as JSON, with times in ISO 8601. */
export function bindingJson(binding: VerifiedBinding): Record<string, unknown> {
  const { identity, version, change, authorization, treeSize, logRoot, monitored } = binding;
  return {
    identity,
    version,
    certificates: binding.certificates.map(certificateJson),
    expired: binding.expired.map(certificateJson),
    change,
    alerts: binding.alerts.map(alertJson),
    authorization: authorizationJson(authorization),
    treeSize,
    logRoot,
    monitored,
    ...pendingJson(binding),
    ...(isErased(binding) ? { erased: true } : {}),
  };
}

/** Returns a pending recovery as JSON. */
function pendingJson({ pending }: VerifiedBinding): Record<string, unknown> {
  if (pending === undefined) return {};
  return { pending: { spkiSha256: formatHex(pending.spkiSha256), evidence: pending.evidence } };
}

/** Returns a pending recovery for people, with what happens next. */
function pendingLines({ pending }: VerifiedBinding): string[] {
  if (pending === undefined) return [];
  const key = formatHex(pending.spkiSha256).slice(0, 16);
  return [
    `RECOVERY PENDING: somebody, ${evidenceText(pending.evidence)}, wants to replace all keys by the key ${key}…`,
    '  Unless a key of its owner vetoes it, it takes effect after the delay of the trust bundle. Next: ask the owner',
  ];
}

/** Returns true if the authority erased the identity, as its record proves. */
export function isErased({ authorization }: VerifiedBinding): boolean {
  return authorization.type === 'maintenance' && authorization.kind === 'erasure';
}

/** The verdicts on a chain of versions, in words that a person can act on. */
const CHANGES: Readonly<Record<VerifiedBinding['change']['type'], string>> = {
  unchanged: 'nothing changed since you last looked',
  'first-seen': 'first time that you see this identity: compare the key with its owner',
  key: 'changed since you last looked; a key that it had before signed each change',
  maintenance: 'changed since you last looked; the authority renewed or removed certificates and added no key',
  recovery:
    'recovered since you last looked: somebody proved the identity again without any of its keys. Ask the owner',
  operator: 'WARNING: the operator changed keys, not a key that the identity had before. Ask the owner',
  unexplained: 'WARNING: the log does not explain the change since you last looked. Ask the owner',
};

/** Returns the verdict on how an identity came to its keys, for people. */
export function changeLine({ type, reason }: VerifiedBinding['change']): string {
  return `${CHANGES[type]}${reason === undefined ? '' : ` (${reason})`}`;
}

function absenceOf(binding: VerifiedBinding): string {
  return isErased(binding) ? 'the authority erased the identity' : 'all are revoked or expired';
}

/** Returns a binding for people. */
export function bindingLines(binding: VerifiedBinding): string[] {
  const certificates = binding.certificates.map(
    (certificate) =>
      `  ${certificate.serial}  key ${certificate.spkiSha256.slice(0, 16)}…  until ${isoTime(certificate.notAfterMs)}`,
  );
  const monitored = binding.monitored.map(
    ({ version, position }) => `version ${version} (logged in entry ${position})`,
  );
  return [
    `${binding.identity}: version ${binding.version}, in the log of ${binding.treeSize} entries`,
    ...(certificates.length > 0 ? certificates : [`  no certificate: ${absenceOf(binding)}`]),
    changeLine(binding.change),
    ...pendingLines(binding),
    ...(binding.version === 0 ? [authorizationText(binding.authorization)] : []),
    ...alertLines(binding.alerts),
    ...(monitored.length > 0 ? [`${monitored.join(', ')}. Next: \`glasskey monitor\` keeps watching it`] : []),
  ];
}

/** Returns one version of an identity as JSON. */
export function versionJson(found: VerifiedVersion): Record<string, unknown> {
  const { identity, version, authorization, treeSize, logRoot, monitored } = found;
  const [certificates, expired] = [found.certificates.map(certificateJson), found.expired.map(certificateJson)];
  return {
    identity,
    version,
    certificates,
    expired,
    authorization: authorizationJson(authorization),
    treeSize,
    logRoot,
    monitored,
    alerts: found.alerts.map(alertJson),
  };
}

/** Returns one version of an identity for people. */
export function versionLines({
  identity,
  version,
  certificates,
  expired,
  authorization,
  treeSize,
  alerts,
}: VerifiedVersion): string[] {
  const all = [...certificates, ...expired];
  return [
    `${identity}: version ${version}, in the log of ${treeSize} entries: ${authorizationText(authorization)}`,
    'A later version may have replaced it. Next: look the identity up without --version',
    ...all.map(
      ({ serial, spkiSha256, notAfterMs }) =>
        `  ${serial}  key ${spkiSha256.slice(0, 16)}…  until ${isoTime(notAfterMs)}`,
    ),
    ...alertLines(alerts),
  ];
}

/** Prints a binding whose certificate was issued and written to `folder`. */
export function printIssued(
  binding: VerifiedBinding,
  { certificate }: CredentialFolder,
  { json }: { readonly json?: boolean },
): number {
  if (json === true) printJson(bindingJson(binding));
  else printLines(`certificate written to ${certificate}`, ...bindingLines(binding));
  return EXIT.fine;
}
