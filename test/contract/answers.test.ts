import { describe, expect, it } from 'vitest';
import type { CertificateResult, RevocationResult } from '../../src/contract/bodies.ts';
import {
  formatCertificateAnswer,
  formatRevocationAnswer,
  parseCertificateAnswer,
  parseRevocationAnswer,
} from '../../src/contract/parse-answers.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n';
const PLACE = { identity: 'alice@example.com', version: 0, position: 5, treeSize: 6, proof: Uint8Array.of(1, 2) };
const CERTIFICATE: CertificateResult = { ...PLACE, serial: '0a', certificate: PEM, chain: [PEM] };
const REVOCATION: RevocationResult = { ...PLACE, revoked: ['0a'] };
const bad = expect.objectContaining({ code: 'bad-response' });

describe('answers', () => {
  it('are read as they were written, and may say more', () => {
    const certificate = { ...formatCertificateAnswer(CERTIFICATE), more: true };
    expect(parseCertificateAnswer(JSON.parse(JSON.stringify(certificate)))).toEqual(CERTIFICATE);
    const revocation = { ...formatRevocationAnswer(REVOCATION), more: true };
    expect(parseRevocationAnswer(JSON.parse(JSON.stringify(revocation)))).toEqual(REVOCATION);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a string', 'ok'],
    ['an empty object', {}],
    ['no version', { ...formatCertificateAnswer(CERTIFICATE), version: undefined }],
    ['a version beyond 2^32', { ...formatCertificateAnswer(CERTIFICATE), version: 2 ** 32 }],
    ['a negative position', { ...formatCertificateAnswer(CERTIFICATE), position: -1 }],
    ['a serial that is not hex', { ...formatCertificateAnswer(CERTIFICATE), serial: '../../x' }],
    ['a certificate that is not PEM', { ...formatCertificateAnswer(CERTIFICATE), certificate: 'AQID' }],
    ['a chain with something else', { ...formatCertificateAnswer(CERTIFICATE), chain: [PEM, 'x'] }],
    ['no chain', { ...formatCertificateAnswer(CERTIFICATE), chain: [] }],
    ['a long chain', { ...formatCertificateAnswer(CERTIFICATE), chain: Array(9).fill(PEM) }],
    ['a proof that is not base64', { ...formatCertificateAnswer(CERTIFICATE), proof: '*' }],
  ])('refuses %s', (_, body) => {
    expect(() => parseCertificateAnswer(body)).toThrow(bad);
  });

  it('of revocations name serials in hex', () => {
    expect(() => parseRevocationAnswer({ ...formatRevocationAnswer(REVOCATION), revoked: ['0A'] })).toThrow(bad);
    expect(() => parseRevocationAnswer({ ...formatRevocationAnswer(REVOCATION), revoked: '0a' })).toThrow(bad);
  });
});
