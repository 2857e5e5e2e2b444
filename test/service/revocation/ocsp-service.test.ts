import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { DerTag } from '../../../src/ca/der/der-reader.ts';
import { der, derOid, derSequence } from '../../../src/ca/der/der-writer.ts';
import { encodeExtension } from '../../../src/ca/extension-writer.ts';
import { encodeCertId } from '../../../src/ca/ocsp/cert-id.ts';
import { createOcspFailure } from '../../../src/ca/ocsp/create-ocsp-response.ts';
import { parseOcspResponse } from '../../../src/ca/ocsp/parse-ocsp-response.ts';
import { OCSP_NONCE_OID } from '../../../src/ca/der/oids.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { formatBase64, formatHex } from '../../../src/core/encoding/bytes.ts';
import { OcspService } from '../../../src/service/revocation/ocsp-service.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const DAY_MS = 86_400_000;
const NONCE = new Uint8Array(32).fill(7);
const GOOD = '8000';
const UNKNOWN = '8200';
const STRANGE_SERIAL = '4102030405060708090a0b0c0d0e0f10';

let log: TestLog;
let serial: string;
const asked = (identity: string) => ({ identity, token: log.token, change: undefined, last: undefined });

beforeAll(async () => {
  log = await createTestLog({ limits: { ocspSignaturesPerSecond: 5, ocspCacheSize: 2 } });
});
beforeEach(async () => {
  serial = await issue(`${formatHex(randomBytes(4))}@example.com`);
  log.clock.advance(1_000);
});
afterAll(() => log.close());

let identity = '';
async function issue(name: string): Promise<string> {
  identity = name;
  const csr = await csrFor(await newDeviceKey(), name);
  return (await log.service.issue({ ...asked(name), csr })).serial;
}

function requestOf(certIds: readonly Uint8Array[], nonce?: Uint8Array): Uint8Array {
  const list = derSequence(...certIds.map((certId) => derSequence(certId)));
  if (nonce === undefined) return derSequence(derSequence(list));
  const extension = encodeExtension(OCSP_NONCE_OID, false, der(DerTag.octetString, nonce));
  return derSequence(derSequence(list, der(0xa2, derSequence(extension))));
}

const certId = (of: string) => encodeCertId(log.context.keys.issuer.certificate, of);
const ask = (of: string, nonce?: Uint8Array) => log.service.ocsp.answer(requestOf([certId(of)], nonce));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** What an answer says of a certificate: the status stands behind the CertID. */
const said = (answer: Uint8Array, of: string) => hexOf(answer).split(hexOf(certId(of)))[1] ?? '';
const FAILURES = ['malformedRequest', 'tryLater', 'unauthorized'] as const;
const [MALFORMED, TRY_LATER, UNAUTHORIZED] = FAILURES.map((name) => hexOf(createOcspFailure(name)));

describe('the path of a GET in which a proxy has merged slashes', () => {
  const pathOf = (of: string) => formatBase64(requestOf([certId(of)]));
  const merged = (path: string) => path.replaceAll(/\/+/g, '/');

  /** A serial whose base64 in a request has a text near its end. */
  function serialWith(text: string): string {
    const path = pathOf(`41${'aa'.repeat(15)}`);
    const changed = path.slice(0, -14) + text + path.slice(text.length - 14);
    return Buffer.from(changed, 'base64').subarray(-16).toString('hex');
  }

  /** Answers the path of a request whose slashes were merged, while one serial counts as issued. */
  async function answerMerged(asked: string, issued: string): Promise<Uint8Array> {
    const { store } = log.context;
    const { findStatus } = store;
    store.findStatus = (of) => Promise.resolve({ issued: of === issued, revocation: undefined });
    try {
      return (await log.service.ocsp.answerPath(merged(pathOf(asked)))).der;
    } finally {
      store.findStatus = findStatus;
    }
  }

  it('stands for the request that it was', async () => {
    const strange = '41ffff0304050607fffffe0b0c0d0e0f';
    expect(merged(pathOf(strange))).not.toBe(pathOf(strange));
    expect(said(await answerMerged(strange, strange), strange).slice(0, 4)).toBe(GOOD);
    expect(hexOf((await log.service.ocsp.answerPath(`//${pathOf(serial)}`)).der)).toContain(hexOf(certId(serial)));
  });

  it.each([0, 1])('is about the certificate that was issued, where it could stand for two (%i)', async (which) => {
    const [first = '', second = ''] = ['A//A/A', 'A/A//A'].map(serialWith);
    expect(merged(pathOf(first))).toBe(merged(pathOf(second)));
    const meant = [first, second][which] ?? '';
    expect(said(await answerMerged(first, meant), meant).slice(0, 4)).toBe(GOOD);
  });

  it.each(['/'.repeat(1024), `MFI${'/'.repeat(1_000)}`, '%', 'MFIw', ''])(
    'is malformed if it is none (%#)',
    async (path) => {
      expect(hexOf((await log.service.ocsp.answerPath(path)).der)).toBe(MALFORMED);
    },
  );
});

