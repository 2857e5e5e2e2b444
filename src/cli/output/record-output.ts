import { parseCertificate } from '../../ca/certificate.ts';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import { formatPem } from '../../ca/der/pem.ts';
import type { BoundCertificate } from '../../client/binding/binding.ts';
import type { Alert } from '../../client/state/client-state.ts';
import { formatBase64, formatHex } from '../../core/encoding/bytes.ts';
import type { Authorization } from '../../identity/authorization.ts';
import type { Evidence } from '../../identity/evidence.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import { isoTime, oneLine } from './print.ts';

/** Returns a certificate as JSON. */
export function certificateJson(certificate: BoundCertificate): Record<string, unknown> {
  const { serial, pem, spkiSha256, companions, notBeforeMs, notAfterMs } = certificate;
  const times = { notBefore: isoTime(notBeforeMs), notAfter: isoTime(notAfterMs) };
  return { serial, pem, spkiSha256, ...companionsJson(companions), ...times };
}

/** Returns companion keys in base64, if there are any. */
function companionsJson(companions: CompanionKeys | undefined): Record<string, unknown> {
  if (companions === undefined) return {};
  const { x25519, mlKem768 } = companions;
  const shown = {
    ...(x25519 === undefined ? {} : { x25519: formatBase64(x25519) }),
    ...(mlKem768 === undefined ? {} : { mlKem768: formatBase64(mlKem768) }),
  };
  return { companions: shown };
}

/** Returns who authorised a version; for a first registration, also the evidence that vouched for it. */
export function authorizationJson(authorization: Authorization): Record<string, unknown> {
  const { type } = authorization;
  return type === 'initial' ? { type, evidence: authorization.evidence } : { type };
}

/** Returns how a version came about and who authorised it, for people. */
export function authorizationText(authorization: Authorization): string {
  switch (authorization.type) {
    case 'initial':
      return `first registration, ${evidenceText(authorization.evidence)}`;
    case 'key':
      return 'change signed by a key of the identity';
    case 'maintenance':
      return `${authorization.kind} by the authority`;
    case 'recovery':
      return authorization.phase === 'requested' ? 'recovery, requested' : 'recovery, after its delay';
    case 'operator':
      return `change by the operator, with the reason: ${oneLine(authorization.reason)}`;
  }
}

/** Returns the evidence of a first registration for people. */
export function evidenceText(evidence: Evidence): string {
  if (evidence.type === 'application') return 'vouched for by the application';
  if (evidence.type === 'import') {
    return `imported by the administrator${evidence.possession ? '' : ', without proof of possession of the key'}`;
  }
  return evidence.type === 'email' ? 'vouched for by a confirmed e-mail' : `vouched for by ${oneLine(evidence.issuer)}`;
}

/** Returns an alert as JSON, with the certificates of the version that it is about. */
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

/** Returns alerts that are not acknowledged yet, for people. */
export function alertLines(alerts: readonly Alert[]): string[] {
  if (alerts.length === 0) return [];
  return [
    ...alerts.map(({ reason, seenAtMs }) => `WARNING: ${oneLine(reason)} (noticed ${isoTime(seenAtMs)})`),
    'This warning stays until you acknowledge it: `glasskey monitor --acknowledge`',
  ];
}
