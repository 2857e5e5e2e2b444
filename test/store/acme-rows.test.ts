import { expect, test } from 'vitest';
import type { AcmeAccountRow, AcmeOrderRow, LogStore, RowSealing } from '../../src/store/ports.ts';
import { describeEachStore } from './each-store.ts';
import { bytes, labelKey } from './samples.ts';

const account = (name: string, more: Partial<AcmeAccountRow> = {}): AcmeAccountRow => ({
  accountId: bytes(name, 16),
  thumbprint: bytes(`key of ${name}`),
  jwk: '{}',
  tokenHash: bytes('token'),
  scope: 'any',
  labelKey: undefined,
  bindingHash: bytes(`binding of ${name}`),
  state: 'valid',
  expiresMs: 9_000,
  ...more,
});
const order = (name: string, more: Partial<AcmeOrderRow> = {}): AcmeOrderRow => ({
  orderId: bytes(name, 16),
  accountId: bytes('alice', 16),
  labelKey: labelKey('alice'),
  identity: 'alice@example.com',
  state: 'ready',
  proof: 'application',
  expiresMs: 5_000,
  csr: undefined,
  certificate: undefined,
  errorCode: undefined,
  attestedKey: undefined,
  ...more,
});
const by = ({ accountId }: AcmeAccountRow) => ({ accountId });

describeEachStore('accounts of ACME', ({ newLog }) => {
  test('are found by their id and by their key, in their own log', async () => {
    const log = await newLog();
    const named = account('alice', { scope: 'name', labelKey: labelKey('alice') });
    expect(await log.addAcmeAccount(named, 9)).toBe(true);
    expect(await log.findAcmeAccount(by(named))).toEqual(named);
    expect(await log.findAcmeAccount({ thumbprint: named.thumbprint })).toEqual(named);
    expect(await (await newLog()).findAcmeAccount(by(named))).toBeUndefined();
  });

  test('have a key and a binding each, and their application so many of them, at once too', async () => {
    const log = await newLog();
    const alice = account('alice');
    const others = [account('key', { thumbprint: alice.thumbprint }), account('b', { bindingHash: alice.bindingHash })];
    expect(await log.addAcmeAccount(alice, 9)).toBe(true);
    for (const other of others) expect(await log.addAcmeAccount(other, 9)).toBe(false);
    const more = ['c', 'd', 'e', 'f'].map((name) => log.addAcmeAccount(account(name), 3));
    expect((await Promise.all(more)).filter(Boolean)).toHaveLength(2);
  });

  test('change once from what was read, and take no key of another', async () => {
    const log = await newLog();
    const [alice, bob] = [account('alice'), account('bob')];
    for (const one of [alice, bob]) await log.addAcmeAccount(one, 9);
    expect(await log.changeAcmeAccount(alice, { thumbprint: bob.thumbprint, jwk: bob.jwk })).toBe(false);
    const changes = [1, 2].map((n) => log.changeAcmeAccount(alice, { thumbprint: bytes(`new ${n}`), jwk: '{}' }));
    expect((await Promise.all(changes)).filter(Boolean)).toHaveLength(1);
    expect(await log.findAcmeAccount({ thumbprint: alice.thumbprint })).toBeUndefined();
  });
});

describeEachStore('orders of ACME', ({ newLog }) => {
  test('are so many for an account, at once too, and change once in each state', async () => {
    const log = await newLog();
    const added = ['a', 'b', 'c', 'd'].map((name) => log.addAcmeOrder(order(name), 2));
    expect((await Promise.all(added)).filter(Boolean)).toHaveLength(2);
    const ids = await log.listAcmeOrders(bytes('alice', 16), 9);
    expect(ids).toHaveLength(2);
    const first = await log.findAcmeOrder(ids[0]!);
    const begun = ['one', 'two'].map((csr) => log.changeAcmeOrder(first!, { state: 'processing', csr: bytes(csr) }));
    expect((await Promise.all(begun)).filter(Boolean)).toHaveLength(1);
    expect(await log.listAcmeOrders(bytes('bob', 16), 9)).toEqual([]);
  });

  test('and accounts and nonces are deleted once they have expired', async () => {
    const log = await newLog();
    await log.addAcmeAccount(account('alice'), 9);
    await log.addAcmeOrder(order('a'), 9);
    const nonce = bytes('nonce', 16);
    expect(await log.useAcmeNonce(nonce, 1_000)).toBe(true);
    const again = await Promise.all([1, 2, 3].map(() => log.useAcmeNonce(nonce, 1_000)));
    expect(again).toEqual([false, false, false]);
    await log.pruneAcme(1_000);
    expect(await log.useAcmeNonce(nonce, 1_000)).toBe(false);
    await log.pruneAcme(5_001);
    expect(await log.useAcmeNonce(nonce, 1_000)).toBe(true);
    expect(await log.findAcmeOrder(bytes('a', 16))).toBeUndefined();
    expect(await log.findAcmeAccount(by(account('alice')))).toBeDefined();
    await log.pruneAcme(9_001);
    expect(await log.findAcmeAccount(by(account('alice')))).toBeUndefined();
  });

  test('go with the erasure of their name', async () => {
    const log = await newLog();
    await log.addAcmeOrder(order('a'), 9);
    await log.addAcmeOrder(order('b', { labelKey: labelKey('bob'), identity: 'bob@example.com' }), 9);
    await log.erase(labelKey('alice'), 1, { sequence: 0, acts: '{}', hash: bytes('record') });
    expect(await log.findAcmeOrder(bytes('a', 16))).toBeUndefined();
    expect(await log.findAcmeOrder(bytes('b', 16))).toBeDefined();
  });
});

describeEachStore('a row of ACME that the log did not write', ({ store }) => {
  let logs = 0;
  const sealing = (but: Partial<RowSealing> = {}): RowSealing => {
    return {
      key: bytes('seal'),
      origin: 'log.example',
      acceptsUnsealed: () => false,
      refused: () => undefined,
      ...but,
    };
  };

  test('is refused, also while rows of an older program count', async () => {
    const { logId } = await store().createLog({ origin: `acme-${logs++}`, configuration: new Uint8Array(4) });
    const open = (by?: RowSealing): LogStore => store().log(logId, { sealing: by });
    await open().addAcmeAccount(account('alice'), 9);
    await open().addAcmeOrder(order('a'), 9);
    for (const log of [open(sealing()), open(sealing({ acceptsUnsealed: () => true }))]) {
      await expect(log.findAcmeAccount(by(account('alice')))).rejects.toMatchObject({ code: 'unsealed-row' });
      await expect(log.findAcmeOrder(bytes('a', 16))).rejects.toMatchObject({ code: 'unsealed-row' });
    }
    const log = open(sealing());
    await log.addAcmeOrder(order('b'), 9);
    const read = (await log.findAcmeOrder(bytes('b', 16)))!;
    // Whoever writes the row between reading and change has no seal made for what they wrote.
    await open().changeAcmeOrder(read, { state: 'ready', csr: bytes('planted') });
    await log.changeAcmeOrder(read, { state: 'processing' });
    await expect(log.findAcmeOrder(bytes('b', 16))).rejects.toMatchObject({ code: 'unsealed-row' });
  });
});
