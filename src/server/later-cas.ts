import { existsSync } from 'node:fs';
import { type Issuer, openIssuer } from '../ca/authority.ts';
import { parsePem } from '../ca/der/pem.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import type { DataFolder } from './data-folder.ts';
import type { KeyRing } from './key-ring.ts';

/** An issuing CA after the first. */
export interface LaterCa {
  readonly name: string;
  readonly issuer: Issuer;
  readonly signsFromMs: number;
}

/** The highest number of an issuing CA. */
const MAX_NUMBER = 99;

/** Returns the number of the next issuing CA, the first without a certificate. Throws `usage` for a hundredth. */
export function nextCaNumber(folder: DataFolder): number {
  for (let n = 2; n <= MAX_NUMBER; n++) if (!existsSync(folder.laterCertificate(n))) return n;
  throw new GlasskeyError('usage', `a log has at most ${MAX_NUMBER} issuing CAs`);
}

/**
 * Reads the issuing CAs after the first, in their order. Reuses the objects of `known` whose certificate is unchanged.
 * Throws `usage`, `bad-key-file`, `hsm-refused`, `hsm-unavailable`.
 */
export async function readLaterCas(
  folder: DataFolder,
  keys: KeyRing,
  root: Uint8Array,
  known: readonly Issuer[] = [],
): Promise<readonly LaterCa[]> {
  const end = nextCaNumber(folder);
  const times = await readTimes(folder);
  const found: LaterCa[] = [];
  for (let n = 2; n < end; n++) {
    const name = `issuer-${n}`;
    const der = parsePem('CERTIFICATE', (await folder.read(folder.laterCertificate(n))) ?? '');
    const same = known.find(({ certificate }) => equalBytes(certificate.der, der));
    const issuer = same ?? openIssuer(der, [root], await keys.laterIssuer(n));
    const signsFromMs = times[name];
    ensure(signsFromMs !== undefined, 'usage', `${folder.laterCas} has no start time for ${name}`);
    found.push({ name, issuer, signsFromMs });
  }
  return found;
}

/** Stores the time from which CA number `n` signs. */
export async function writeTime(folder: DataFolder, n: number, signsFromMs: number): Promise<void> {
  const times = { ...(await readTimes(folder)), [`issuer-${n}`]: signsFromMs };
  const text = Object.entries(times).map(([name, ms]) => [name, new Date(ms).toISOString()]);
  await folder.write(folder.laterCas, `${JSON.stringify(Object.fromEntries(text), null, 2)}\n`);
}

async function readTimes(folder: DataFolder): Promise<Readonly<Record<string, number>>> {
  const text = await folder.read(folder.laterCas);
  if (text === undefined) return {};
  try {
    const json = JSON.parse(text) as Record<string, string>;
    return Object.fromEntries(
      Object.entries(json).map(([name, time]) => {
        const ms = Date.parse(time);
        ensure(Number.isSafeInteger(ms), 'usage', `not a time: ${name}`);
        return [name, ms];
      }),
    );
  } catch (cause) {
    throw new GlasskeyError('usage', `${folder.laterCas} cannot be read`, { cause });
  }
}
