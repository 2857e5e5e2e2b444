import { issueLeaf, type LeafRequest } from '../../ca/issue.ts';
import { lintLeaf } from '../../ca/lint.ts';
import type { ParsedCertificate } from '../../ca/certificate.ts';
import type { ParsedCsr } from '../../ca/csr/csr.ts';
import type { Validity } from '../../ca/profile.ts';
import { newShardSerial } from '../../ca/serial.ts';
import type { Identity } from '../../identity/identity.ts';
import type { LogContext } from '../log/log-context.ts';
import type { RequestSettings } from '../log/reloadable.ts';
import { crlShardUrls } from '../log/crl-shards.ts';
import { profileOf } from '../log/profile-table.ts';

/** The keys to certify: what remains of a CSR once possession is proved. */
export type WantedKeys = Pick<ParsedCsr, 'spki' | 'spkiSha256' | 'keysSha256' | 'companions' | 'keyType'>;

/**
 * Returns the content of the certificate to sign. Throws `forbidden` for an identity without a profile,
 * `storage-failed`.
 */
export async function leafRequest(
  context: Pick<LogContext, 'random' | 'crlShards'>,
  { profiles, signingCa: { urls } }: RequestSettings,
  keys: WantedKeys,
  identity: Identity,
  validity: Validity,
): Promise<LeafRequest> {
  const profile = profileOf(profiles, identity);
  const { spki, companions } = keys;
  const shard = await context.crlShards.next();
  const serial = newShardSerial(context.random, shard);
  const crl = urls.crl && crlShardUrls(urls.crl, shard).url;
  return { ...validity, spki, companions, san: identity.san, serial, profile, urls: { ...urls, crl } };
}

/** Step `sign`: the only place that signs certificates. */
export async function sign(
  { observe }: Pick<LogContext, 'observe'>,
  { signingCa }: RequestSettings,
  request: LeafRequest,
): Promise<Uint8Array> {
  const certificate = await issueLeaf(signingCa.issuer, request);
  observe({ type: 'signed' });
  return certificate;
}

/** Step `lint`: checks that the signed certificate has the content of its request. Throws `lint-failed`. */
export function lint(
  { issued }: Pick<LogContext, 'issued'>,
  { signingCa }: RequestSettings,
  certificate: Uint8Array,
  request: LeafRequest,
): ParsedCertificate {
  const parsed = lintLeaf(certificate, signingCa.issuer, request);
  issued.add(parsed);
  return parsed;
}
