import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import type { CertificateRequest, RevocationRequest } from '../../src/contract/bodies.ts';
import { parseJson } from '../../src/contract/json-fields.ts';
import {
  formatCertificateRequest,
  formatRevocationRequest,
  parseCertificateRequest,
  parseRevocationRequest,
} from '../../src/contract/parse-requests.ts';

const CSR = `-----BEGIN CERTIFICATE REQUEST-----\n${formatBase64(new Uint8Array(90).fill(7))}\n-----END CERTIFICATE REQUEST-----\n`;
const HASH = formatBase64(new Uint8Array(32).fill(1));
const CHANGE = { request: 'AQID', signer: HASH, signature: 'AQID' };
const invalid = expect.objectContaining({ code: 'invalid-request' });

describe('POST /v1/certificates', () => {
  const body = { identity: 'alice@example.com', csr: CSR };

  it('defaults to an application token, and to a key where there is a change', () => {
    expect(parseCertificateRequest(body)).toEqual({
      ...body,
      evidence: { type: 'application-token' },
      change: undefined,
      last: undefined,
    });
    expect(parseCertificateRequest({ ...body, change: CHANGE, last: 7 })).toMatchObject({
      evidence: { type: 'key' },
      change: { request: Uint8Array.of(1, 2, 3), signature: Uint8Array.of(1, 2, 3) },
      last: 7,
    });
    expect(parseCertificateRequest({ ...body, evidence: { type: 'key' } }).evidence).toEqual({ type: 'key' });
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['an array', [body]],
    ['a string', 'x'],
    ['no identity', { csr: CSR }],
    ['no CSR', { identity: 'x' }],
    ['an empty identity', { ...body, identity: '' }],
    ['a long identity', { ...body, identity: 'x'.repeat(1025) }],
    ['an identity that is no string', { ...body, identity: ['x'] }],
    ['a lone surrogate', { ...body, identity: '\ud800' }],
    ['an unknown member', { ...body, extra: 1 }],
    ['an own __proto__', JSON.parse(`{"identity":"x","csr":"y","__proto__":{}}`)],
    ['a CSR that is not PEM', { ...body, csr: 'AQID' }],
    ['two CSRs', { ...body, csr: CSR + CSR }],
    ['a certificate for a CSR', { ...body, csr: CSR.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE') }],
    ['a private key for a CSR', { ...body, csr: CSR.replaceAll('CERTIFICATE REQUEST', 'PRIVATE KEY') }],
    ['a CSR with text before it', { ...body, csr: `x\n${CSR}` }],
    ['an empty CSR', { ...body, csr: '-----BEGIN CERTIFICATE REQUEST-----\n\n-----END CERTIFICATE REQUEST-----' }],
    ['a CSR of bad base64', { ...body, csr: CSR.replace('Bwc', 'Bw*') }],
    ['a huge CSR', { ...body, csr: CSR.replace('\n', `\n${'Bwc'.repeat(8000)}`) }],
    ['evidence that is a string', { ...body, evidence: 'key' }],
    ['unknown evidence', { ...body, evidence: { type: 'trust-me' } }],
    ['evidence with more', { ...body, evidence: { type: 'key', x: 1 } }],
    ['evidence without what it is', { ...body, evidence: { type: 'oidc' } }],
    ['a token that is too long', { ...body, evidence: { type: 'oidc', token: 'x'.repeat(16_385) } }],
    ['a token for a key', { ...body, evidence: { type: 'key', token: 'a.b.c' } }],
    ['evidence beside a change', { ...body, change: CHANGE, evidence: { type: 'oidc', token: 'a.b.c' } }],
    ['null for a change', { ...body, change: null }],
    ['a change without a signer', { ...body, change: { request: 'AQID', signature: 'AQID' } }],
    ['a change with more', { ...body, change: { ...CHANGE, x: 1 } }],
    ['a signer of the wrong length', { ...body, change: { ...CHANGE, signer: 'AQID' } }],
    ['base64url', { ...body, change: { ...CHANGE, request: '-_-_' } }],
    ['base64 with loose bits', { ...body, change: { ...CHANGE, request: 'AR==' } }],
    ['an empty request', { ...body, change: { ...CHANGE, request: '' } }],
    ['a huge signature', { ...body, change: { ...CHANGE, signature: 'AQID'.repeat(1_400) } }],
    ['a negative last', { ...body, last: -1 }],
    ['minus zero', { ...body, last: -0 }],
    ['a fraction', { ...body, last: 1.5 }],
    ['an unsafe integer', { ...body, last: 2 ** 53 }],
    ['a string for last', { ...body, last: '1' }],
    ['null for last', { ...body, last: null }],
  ])('refuses %s', (_, value) => {
    expect(() => parseCertificateRequest(value)).toThrow(invalid);
  });

  it('never repeats what was sent', () => {
    for (const wrong of [
      { ...body, secret: 1 },
      { ...body, csr: 'secret' },
      { ...body, identity: 'secret\ud800' },
    ]) {
      expect(() => parseCertificateRequest(wrong)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') }),
      );
    }
    expect(() => parseJson('{"a": secret', 'invalid-request')).toThrow(
      expect.objectContaining({ code: 'invalid-request', message: expect.not.stringContaining('secret') }),
    );
  });

  it('survives any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parseCertificateRequest(value)).toThrow(invalid);
        expect(() => parseRevocationRequest(value)).toThrow(invalid);
      }),
    );
    const deep = parseJson(`${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'invalid-request');
    expect(() => parseCertificateRequest({ ...body, change: deep })).toThrow(invalid);
  });
});

describe('POST /v1/revocations', () => {
  const body = { identity: 'alice@example.com', serials: ['00ff', '01'] };

  it('names serials or all', () => {
    expect(parseRevocationRequest(body)).toEqual({
      ...body,
      reason: 'unspecified',
      change: undefined,
      last: undefined,
    });
    expect(parseRevocationRequest({ identity: 'x', all: true, reason: 'keyCompromise' })).toMatchObject({
      serials: 'all',
      reason: 'keyCompromise',
    });
  });

  it.each<[string, unknown]>([
    ['neither serials nor all', { identity: 'x' }],
    ['both', { ...body, all: true }],
    ['all: false', { identity: 'x', all: false }],
    ['no serials', { ...body, serials: [] }],
    [
      'too many serials',
      { ...body, serials: Array.from({ length: 256 }, (_, i) => `aa${i.toString(16).padStart(4, '0')}`) },
    ],
    ['a serial twice', { ...body, serials: ['01', '01'] }],
    ['upper case', { ...body, serials: ['FF'] }],
    ['an odd number of digits', { ...body, serials: ['fff'] }],
    ['a long serial', { ...body, serials: ['00'.repeat(21)] }],
    ['a number', { ...body, serials: [1] }],
    ['an unknown reason', { ...body, reason: 'because' }],
    ['a reason by number', { ...body, reason: 1 }],
    ['an inherited reason', { ...body, reason: 'toString' }],
    ['a reason that only a CRL has', { ...body, reason: 'removeFromCRL' }],
    ['an unknown member', { ...body, csr: CSR }],
    ['an owner that is none', { ...body, owner: 3 }],
    ['an owner of a version that cannot be', { ...body, owner: { greatestVersion: 2 ** 32 } }],
    ['an owner of no version', { ...body, owner: { greatestVersion: null } }],
    ['an owner that knows more', { ...body, owner: { position: 1 } }],
  ])('refuses %s', (_, value) => {
    expect(() => parseRevocationRequest(value)).toThrow(invalid);
  });
});

describe('requests', () => {
  it('are read as they were written', () => {
    const change = { request: Uint8Array.of(1), signer: new Uint8Array(32), signature: Uint8Array.of(2) };
    const requests: CertificateRequest[] = [
      { identity: 'x', csr: CSR, evidence: { type: 'key' }, change, last: 0 },
      { identity: 'x', csr: CSR, evidence: { type: 'application-token' }, change: undefined, last: undefined },
      { identity: 'x', csr: CSR, evidence: { type: 'key' }, change, last: 5, owner: { greatestVersion: 7 } },
      { identity: 'x', csr: CSR, evidence: { type: 'key' }, change, last: 5, owner: {} },
    ];
    for (const request of requests) {
      const json: unknown = JSON.parse(JSON.stringify(formatCertificateRequest(request)));
      expect(parseCertificateRequest(json)).toEqual(request);
    }
    const revocations: RevocationRequest[] = [
      { identity: 'x', serials: ['01'], reason: 'superseded', change, last: 3 },
      { identity: 'x', serials: 'all', reason: 'unspecified', change: undefined, last: undefined },
      {
        identity: 'x',
        serials: 'all',
        reason: 'unspecified',
        change: undefined,
        last: 1,
        owner: { greatestVersion: 0 },
      },
    ];
    for (const request of revocations) {
      const json: unknown = JSON.parse(JSON.stringify(formatRevocationRequest(request)));
      expect(parseRevocationRequest(json)).toEqual(request);
    }
  });
});
