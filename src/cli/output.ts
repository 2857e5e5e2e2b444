import { parseCertificate } from '../ca/certificate.ts';
import type { CompanionKeys } from '../ca/companion-keys.ts';
import { formatPem } from '../ca/der/pem.ts';
import type { BoundCertificate, VerifiedBinding } from '../client/binding/binding.ts';
import type { Alert } from '../client/state/client-state.ts';
import type { VerifiedVersion } from '../client/key-directory.ts';
import { formatBase64, formatHex } from '../core/encoding/bytes.ts';
import type { Authorization } from '../identity/authorization.ts';
import type { Evidence } from '../identity/evidence.ts';
import { decodeIdentityRecord } from '../identity/identity-record.ts';

/** Prints a value for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints lines for people. */
export function printLines(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** A text of whatever origin as one line that cannot steer a terminal. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** Lets a reader of the output leave early, as `head` does. Any other failure of a stream still ends the process. */
export function ignoreClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** A binding as JSON: times in ISO 8601. */
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

/** A recovery that waits. */
function pendingJson({ pending }: VerifiedBinding): Record<string, unknown> {
  if (pending === undefined) return {};
  return { pending: { spkiSha256: formatHex(pending.spkiSha256), evidence: pending.evidence } };
}

/** The same for people: what it is, and what becomes of it. */
function pendingLines({ pending }: VerifiedBinding): string[] {
  if (pending === undefined) return [];
  const key = formatHex(pending.spkiSha256).slice(0, 16);
  return [
    `RECOVERY PENDING: somebody, ${evidenceText(pending.evidence)}, asked for the name to go to the key ${key}…`,
    '  it does once the delay of the trust bundle has passed, unless a key above vetoes it; if you know the owner, ask',
  ];
}

/** Who authorised a version: of a first registration also which evidence vouched for it. */
export function authorizationJson(authorization: Authorization): Record<string, unknown> {
  const { type } = authorization;
  return type === 'initial' ? { type, evidence: authorization.evidence } : { type };
}

/** Who authorised a version, for people. */
export function authorizationText(authorization: Authorization): string {
  if (authorization.type === 'recovery') {
    return authorization.phase === 'requested' ? 'recovery, asked for' : 'recovery, after its delay';
  }
  if (authorization.type === 'operator') return `operator, who says: ${oneLine(authorization.reason)}`;
  return authorization.type === 'initial' ? `initial, ${evidenceText(authorization.evidence)}` : authorization.type;
}

function evidenceText(evidence: Evidence): string {
  if (evidence.type === 'application') return 'vouched for by the application';
  if (evidence.type === 'import') {
    return `imported by the administrator${evidence.possession ? '' : ' without a proof of the key'}`;
  }
  return evidence.type === 'email' ? 'by an answered e-mail' : `vouched for by ${oneLine(evidence.issuer)}`;
}

/** Whether the authority erased the identity: proved by its record, which says so. */
export function isErased({ authorization }: VerifiedBinding): boolean {
  return authorization.type === 'maintenance' && authorization.kind === 'erasure';
}

/** An alert as JSON, with the certificates of the version that it is about. */
export function alertJson({ type, version, reason, value, seenAtMs }: Alert): Record<string, unknown> {
  const seenAt = isoTime(seenAtMs);
  if (value === undefined) return { type, version, reason, seenAt };
  const { authorization, certificates } = decodeIdentityRecord(value);
  const shown = certificates.map((der) => {
    const { serial, spkiSha256 } = parseCertificate(der);
    return { serial, spkiSha256: formatHex(spkiSha256), pem: formatPem('CERTIFICATE', der) };
  });
  return { type, version, reason, seenAt, authorization: authorizationJson(authorization), certificates: shown };
}

/** What was noticed and was not acknowledged yet, for people. */
export function alertLines(alerts: readonly Alert[]): string[] {
  if (alerts.length === 0) return [];
  return [
    ...alerts.map(({ reason, seenAtMs }) => `WARNING: ${oneLine(reason)} (noticed ${isoTime(seenAtMs)})`),
    'this is said until you let it pass: glasskey monitor --acknowledge',
  ];
}

/** A certificate as JSON. */
export function certificateJson(certificate: BoundCertificate): Record<string, unknown> {
  const { serial, pem, spkiSha256, companions, notBeforeMs, notAfterMs } = certificate;
  const times = { notBefore: isoTime(notBeforeMs), notAfter: isoTime(notAfterMs) };
  return { serial, pem, spkiSha256, ...companionsJson(companions), ...times };
}

/** Companion keys in base64, where there are any. */
function companionsJson(companions: CompanionKeys | undefined): Record<string, unknown> {
  if (companions === undefined) return {};
  const { x25519, mlKem768 } = companions;
  const shown = {
    ...(x25519 === undefined ? {} : { x25519: formatBase64(x25519) }),
    ...(mlKem768 === undefined ? {} : { mlKem768: formatBase64(mlKem768) }),
  };
  return { companions: shown };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** What each verdict on a chain of versions means, in words that a person can act on. */
const CHANGES: Readonly<Record<VerifiedBinding['change']['type'], string>> = {
  unchanged: 'nothing changed since you last looked',
  'first-seen': 'you see this identity for the first time',
  key: 'changed since you last looked, each time signed by a key that it had before',
  maintenance: 'changed since you last looked; the authority renewed or removed certificates and added no key',
  recovery: 'somebody proved the name anew since you last looked, without any of its keys: a recovery',
  operator: 'WARNING: keys were changed by the operator, not by a key that the identity had before',
  unexplained: 'WARNING: the change since you last looked is not explained by the log',
};

/** How an identity came to its keys, for people. */
export function changeLine({ type, reason }: VerifiedBinding['change']): string {
  return `${CHANGES[type]}${reason === undefined ? '' : ` (${reason})`}`;
}

function absenceOf(binding: VerifiedBinding): string {
  return isErased(binding) ? 'the authority erased the identity' : 'all were revoked or have expired';
}

/** A binding for people. */
export function bindingLines(binding: VerifiedBinding): string[] {
  const certificates = binding.certificates.map(
    (certificate) =>
      `  ${certificate.serial}  key ${certificate.spkiSha256.slice(0, 16)}…  until ${isoTime(certificate.notAfterMs)}`,
  );
  const monitored = binding.monitored.map(
    ({ version, position }) => `version ${version} from log entry ${position} on`,
  );
  return [
    `${binding.identity}: version ${binding.version}, in the log of ${binding.treeSize} entries`,
    ...(certificates.length > 0 ? certificates : [`  no certificate: ${absenceOf(binding)}`]),
    changeLine(binding.change),
    ...pendingLines(binding),
    ...(binding.version === 0 ? [`registered: ${authorizationText(binding.authorization)}`] : []),
    ...alertLines(binding.alerts),
    ...(monitored.length > 0 ? [`still to be monitored: ${monitored.join(', ')}`] : []),
  ];
}

/** One version of an identity as JSON. */
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

/** One version of an identity for people. */
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
    `${identity}: version ${version} by ${authorizationText(authorization)}, in the log of ${treeSize} entries (later versions may have replaced it)`,
    ...all.map(
      ({ serial, spkiSha256, notAfterMs }) =>
        `  ${serial}  key ${spkiSha256.slice(0, 16)}…  until ${isoTime(notAfterMs)}`,
    ),
    ...alertLines(alerts),
  ];
}
