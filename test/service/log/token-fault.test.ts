import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIssuingCa, createRoot } from '../../../src/ca/authority.ts';
import { createKey } from '../../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { Pkcs11Token } from '../../../src/ca/pkcs11/pkcs11-token.ts';
import { openTokenSigner } from '../../../src/ca/pkcs11/token-signer.ts';
import type { LogKeys } from '../../../src/service/log/log-context.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { NO_SOFT_HSM, SoftHsm } from '../../support/soft-hsm.ts';
import { createTestLog, TEST_START_MS, type TestLog } from '../../support/test-log.ts';

/** Where the token is pulled out: before this, once. */
let pullBefore: 'nothing' | 'certificate' | 'tree head' = 'nothing';
let hsm: SoftHsm;
let token: Pkcs11Token;
let log: TestLog;

function pull(at: typeof pullBefore): void {
  if (pullBefore !== at) return;
  pullBefore = 'nothing';
  hsm.unplug();
}

/** All keys that sign, in the token. */
async function inToken(keys: LogKeys): Promise<LogKeys> {
  const [issuing, treeHead, checkpoint, ocsp] = await Promise.all(
    ['01', '02', '03', '04'].map((id) => openTokenSigner(token, { id })),
  );
  if (issuing === undefined || treeHead === undefined || checkpoint === undefined) throw new Error('a key is missing');
  const common = {
    nowMs: TEST_START_MS - 60_000,
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  };
  const root = await createRoot({ ...common, signer: signerFromKey(await createKey('p256')), commonName: 'Root' });
  const signer = {
    ...issuing,
    sign: (message: Uint8Array) => {
      pull('certificate');
      return issuing.sign(message);
    },
  };
  const issuer = await createIssuingCa({ ...common, signer, commonName: 'In a token', root });
  return { ...keys, treeHead, checkpoint, issuer, ocsp };
}

/** The log's store; the token is pulled out between a commit and the signing of its head. */
function pulling(store: LogStore): LogStore {
  const append: LogStore['append'] = async (...args) => {
    const result = await store.append(...args);
    pull('tree head');
    return result;
  };
  return Object.assign(Object.create(store) as LogStore, { append });
}

const order = async (identity: string) => ({
  identity,
  csr: await csrFor(await newDeviceKey(), identity),
  token: log.token,
  change: undefined,
  last: undefined,
});
type Order = Awaited<ReturnType<typeof order>>;
const codeOf = (work: Promise<unknown>) => work.then(() => 'fine').catch((error: { code: string }) => error.code);
const issue = (one: Order) => codeOf(log.service.issue(one));
const signs = () => codeOf(log.service.signers.check());

describe.skipIf(NO_SOFT_HSM !== undefined)(
  `a token that goes${NO_SOFT_HSM === undefined ? '' : `: ${NO_SOFT_HSM}`}`,
  () => {
    beforeAll(async () => {
      hsm = new SoftHsm();
      for (const [kind, id] of [
        ['EC:prime256v1', '01'],
        ['EC:edwards25519', '02'],
        ['EC:edwards25519', '03'],
        ['EC:prime256v1', '04'],
      ] as const)
        hsm.makeKey(kind, `key ${id}`, id);
      token = await Pkcs11Token.open({ module: hsm.module, token: hsm.label, pin: hsm.pin });
      log = await createTestLog({ replaceKeys: inToken, wrap: pulling });
    });
    afterAll(async () => {
      await log.close();
      token.close();
      hsm.remove();
    });

    it('before a certificate is signed: nothing is issued, and the same request later is', async () => {
      const alice = await order('alice@example.com');
      pullBefore = 'certificate';
      expect(await issue(alice)).toBe('hsm-unavailable');
      expect(await signs()).toBe('hsm-unavailable');
      expect(log.events.filter((event) => event.type === 'signed')).toEqual([]);
      hsm.plugIn();
      await expect.poll(() => issue(alice), { timeout: 60_000 }).toBe('fine');
      await expect.poll(signs, { timeout: 60_000 }).toBe('fine');
      expect((await log.context.store.listRevoked(log.clock.now())).length).toBe(0);
    });

    it('between a commit and its head: nothing of it is let out, and nothing is lost', async () => {
      const bob = await order('bob@example.com');
      const before = (await log.service.progress.released()).released.size;
      pullBefore = 'tree head';
      const first = log.service.issue(bob);
      await expect.poll(() => codeOfTrouble(), { timeout: 60_000 }).toBe('hsm-unavailable');
      expect(await issue(await order('carol@example.com'))).toBe('hsm-unavailable');
      expect((await log.service.progress.released()).released.size).toBe(before);
      hsm.plugIn();
      const issued = await first;
      await expect.poll(() => issue(bob), { timeout: 60_000 }).toBe('fine');
      expect(await log.service.issue(bob)).toMatchObject({ serial: issued.serial, version: 0 });
      expect(log.service.sequencer.failure).toBeUndefined();
      expect(await log.service.files.checkpoint()).toBeDefined();
    });
  },
);

function codeOfTrouble(): unknown {
  const { trouble } = log.service.sequencer;
  return trouble instanceof Error && 'code' in trouble ? trouble.code : undefined;
}
