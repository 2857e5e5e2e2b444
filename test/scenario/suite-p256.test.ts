import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { KT_128_SHA256_P256 } from '../../src/core/crypto/cipher-suite.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { checkInvariants } from '../support/invariants.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';

const ALICE = 'alice@example.com';
const code = (expected: string) => expect.objectContaining({ code: expected });

let operator: LyingOperator;
let contact: KeyDirectory;
const kept = new MemoryState();
beforeAll(async () => {
  // Every answer is verified by the server itself before it leaves.
  operator = await LyingOperator.start({ suiteId: KT_128_SHA256_P256, limits: { verifyOneIn: 1 } });
  contact = await operator.client({ state: kept });
});
afterAll(() => operator.stop());

describe('a log of KT_128_SHA256_P256', () => {
  it('says so in its Configuration', () => {
    const { configuration } = operator.server.log.context;
    expect(configuration).toMatchObject({ cipherSuite: 1 });
    expect([configuration.signaturePublicKey[0], configuration.signaturePublicKey.length]).toEqual([4, 65]);
    expect(configuration.vrfPublicKey).toHaveLength(33);
    expect(contact.trust.config).toEqual(configuration);
  });

  it('proves absence, then a life of an identity, to a client that comes back', async () => {
    expect(await contact.lookup(ALICE)).toMatchObject({ found: false });
    const owner = await operator.client();
    const [first, second] = await Promise.all([generateKey(), generateKey()]);
    const { token } = operator.server.log;
    await owner.register(ALICE, { token, key: first });
    expect(await contact.lookup(ALICE)).toMatchObject({ found: true, binding: { version: 0 } });
    await owner.rotate(ALICE, first, second);
    const third = await generateKey();
    await owner.register(ALICE, { credentials: second, key: third });
    await owner.revoke(ALICE, third);
    const { found, ...rest } = await contact.lookup(ALICE);
    expect([found, rest]).toMatchObject([true, { binding: { version: 3, change: { type: 'key' } } }]);
    expect(await (await operator.client()).lookup(ALICE)).toMatchObject({ found: true, binding: { version: 3 } });
    expect(await contact.lookup('nobody@example.com')).toMatchObject({ found: false });
  });

  it('is audited, and its trees hold', async () => {
    const report = await contact.audit();
    const { size } = await checkInvariants(operator.server.log.context, [identityOf(ALICE).label]);
    expect(report.treeSize).toBe(size);
    expect(report.updates).toBe(4);
  });

  it('notices a changed answer, and keeps its state', async () => {
    const before = await kept.transact(async (state) => ({ result: state }));
    let position = 0;
    const fetch = lie(PATHS.lookup, async (honest) => {
      const bytes = new Uint8Array(await (await honest()).arrayBuffer());
      const i = Math.floor((bytes.length * position) / 20);
      bytes[i] = (bytes[i] as number) ^ 4;
      return new Response(bytes, { headers: { 'content-type': 'application/vnd.glasskey.keytrans' } });
    });
    const misled = await operator.client({ state: kept, fetch });
    for (; position < 20; position++) await expect(misled.lookup(ALICE)).rejects.toThrow(GlasskeyError);
    expect(await kept.transact(async (state) => ({ result: state }))).toStrictEqual(before);
    const verified = operator.server.log.events.filter((event) => event.type === 'self-verified');
    expect(verified.length).toBeGreaterThan(0);
    expect(verified.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('refuses what another log of the suite answers', async () => {
    const { log } = operator.server;
    const stranger = await LyingOperator.start({ suiteId: KT_128_SHA256_P256 });
    try {
      const other = stranger.server.log.context;
      expect(other.configuration.signaturePublicKey).not.toEqual(log.context.configuration.signaturePublicKey);
      const fetch = lie(PATHS.lookup, (_, request) => globalThis.fetch(stranger.server.url + PATHS.lookup, request));
      await expect((await operator.client({ fetch })).lookup(ALICE)).rejects.toThrow(code('bad-vrf-proof'));
    } finally {
      await stranger.stop();
    }
  });
});
