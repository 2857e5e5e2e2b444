import * as opaque from '@serenity-kit/opaque';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackup } from '../../../src/client/backup/open-backup.ts';
import { generatePassword } from '../../../src/client/backup/password.ts';
import { Vault } from '../../../src/client/backup/vault.ts';
import { signVaultStatement, verifyVaultStatement } from '../../../src/client/backup/vault-statement.ts';
import { generateKey } from '../../../src/client/client-key.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import {
  ALICE,
  BackupWorld,
  contains,
  type ExampleVault,
  newKey,
  opaqueKeyOf,
  transportTo,
  VAULT,
} from '../../support/backup-world.ts';
import { BY_OPERATOR } from '../../support/victims.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

let world: BackupWorld;
let vault: ExampleVault;
let accounts: Map<string, object>;
let backups: Map<string, Uint8Array>;
let stored: Awaited<ReturnType<BackupWorld['withPassword']>>;
beforeAll(async () => {
  world = await BackupWorld.start();
  ({ vault, accounts, backups } = await world.vault());
  stored = await world.withPassword(vault);
});
afterAll(() => world.stop());

const account = { identity: ALICE };

describe('a password at a vault', () => {
  it('opens the backup on a new device', async () => {
    const opened = await world.openVault(vault);
    const { exportKey, backup } = await opened.logIn(account, stored.password);
    const restored = await openBackup(await world.newDevice(), backup, {
      identity: ALICE,
      secret: { kind: 'password', exportKey },
      atLeast: undefined,
    });
    expect(restored.content).toEqual(await world.content());
    expect(restored.backupKey.exportBytes()).toEqual(stored.backupKey.exportBytes());
  });

  it('that is wrong opens nothing, and neither does an account that the vault does not know', async () => {
    const opened = await world.openVault(vault);
    await expect(opened.logIn(account, generatePassword())).rejects.toEqual(code('wrong-passphrase'));
    const other = opened.logIn({ identity: 'bob@example.com' }, stored.password);
    await expect(other).rejects.toEqual(code('wrong-passphrase'));
  });

  it('is neither seen nor kept by the vault, and nor is what opens the backup', async () => {
    const { exportKey } = await (await world.openVault(vault)).logIn(account, stored.password);
    const kept = JSON.stringify([...accounts, ...backups], (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    );
    for (const secret of [exportKey, encodeUtf8(stored.password), stored.backupKey.exportBytes().subarray(1, 33)]) {
      expect(contains(encodeUtf8(kept), secret)).toBe(false);
      for (const encoding of ['base64', 'base64url', 'latin1'] as const) {
        expect(kept).not.toContain(Buffer.from(secret).toString(encoding));
      }
    }
  });

  it('is set by a device of the name alone, so that nobody has the vault evaluate guesses uncounted', async () => {
    const opened = await world.openVault(vault);
    const thief = await generateKey();
    const setting = opened.setPassword({ identity: ALICE, key: thief }, { text: generatePassword() }, newKey());
    await expect(setting).rejects.toEqual(code('certificate-not-in-record'));
    const { registrationRequest } = opaque.client.startRegistration({ password: 'guess' });
    const proofs = [
      new Uint8Array(),
      await world.sign('log-in', encodeUtf8(registrationRequest)),
      await world.sign('set-password', encodeUtf8(`${registrationRequest}A`)),
    ];
    for (const proof of proofs) {
      const starting = vault.startRegistration(ALICE, registrationRequest, proof);
      await expect(starting).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:unauthenticated|malformed-encoding)$/),
      });
    }
  });

  it('is evaluated under a new key each time it is set', async () => {
    const { registrationRequest } = opaque.client.startRegistration({ password: stored.password });
    const proof = await world.sign('set-password', encodeUtf8(registrationRequest));
    const replies = [
      await vault.startRegistration(ALICE, registrationRequest, proof),
      await vault.startRegistration(ALICE, registrationRequest, proof),
    ];
    expect(replies[0]?.reply).not.toBe(replies[1]?.reply);
  });
});

describe('a swapped vault', () => {
  it('that signs with a key of its own is refused', async () => {
    const serverSetup = opaque.server.createSetup();
    const thief = await generateKey();
    const directory = await world.newDevice();
    const signing = signVaultStatement(directory, VAULT, thief, opaqueKeyOf(serverSetup));
    await expect(signing).rejects.toEqual(code('certificate-not-in-record'));
    const statement = await vault.statement();
    for (let i = 0; i < statement.length; i += 3) {
      const damaged = statement.slice();
      damaged[i] = (damaged[i] as number) ^ 4;
      await expect(verifyVaultStatement(directory, VAULT, damaged)).rejects.toMatchObject({ name: 'GlasskeyError' });
    }
  });

  it('that shows the statement of another name is refused', async () => {
    const statement = await signVaultStatement(world.phone, ALICE, world.key, new Uint8Array(32));
    const { vault: other } = await world.vault({ statement });
    await expect(world.openVault(other)).rejects.toEqual(code('bad-signature'));
  });

  it('that shows the true statement, and runs OPAQUE with its own key, gets no record', async () => {
    const { vault: impostor, accounts: stolen } = await world.vault({ statement: await vault.statement() });
    const opened = await world.openVault(impostor);
    const setting = opened.setPassword({ identity: ALICE, key: world.key }, { text: generatePassword() }, newKey());
    await expect(setting).rejects.toEqual(code('bad-key'));
    expect(stolen.size).toBe(0);
  });

  it('that shows the true statement, and has a stolen record, still lacks the key', async () => {
    const { vault: impostor, accounts: stolen } = await world.vault({ statement: await vault.statement() });
    stolen.set(ALICE, accounts.get(ALICE) as object);
    const opened = await world.openVault(impostor);
    await expect(opened.logIn(account, stored.password)).rejects.toEqual(code('wrong-passphrase'));
  });

  it('whose log key the operator has swapped is refused by a device that knew it, until its user says yes', async () => {
    const lied = await BackupWorld.start();
    try {
      const { operator } = lied;
      const state = new MemoryState();
      const directory = await operator.client({ state });
      const { vault: honest } = await lied.vault();
      await Vault.open(directory, VAULT, transportTo(honest));
      const thief = await generateKey();
      await operator.appendRecord(VAULT, {
        certificates: [await operator.certify(VAULT, thief.spki)],
        authorization: BY_OPERATOR,
      });
      const serverSetup = opaque.server.createSetup();
      const statement = await signVaultStatement(await operator.client(), VAULT, thief, opaqueKeyOf(serverSetup));
      const opening = () => Vault.open(directory, VAULT, { ...transportTo(honest), statement: async () => statement });
      await expect(opening()).rejects.toEqual(code('keys-changed'));
      const before = Vault.open(directory, VAULT, transportTo(honest));
      await expect(before).rejects.toEqual(code('certificate-not-in-record'));
      await directory.acknowledge([VAULT]);
      await expect(opening()).resolves.toBeInstanceOf(Vault);
    } finally {
      await lied.stop();
    }
  });

  it.each([
    ['', 'bad-response'],
    ['AAAA', 'bad-response'],
    ['*'.repeat(427), 'bad-response'],
    ['A'.repeat(427), 'bad-response'],
    ['A'.repeat(2_000), 'bad-response'],
  ])('that answers %s is refused', async (reply, expected) => {
    const opened = await Vault.open(await world.newDevice(), VAULT, {
      ...transportTo(vault),
      startLogin: async () => ({ reply, run: '' }),
    });
    await expect(opened.logIn(account, stored.password)).rejects.toEqual(code(expected));
  });
});