describe('the OCSP service', () => {
  it('signs an answer once, and another within two seconds of a revocation', async () => {
    const [first, same] = await Promise.all([ask(serial), ask(serial)]);
    expect(same).toBe(first);
    expect(said(first.der, serial).slice(0, 4)).toBe(GOOD);
    await log.service.revoke({ ...asked(identity), serials: [serial], reason: 1 });
    log.clock.advance(2_000);
    const revoked = await ask(serial);
    // RevokedInfo with a time and keyCompromise.
    expect(said(revoked.der, serial)).toMatch(/^a116180f(?:3\d){14}5aa0030a0101/);
    log.clock.advance(3_000);
    expect(await ask(serial)).toBe(revoked);
  });

  it('repeats what is valid while the database is away, and forgets it where that has lost entries', async () => {
    const { store, limits } = log.context;
    const { findStatus } = store;
    const first = await ask(serial);
    store.findStatus = () => Promise.reject(new GlasskeyError('storage-failed', 'database: connection refused'));
    try {
      log.clock.advance(limits.ocspValidityMs - 2_000);
      expect(await ask(serial)).toBe(first);
      log.clock.advance(2_000);
      await expect(ask(serial)).rejects.toMatchObject({ code: 'storage-failed' });
      store.findStatus = findStatus;
      const second = await ask(serial);
      log.service.progress.forget();
      expect(await ask(serial)).not.toBe(second);
    } finally {
      store.findStatus = findStatus;
    }
  });

  it('signs anew when half of the validity has passed', async () => {
    const first = await ask(serial);
    log.clock.advance(log.context.limits.ocspValidityMs / 2);
    const second = await ask(serial);
    expect(second.kept?.thisUpdateMs).toBeGreaterThan(first.kept?.thisUpdateMs ?? Infinity);
    // Clocks of those who read it may be slow.
    const { answers } = parseOcspResponse(second.der);
    expect(answers.map(({ thisUpdateMs }) => thisUpdateMs)).toEqual([(second.kept?.thisUpdateMs ?? 0) - 300_000]);
  });

  it('does not know certificates that were never signed, and remembers nothing of them', async () => {
    const answer = await ask(STRANGE_SERIAL);
    expect(said(answer.der, STRANGE_SERIAL).slice(0, 4)).toBe(UNKNOWN);
    expect(answer.kept).toBeUndefined();
  });

  it('says revoked of a serial that was signed, revoked and never stored', async () => {
    const lost = '4102030405060708090a0b0c0d0e0f11';
    const intent = { labelKey: new Uint8Array(32).fill(9), version: 0 };
    const { store } = log.context;
    await store.openIntent({ ...intent, requestHash: new Uint8Array(32), createdMs: 1 });
    await store.failIntent(intent, 'open', { serial: lost, revokedMs: 1_000, reason: 5 });
    expect(await store.findStatus(lost)).toEqual({
      issued: false,
      revocation: { serial: lost, revokedMs: 1_000, reason: 5 },
    });
    expect(said((await ask(lost)).der, lost)).toMatch(/^a1/);
  });

  it('repeats the nonce, and answers several questions', async () => {
    const answer = await log.service.ocsp.answer(requestOf([certId(serial), certId(STRANGE_SERIAL)], NONCE));
    expect(answer.kept).toBeUndefined();
    expect(hexOf(answer.der)).toContain(`0420${formatHex(NONCE)}`);
    expect(said(answer.der, serial).slice(0, 4)).toBe(GOOD);
    expect(said(answer.der, STRANGE_SERIAL).slice(0, 4)).toBe(UNKNOWN);
  });

  it('signs no more on demand than it may', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(serial, NONCE)));
    expect(answers.filter((answer) => hexOf(answer.der) === TRY_LATER)).toHaveLength(3);
    log.clock.advance(1_000);
    expect(hexOf((await ask(serial, NONCE)).der)).not.toBe(TRY_LATER);
  });

  it('answers for no other issuer', async () => {
    const { issuer } = log.context.keys;
    const root = encodeCertId(parseCertificate(issuer.chain[0] as Uint8Array), serial);
    expect(hexOf((await log.service.ocsp.answer(requestOf([root]))).der)).toBe(UNAUTHORIZED);
  });

  const id = new Uint8Array(20);
  const octets = der(DerTag.octetString, id);
  const algorithm = derSequence(derOid('1.3.14.3.2.26'));
  const negative = derSequence(algorithm, octets, octets, der(DerTag.integer, Uint8Array.of(0x80)));
  const critical = derSequence(encodeExtension('1.2.3', true, id));
  const bad: [string, () => Uint8Array][] = [
    ['nothing', () => new Uint8Array()],
    ['no question', () => derSequence(derSequence(derSequence()))],
    ['17 questions', () => requestOf(Array.from({ length: 17 }, () => certId(serial)))],
    ['an empty nonce', () => requestOf([certId(serial)], new Uint8Array())],
    ['a nonce of 129 bytes', () => requestOf([certId(serial)], new Uint8Array(129))],
    ['a negative serial', () => requestOf([negative])],
    ['a serial of 21 bytes', () => requestOf([certId(formatHex(new Uint8Array(21).fill(1)))])],
    ['a critical extension', () => derSequence(derSequence(requestList(certId(serial)), der(0xa2, critical)))],
    ['5000 bytes', () => requestOf([certId(serial), new Uint8Array(5_000)])],
  ];
  it.each(bad)('calls malformed: %s', async (_, request) => {
    expect(hexOf((await log.service.ocsp.answer(request())).der)).toBe(MALFORMED);
  });

  it('renews the certificate of its responder', async () => {
    const ocsp = new OcspService(log.context);
    const request = requestOf([certId(serial)]);
    const lengthBefore = (await ocsp.answer(request)).der.length;
    expect(lengthBefore).toBeGreaterThan(400);
    log.clock.advance(8 * DAY_MS);
    const later = await ocsp.answer(request);
    expect(later.kept?.nextUpdateMs).toBe((later.kept?.thisUpdateMs ?? 0) + log.context.limits.ocspValidityMs);
  });
});

function requestList(...ids: readonly Uint8Array[]): Uint8Array {
  return derSequence(...ids.map((one) => derSequence(one)));
}
