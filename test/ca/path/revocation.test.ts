import { describe, expect, it } from 'vitest';
import { der, derOid, derSequence } from '../../../src/ca/der/der-writer.ts';
import { ExtensionOid } from '../../../src/ca/der/oids.ts';
import { checkRevocation, validatePath } from '../../../src/ca/path/index.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import {
  commonName,
  directory,
  keyUsage,
  type Made,
  makeCa,
  makeCrl,
  makeLeaf,
  newKey,
  plain,
  uri,
  WITHIN_MS,
} from './made-certificates.ts';

const SERIAL = Uint8Array.of(0x41);
const root = makeCa();
const ca = makeCa({}, root);
const leaf = makeLeaf(ca, { serial: SERIAL });
const rootCrl = makeCrl(root);

/** The outcome for a leaf below `ca`; `others` are certificates of CRL issuers. */
async function judge(crls: readonly Uint8Array[], others: readonly Made[] = [], one: Made = leaf): Promise<string> {
  const certificates = [ca, ...others].map(({ der: bytes }) => bytes);
  try {
    await validatePath({
      leaf: one.der,
      intermediates: certificates,
      anchors: [root.der],
      atMs: WITHIN_MS,
      accept: (path) => checkRevocation(path, crls, WITHIN_MS, { certificates }),
    });
    return 'good';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** A certificate of the same CA for another key, which signs CRLs alone. */
function crlSigner(issuer: Made, serial = Uint8Array.of(0x42)): Made {
  const extensions = { [ExtensionOid.basicConstraints]: undefined, [ExtensionOid.keyUsage]: keyUsage('cRLSign') };
  return makeCa({ serial, extensions }, issuer);
}

describe('a CRL signed by another key of the CA', () => {
  const signer = crlSigner(root);
  const listed = { entries: [{ serial: SERIAL }] };

  it('counts, if that key leads to the same anchor and is not revoked', async () => {
    expect(await judge([makeCrl(signer), rootCrl], [signer])).toBe('good');
    expect(await judge([makeCrl(signer, listed), rootCrl], [signer])).toBe('certificate-revoked');
    const revoked = makeCrl(root, { entries: [{ serial: Uint8Array.of(0x42) }] });
    // What is revoked is the signer: of the certificate nothing is known.
    expect(await judge([makeCrl(signer), revoked], [signer])).toBe('bad-certificate');
  });

  it('does not count otherwise', async () => {
    expect(await judge([makeCrl(signer), rootCrl])).toBe('bad-certificate');
    expect(await judge([makeCrl(signer)], [signer])).toBe('bad-certificate');
    const foreign = crlSigner(makeCa());
    expect(await judge([makeCrl(foreign), rootCrl], [foreign])).not.toBe('good');
    const user = makeCa({ extensions: { [ExtensionOid.keyUsage]: keyUsage('digitalSignature') } }, root);
    expect(await judge([makeCrl(user), rootCrl], [user])).toBe('bad-certificate');
  });

  it('leaves unknown whether a CA above is revoked, if the certificate of that key is missing', async () => {
    const extensions = { [ExtensionOid.basicConstraints]: undefined, [ExtensionOid.keyUsage]: keyUsage('cRLSign') };
    const rootSigner = makeCa({ serial: Uint8Array.of(0x43), name: root.name, extensions }, root);
    const intermediate = makeCa({ serial: Uint8Array.of(0x44) }, root);
    const below = makeLeaf(intermediate, { serial: SERIAL });
    const all = [
      makeCrl(intermediate),
      makeCrl(rootSigner, { entries: [{ serial: Uint8Array.of(0x44) }], keyId: rootSigner.keyId }),
    ];
    expect(await judge(all, [intermediate], below)).toBe('bad-certificate');
    expect(await judge([...all, rootCrl], [intermediate, rootSigner], below)).toBe('certificate-revoked');
    // A CRL that holds says enough, and so does none.
    expect(await judge([...all, rootCrl], [intermediate], below)).toBe('good');
    expect(await judge([makeCrl(intermediate)], [intermediate], below)).toBe('good');
  });

  it('vouches for no certificate of that key itself', async () => {
    const own = crlSigner(ca);
    const selfIssued = { ...own, der: makeCa({ key: own.key, name: ca.name }, ca).der };
    expect(await judge([makeCrl(selfIssued), rootCrl], [selfIssued])).toBe('bad-certificate');
    expect(await judge([makeCrl(selfIssued), makeCrl(ca), rootCrl], [selfIssued])).toBe('good');
  });
});

describe('distribution points', () => {
  const points = (...all: Uint8Array[]) => plain(derSequence(...all.map((one) => derSequence(one))));
  const leafWith = (...all: Uint8Array[]): Made =>
    makeLeaf(ca, { serial: SERIAL, extensions: { [ExtensionOid.crlDistributionPoints]: points(...all) } });
  const full = (...names: Uint8Array[]): Uint8Array => der(0xa0, der(0xa0, ...names));
  const relative = (text: string): Uint8Array =>
    der(0xa0, der(0xa1, derSequence(derOid('2.5.4.3'), der(0x0c, encodeUtf8(text)))));
  const registered = (arc: number): Uint8Array => der(0x88, Uint8Array.of(0x2a, arc));
  const otherName = (text: string): Uint8Array =>
    der(0xa0, derOid('1.3.6.1.4.1.55738.9'), der(0xa0, der(0x0c, encodeUtf8(text))));
  const below = (text: string): Uint8Array => {
    const nested = (name: Uint8Array): Uint8Array => name.subarray(2);
    return derSequence(nested(ca.name), nested(commonName(text)));
  };

  it.each<[string, boolean, Uint8Array, Uint8Array]>([
    ['the same URI', true, full(uri('http://a.example/1')), full(uri('http://a.example/1'))],
    ['another URI', false, full(uri('http://a.example/1')), full(uri('http://a.example/2'))],
    ['the same directory name', true, full(directory(commonName('P'))), full(directory(commonName('p')))],
    ['another directory name', false, full(directory(commonName('P'))), full(directory(commonName('Q')))],
    ['the same relative name', true, relative('P'), relative('P')],
    ['another relative name', false, relative('P'), relative('Q')],
    ['a relative name written out', true, relative('P'), full(directory(below('P')))],
    ['the same registered identifier', true, full(registered(1)), full(registered(1))],
    ['another registered identifier', false, full(registered(1)), full(registered(2))],
    ['the same otherName', true, full(otherName('a')), full(otherName('a'))],
    ['another otherName of one type', false, full(otherName('a')), full(otherName('b'))],
    ['the name of the issuer', true, full(uri('http://a.example/1')), full(directory(commonName('Intermediate')))],
  ])('%s', async (_, covers, ofLeaf, ofCrl) => {
    const one = leafWith(ofLeaf);
    expect(await judge([makeCrl(ca, { point: [ofCrl] })], [], one)).toBe(covers ? 'good' : 'bad-certificate');
    const listed = makeCrl(ca, { point: [ofCrl], entries: [{ serial: SERIAL }] });
    expect(await judge([listed], [], one)).toBe(covers ? 'certificate-revoked' : 'bad-certificate');
  });

  it('cover every reason only together', async () => {
    // keyCompromise and cACompromise, then the six others.
    const some = der(0x83, Uint8Array.of(5, 0x60));
    const others = der(0x83, Uint8Array.of(7, 0x1f, 0x80));
    const one = leaf;
    expect(await judge([makeCrl(ca, { point: [some] })], [], one)).toBe('bad-certificate');
    expect(await judge([makeCrl(ca, { point: [some] }), makeCrl(ca, { point: [others] })], [], one)).toBe('good');
    const listed = makeCrl(ca, { point: [some], entries: [{ serial: SERIAL }] });
    expect(await judge([listed], [], one)).toBe('certificate-revoked');
  });

  const crlIssuer = makeLeaf(root, {
    subject: 'CRL issuer',
    extensions: { [ExtensionOid.keyUsage]: keyUsage('cRLSign'), [ExtensionOid.extendedKeyUsage]: undefined },
  });
  const indirect = der(0x84, Uint8Array.of(0xff));

  it('name the issuer of an indirect CRL, which lists certificates by their issuers', async () => {
    const one = leafWith(der(0xa2, directory(crlIssuer.name)));
    const crl = (issuer: Uint8Array): Uint8Array =>
      makeCrl(crlIssuer, { point: [indirect], entries: [{ serial: SERIAL, issuer }] });
    expect(await judge([crl(ca.name), rootCrl], [crlIssuer], one)).toBe('certificate-revoked');
    expect(await judge([crl(commonName('Another CA')), rootCrl], [crlIssuer], one)).toBe('good');
    expect(await judge([makeCrl(crlIssuer), rootCrl], [crlIssuer], one)).toBe('bad-certificate');
    expect(await judge([crl(ca.name), rootCrl], [crlIssuer])).toBe('bad-certificate');
  });

  it('do not let the delta of one issuer remove what another revoked', async () => {
    const one = leafWith(der(0xa2, directory(crlIssuer.name)));
    const listed = makeCrl(ca, { point: [indirect], number: 10, entries: [{ serial: SERIAL }] });
    const delta = { point: [indirect], base: 10, number: 11, entries: [{ serial: SERIAL, removed: true as const }] };
    expect(await judge([listed, makeCrl(ca, delta), rootCrl], [crlIssuer], one)).toBe('good');
    expect(await judge([listed, makeCrl(crlIssuer, delta), rootCrl], [crlIssuer], one)).toBe('certificate-revoked');
  });
});

describe('a delta', () => {
  const listed = makeCrl(ca, { keyId: ca.keyId, entries: [{ serial: SERIAL }] });
  const delta = { base: 1, number: 2, entries: [{ serial: SERIAL, removed: true as const }] };

  it('goes with a complete CRL of the same authority key identifier', async () => {
    expect(await judge([listed, makeCrl(ca, { ...delta, keyId: ca.keyId })])).toBe('good');
    expect(await judge([listed, makeCrl(ca, { ...delta, keyId: root.keyId })])).toBe('certificate-revoked');
    expect(await judge([listed, makeCrl(ca, delta)])).toBe('certificate-revoked');
  });
});

describe("an intermediate CA's CRL", () => {
  it('may be missing, but not be worthless', async () => {
    expect(await judge([makeCrl(ca)])).toBe('good');
    expect(await judge([makeCrl(ca), makeCrl(root, { toMs: WITHIN_MS - 86_400_000 })])).toBe('bad-certificate');
    expect(await judge([makeCrl(ca), makeCrl({ ...root, key: newKey() })])).toBe('bad-certificate');
  });
});
