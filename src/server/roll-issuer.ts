import { randomBytes } from 'node:crypto';
import { openIssuer, signIssuingCa } from '../ca/authority.ts';
import { formatPem, parsePem } from '../ca/der/pem.ts';
import type { CaAlgorithm } from '../core/crypto/signer.ts';
import { type DataFolder, readServerConfig } from './data-folder.ts';
import { installNext } from './install-issuer.ts';
import { withKeys } from './key-ring.ts';
import { assertKindAllowed } from './log-requirements.ts';
import { nextCaNumber } from './later-cas.ts';

/** The next issuing CA. */
export interface RollOptions {
  readonly kind: CaAlgorithm;
  readonly years: number;
  readonly nowMs: number;
  readonly signsFromMs: number;
}

const YEAR_MS = 365.25 * 86_400_000;

/**
 * Signs the next issuing CA with the root key, which the folder must have, and installs it. Throws the errors of
 * `installNext` and `signIssuingCa`.
 */
export async function rollIssuer(folder: DataFolder, options: RollOptions): ReturnType<typeof installNext> {
  const { origin } = await readServerConfig(folder);
  await assertKindAllowed(folder, options.kind);
  const n = nextCaNumber(folder);
  const pem = await withKeys(folder, async (keys) => {
    const rootPem = (await folder.read(folder.certificate('root'))) ?? '';
    const der = await signIssuingCa({
      root: openIssuer(parsePem('CERTIFICATE', rootPem), [], await keys.signer('root')),
      spki: (await keys.laterIssuer(n, options.kind)).spki,
      commonName: `${origin.slice(0, 46)} Issuing CA ${n}`,
      nowMs: options.nowMs,
      validityMs: options.years * YEAR_MS,
      random: (length) => new Uint8Array(randomBytes(length)),
    });
    return formatPem('CERTIFICATE', der);
  });
  return installNext(folder, pem, options);
}
