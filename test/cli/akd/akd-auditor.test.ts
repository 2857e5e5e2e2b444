import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareWithAuditor } from '../../../src/cli/akd/akd-auditor.ts';
import { parseHex } from '../../../src/core/encoding/bytes.ts';
import { type AkdAuditorServer, startAkdAuditor } from '../../support/akd-auditor-server.ts';

const root = (byte: number) => new Uint8Array(32).fill(byte);
const ROOTS = [1, 2, 3].map((epoch) => ({ epoch, root: root(epoch) }));

describe.each([1, 2])("the published auditor's signatures, ciphersuite %s", (ciphersuite) => {
  let server: AkdAuditorServer;
  beforeEach(async () => {
    server = await startAkdAuditor(ciphersuite);
    for (const { epoch, root: digest } of ROOTS) server.roots.set(epoch, digest);
  });
  afterEach(() => server.close());

  const compare = (key = server.publicKey) =>
    compareWithAuditor({ base: server.url, namespace: server.namespace, publicKey: parseHex(key) }, ROOTS);

  it('are on the same roots', async () => {
    expect(await compare()).toEqual([]);
  });

  it('may come later: what is not signed yet is kept', async () => {
    server.roots.delete(2);
    expect(await compare()).toEqual(ROOTS.slice(1));
  });

  it('on another root are a finding, with the signature', async () => {
    server.roots.set(2, root(9));
    await expect(compare()).rejects.toMatchObject({
      code: 'log-forked',
      exhibits: { endEpoch: 2, reached: root(2), signed: { epoch: 2, digest: root(9) } },
    });
  });

  it('that do not verify are a finding about the auditor', async () => {
    const other = await startAkdAuditor();
    await expect(compare(other.publicKey)).rejects.toMatchObject({ code: 'bad-signature' });
    await other.close();
  });

  it.each([
    ['another epoch', { epoch: 9 }],
    ['another log', { namespace: 'log2.example' }],
    ['no digest', { digest: undefined }],
    ['a digest of 31 bytes', { digest: '00'.repeat(31) }],
    ['a digest that is no hexadecimal', { digest: 'zz'.repeat(32) }],
    ['no signature', { signature: 1 }],
    ['a time that is no number', { timestamp: '1' }],
    ['no ciphersuite', { version: undefined, ciphersuite: undefined }],
  ])('are refused with %s', async (_, change) => {
    server.lie = (answer) => ({ ...answer, ...change });
    await expect(compare()).rejects.toMatchObject({ code: 'bad-response' });
  });

  it('are refused if they are no JSON object, or too long', async () => {
    server.lie = () => [];
    await expect(compare()).rejects.toMatchObject({ code: 'bad-response' });
    server.lie = (answer) => ({ ...answer, more: 'm'.repeat(70_000) });
    await expect(compare()).rejects.toMatchObject({ code: 'bad-response' });
  });
});
