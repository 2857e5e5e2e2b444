import fc from 'fast-check';
import {
  formatAddCheckpoint,
  parseAddCheckpoint,
  parseProofHash,
  parseTlogSize,
} from '../../../src/core/audit/add-checkpoint.ts';
import { parsePolicy } from '../../../src/core/audit/policy.ts';
import type { Policy } from '../../../src/core/audit/policy-parts.ts';
import { parsePolicyLines } from '../../../src/core/audit/policy-lines.ts';
import { formatSignSubtree, parseSignSubtree } from '../../../src/core/audit/sign-subtree.ts';
import { cosignatureVkey, ED25519_COSIGNATURE, ed25519Vkey, formatVkey } from '../../../src/core/audit/vkey.ts';
import { vrfPublicKey } from '../../../src/core/crypto/vrf-ed25519.ts';
import { formatBase64 } from '../../../src/core/encoding/bytes.ts';
import { fixed, hashes, sizes } from './arbitraries.ts';
import { type Decoder, ofText } from './decoder.ts';

const urls = fc.constantFrom('', ' https://witness.example/', ' http://127.0.0.1:8/x');

const secrets = fc.uniqueArray(fixed(32), { minLength: 3, maxLength: 6, selector: (secret) => secret.join() });

/** A log, some witnesses, a group of some of them or of all, and a quorum. */
const policies: fc.Arbitrary<string> = fc.tuple(secrets, urls, fc.nat(), fc.boolean()).map(policyText);

function policyText([keys, url, seed, isAny]: readonly [readonly Uint8Array[], string, number, boolean]): string {
  const [log = new Uint8Array(32), ...others] = keys.map((secret) => vrfPublicKey(secret));
  const names = others.map((_, i) => `w${i}`);
  const threshold = isAny ? 'any' : `${1 + (seed % names.length)}`;
  const witnesses = others.map((key, i) => {
    return `witness w${i} ${formatVkey(cosignatureVkey(`witness.example/${i}`, ED25519_COSIGNATURE, key))}${url}`;
  });
  const quorum = ['none', 'w0', 'g'][seed % 3];
  return [
    '# who has to have seen it',
    `log ${formatVkey(ed25519Vkey('log.example', log))}${url}`,
    ...witnesses,
    '',
    `group  g ${threshold}\t${names.join(' ')}`,
    `quorum ${quorum}`,
  ].join('\n');
}

function formatPolicy({ logs, witnesses, groups, quorum }: Policy): string {
  const end = (url: string | undefined): string => (url === undefined ? '' : ` ${url}`);
  return [
    ...logs.map(({ vkey, url }) => `log ${formatVkey(vkey)}${end(url)}`),
    ...witnesses.map(({ name, vkey, url }) => `witness ${name} ${formatVkey(vkey)}${end(url)}`),
    ...groups.map(({ name, threshold, members }) => `group ${name} ${threshold} ${members.join(' ')}`),
    `quorum ${quorum}`,
  ].join('\n');
}

const ofPolicy = (name: string, read: (text: string) => Policy): Decoder =>
  ofText({ name, texts: policies, read, write: formatPolicy, refusals: ['bad-policy'], canonical: false });

const requests = fc
  .record({
    oldSize: sizes,
    proof: fc.array(hashes, { maxLength: 63 }),
    checkpoint: fc.string({ unit: fc.constantFrom('a', '\n', '—', ' ') }),
  })
  .map(formatAddCheckpoint);

const subtreeRequests = fc
  .record({
    level: fc.integer({ min: 0, max: 40 }),
    index: fc.nat({ max: 1000 }),
    missing: fc.double({ min: 0, max: 0.5, maxExcluded: true, noNaN: true }),
    hash: hashes,
    proof: fc.array(hashes, { maxLength: 63 }),
    checkpoint: fc.string({ unit: fc.constantFrom('a', '\n', '—', ' ') }),
  })
  .map(({ level, index, missing, hash, proof, checkpoint }) => {
    const start = index * 2 ** level;
    const end = start + 2 ** level - Math.floor(2 ** level * missing);
    return formatSignSubtree({ subtree: { start, end, hash }, proof, checkpoint });
  });

/** What witnesses, and those who ask them, read. */
export const WITNESS_DECODERS: readonly Decoder[] = [
  ofPolicy('parsePolicyLines', parsePolicyLines),
  ofPolicy('parsePolicy', parsePolicy),
  ofText({
    name: 'parseAddCheckpoint',
    texts: requests,
    read: parseAddCheckpoint,
    write: formatAddCheckpoint,
    refusals: ['invalid-request'],
    canonical: true,
  }),
  ofText({
    name: 'parseProofHash',
    texts: hashes.map((hash) => formatBase64(hash)),
    read: parseProofHash,
    write: (hash) => formatBase64(hash),
    refusals: ['invalid-request'],
    canonical: true,
  }),
  ofText({
    name: 'parseSignSubtree',
    texts: subtreeRequests,
    read: parseSignSubtree,
    write: formatSignSubtree,
    refusals: ['invalid-request'],
    canonical: true,
  }),
  ofText({
    name: 'parseTlogSize',
    texts: sizes.map((size) => `${size}\n`),
    read: parseTlogSize,
    write: (size) => `${size}\n`,
    refusals: ['bad-response'],
    canonical: true,
  }),
];
