import { generateKey } from '../../src/client/client-key.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { DEFAULT_PROFILE, leafValidity } from '../../src/ca/profile.ts';
import { newSerial } from '../../src/ca/serial.ts';
import { identityOf } from './owner.ts';
import type { LyingOperator } from './lying-operator.ts';

/** Bytes of one certificate: as many as a client accepts, nearly. */
const CERTIFICATE_BYTES = 15_000;

/** Registers `count` versions of an identity whose records have at least `bytes` bytes each. */
export async function appendFatVersions(
  operator: LyingOperator,
  text: string,
  { count, bytes }: { readonly count: number; readonly bytes: number },
): Promise<void> {
  const certificates: Uint8Array[] = [];
  for (let length = 0; length < bytes; length += CERTIFICATE_BYTES) {
    certificates.push(await fatCertificate(operator, text));
  }
  for (let version = 0; version < count; version++) {
    await operator.appendRecord(text, { certificates, authorization: { type: 'operator', reason: 'fat' } });
  }
}

/** A certificate by the true authority with a long name of its CRL. */
async function fatCertificate({ server }: LyingOperator, text: string): Promise<Uint8Array> {
  const { keys, reloadable, random, now } = server.log.context;
  const { urls } = reloadable.at(now()).signingCa;
  return issueLeaf(keys.issuer, {
    ...leafValidity(DEFAULT_PROFILE, keys.issuer.certificate, now()),
    spki: (await generateKey()).spki,
    san: identityOf(text).san,
    serial: newSerial(random),
    profile: DEFAULT_PROFILE,
    urls: { ...urls, caIssuers: `http://ca.example/${'a'.repeat(CERTIFICATE_BYTES)}` },
  });
}
