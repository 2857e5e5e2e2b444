import { parseCertificate } from '../../ca/certificate.ts';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import { formatPem } from '../../ca/der/pem.ts';
import type { BoundCertificate, Provenance } from '../../client/binding/binding.ts';
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

/**
 * Returns a version's provenance as JSON: `authorization` is the judged link of the chain, and missing if this answer
 * does not prove it; `claimed` is the record's own word.
 */
export function provenanceJson({ link, claimed }: Provenance): Record<string, unknown> {
  const shown = claimedJson(claimed);
  if (link === undefined) return { claimed: shown };
  return { authorization: link === claimed.type ? shown : { type: link }, claimed: shown };
}

/** Returns the claim of a record; for a first registration, also the evidence that vouched for it. */
function claimedJson(claimed: Authorization): Record<string, unknown> {
  const { type } = claimed;
  return type === 'initial' ? { type, evidence: claimed.evidence } : { type };
}

/** Returns a version's provenance for people. Without a judged link it is shown as the record's claim. */
export function provenanceText({ link, claimed }: Provenance): string {
  const words = claimedText(claimed);
  if (link === undefined) return `not proved here; it calls itself: ${words}`;
  if (link === claimed.type) return words;
  return `change by the operator; it calls itself: ${words}, which the log does not prove`;
}

function claimedText(claimed: Authorization): string {
  switch (claimed.type) {
    case 'initial':
      return `first registration, ${evidenceText(claimed.evidence)}`;
    case 'key':
      return 'change signed by a key of the identity';
    case 'maintenance':
      return `${claimed.kind} by the authority`;
    case 'recovery':
      return claimed.phase === 'requested' ? 'recovery, requested' : 'recovery, after its delay';
    case 'operator':
      return `change by the operator, with the reason: ${oneLine(claimed.reason)}`;
  }
}

/** Returns the evidence of a record for people. The log holds what the authority says of it, and no proof. */
export function evidenceText(evidence: Evidence): string {
  return `${evidenceWords(evidence)}, as the authority says`;
}

function evidenceWords(evidence: Evidence): string {
  if (evidence.type === 'application') return 'vouched for by the application';
  if (evidence.type === 'import') {
    return `imported by the administrator${evidence.possession ? '' : ', without proof of possession of the key'}`;
  }
  return evidence.type === 'email' ? 'vouched for by a confirmed e-mail' : `vouched for by ${oneLine(evidence.issuer)}`;
}

/** Returns an alert as JSON, with the certificates of the version that it is about. */
export function alertJson({ value, ...alert }: Alert): Record<string, unknown> {
  const { type, version, reason, afterAbsence } = alert;
  const found = { type, version, reason, seenAt: isoTime(alert.seenAtMs), afterAbsence };
  if (value === undefined) return found;
  const { authorization, certificates } = decodeIdentityRecord(value);
  const shown = certificates.map((der) => {
    const { serial, spkiSha256 } = parseCertificate(der);
    return { serial, spkiSha256: formatHex(spkiSha256), pem: formatPem('CERTIFICATE', der) };
  });
  return { ...found, claimed: claimedJson(authorization), certificates: shown };
}

/** Returns alerts that are not acknowledged yet, for people. */
export function alertLines(alerts: readonly Alert[]): string[] {
  if (alerts.length === 0) return [];
  return [
    ...alerts.map(({ reason, seenAtMs }) => `WARNING: ${oneLine(reason)} (noticed ${isoTime(seenAtMs)})`),
    'This warning stays until you acknowledge it: `glasskey monitor --acknowledge`',
  ];
}
