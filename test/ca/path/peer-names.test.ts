import { describe, expect, it } from 'vitest';
import { ExtensionOid, PurposeOid } from '../../../src/ca/der/oids.ts';
import { parsePemBlocks, type PathOptions, validatePath } from '../../../src/ca/path/index.ts';
import { dns, email, ip, makeCa, makeLeaf, names, purposes, uri, WITHIN_MS } from './made-certificates.ts';

const root = makeCa();
const der = (pem: string): Uint8Array => parsePemBlocks('CERTIFICATE', pem)[0] ?? expect.fail();
const named = names(dns('*.host.example'), ip(192, 0, 2, 1), email('Ann@Mail.example'), uri('https://a.example/b'));
const leaf = makeLeaf(root, { extensions: { [ExtensionOid.subjectAltName]: named } });

async function validate(peer: Partial<PathOptions>, one = leaf): Promise<string> {
  const options = { leaf: der(one.pem), intermediates: [], anchors: [der(root.pem)], atMs: WITHIN_MS };
  try {
    await validatePath({ ...options, ...peer });
    return 'valid';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("the peer's name, through the exported API", () => {
  it.each([
    { host: 'a.host.example' },
    { host: 'A.HOST.example' },
    { ip: '192.0.2.1' },
    { email: 'Ann@mail.EXAMPLE' },
    { uri: 'https://a.example/b' },
    { host: 'a.host.example', ip: '192.0.2.1', email: 'Ann@Mail.example', uri: 'https://a.example/b' },
  ])('accepts %o', async (peer) => {
    expect(await validate(peer)).toBe('valid');
  });

  it.each([
    { host: 'other.example' },
    { host: 'host.example' },
    { host: 'a.b.host.example' },
    { host: '192.0.2.1' },
    { host: '' },
    { ip: '192.0.2.2' },
    { ip: '::ffff:192.0.2.1' },
    { ip: 'a.host.example' },
    { email: 'ann@Mail.example' },
    { email: 'Mail.example' },
    { email: '' },
    { uri: 'https://a.example/' },
    { host: 'a.host.example', ip: '192.0.2.2' },
  ])('refuses %o', async (peer) => {
    expect(await validate(peer)).toBe('bad-certificate');
  });

  it('holds a server to the rules of the Web PKI, and a leaf to the uses that are asked for', async () => {
    const purpose = PurposeOid.serverAuth;
    expect(await validate({ purpose, host: 'a.host.example', keyUsage: ['digitalSignature'] })).toBe('valid');
    expect(await validate({ keyUsage: ['keyAgreement'] })).toBe('bad-certificate');
    const any = makeLeaf(root, {
      extensions: {
        [ExtensionOid.subjectAltName]: named,
        [ExtensionOid.extendedKeyUsage]: purposes(PurposeOid.any),
      },
    });
    expect(await validate({ purpose }, any)).toBe('bad-certificate');
  });
});
