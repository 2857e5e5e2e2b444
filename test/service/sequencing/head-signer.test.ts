import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditLog } from '../../../src/client/audit/audit-log.ts';
import { parseNote, verifyNote } from '../../../src/core/audit/note.ts';
import { ED25519_NOTE, ML_DSA_COSIGNATURE, parseVkey } from '../../../src/core/audit/vkey.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';
import { TestWitnesses } from '../../support/test-witnesses.ts';

describe('a log that signs with ML-DSA-44 too', () => {
  let server: TestServer;
  let witnesses: TestWitnesses;
  beforeAll(async () => {
    witnesses = await TestWitnesses.create({ count: 1, threshold: 1 });
    server = await createTestServer({ mlDsa: true, witnesses });
  });
  afterAll(async () => {
    await server.close();
    await witnesses.remove();
  });

  it('has a line of each key under every checkpoint, which either key verifies alone', async () => {
    const note = parseNote(await server.log.service.files.checkpoint());
    const vkeys = server.bundle.bundle.auditLogVkeys.map(parseVkey);
    expect(vkeys.map(({ type }) => type)).toEqual([ED25519_NOTE, ML_DSA_COSIGNATURE]);
    for (const vkey of vkeys) expect(verifyNote(note, [vkey])).toEqual([vkey]);
    expect(note.signatures).toHaveLength(3);
    const [, line] = note.signatures;
    line?.signature.set([1], 100);
    expect(() => verifyNote(note, vkeys)).toThrow('does not verify');
  });

  it('is taken by clients and auditors', async () => {
    const client = await server.client();
    expect(await client.lookup('nobody@example.com')).toMatchObject({ found: false });
    const { bundle } = server.bundle;
    expect(await auditLog({ baseUrl: server.url, bundle, now: server.log.clock.now })).toMatchObject({ treeSize: 1 });
  });
});
