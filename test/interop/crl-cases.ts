import { createCrl, type CrlContent } from '../../src/ca/crl.ts';
import type { CrlEntry } from '../../src/ca/crl-entries.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { createHierarchy, NOW_MS } from '../ca/support.ts';

/** What a program has to find in a CRL. */
export interface CrlFacts {
  readonly number: string;
  readonly base: string | null;
  /** Seconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Serial in decimal, seconds since the epoch, reason code (0: none). */
  readonly entries: readonly (readonly [string, number, number])[];
  /** OIDs, sorted. */
  readonly critical: readonly string[];
}

/** CRLs of one CA, as they are given to other programs. */
export interface CrlCases {
  readonly issuer: string;
  readonly other: string;
  readonly crls: readonly { readonly id: string; readonly pem: string }[];
}

const DELTA = '2.5.29.27';
const POINT = '2.5.29.28';
const scope = { url: 'http://ca.example/crl/issuer/7.crl', deltaUrl: 'http://ca.example/crl/issuer/7-delta.crl' };
const codes = { keyCompromise: 1, superseded: 4, unspecified: 0, removeFromCRL: 8 } as const;
const entry = (serial: string, reason: keyof typeof codes, revokedAtMs = NOW_MS - 5_000): CrlEntry => ({
  serial,
  reason,
  revokedAtMs,
});

const number = NOW_MS;
const one = [entry(`40000007${'ab'.repeat(12)}`, 'keyCompromise')];
const many = [...one, entry('00', 'unspecified'), entry('80', 'superseded', Date.UTC(2051, 0, 2, 3, 4, 5))];
const CONTENTS: Readonly<Record<string, Pick<CrlContent, 'entries' | 'scope' | 'baseNumber'>>> = {
  'of-all': { entries: one },
  empty: { entries: [], scope },
  shard: { entries: many, scope },
  delta: { entries: [...one, entry('41', 'removeFromCRL')], scope, baseNumber: number - 1 },
};

/** CRLs of every kind that we sign, and what is to be found in each. */
export async function crlCases(): Promise<{ cases: CrlCases; facts: Readonly<Record<string, CrlFacts>> }> {
  const { issuing } = await createHierarchy('p256');
  const { issuing: other } = await createHierarchy('p256');
  const crls: { id: string; pem: string }[] = [];
  const facts: Record<string, CrlFacts> = {};
  for (const [id, content] of Object.entries(CONTENTS)) {
    const times = { thisUpdateMs: NOW_MS, nextUpdateMs: NOW_MS + 3_600_000 };
    // eslint-disable-next-line no-await-in-loop -- four of them
    crls.push({ id, pem: formatPem('X509 CRL', await createCrl(issuing, { number, ...times, ...content })) });
    facts[id] = factsOf(content);
  }
  const pemOf = ({ certificate }: typeof issuing): string => formatPem('CERTIFICATE', certificate.der);
  return { cases: { issuer: pemOf(issuing), other: pemOf(other), crls }, facts };
}

function factsOf({ entries, baseNumber, scope: part }: (typeof CONTENTS)[string]): CrlFacts {
  const sorted = entries.toSorted((a, b) => (a.serial < b.serial ? -1 : 1));
  return {
    number: String(number),
    base: baseNumber === undefined ? null : String(baseNumber),
    thisUpdate: seconds(NOW_MS),
    nextUpdate: seconds(NOW_MS) + 3_600,
    entries: sorted.map(({ serial, revokedAtMs, reason }) => [
      BigInt(`0x${serial}`).toString(),
      seconds(revokedAtMs),
      codes[reason as keyof typeof codes],
    ]),
    critical: [...(baseNumber === undefined ? [] : [DELTA]), ...(part === undefined ? [] : [POINT])],
  };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
