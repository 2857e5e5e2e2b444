import { createHash } from 'node:crypto';
import * as opaque from '@serenity-kit/opaque';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBackup } from '../../../src/client/backup/open-backup.ts';
import { generatePassword } from '../../../src/client/backup/password.ts';
import { generateRecoveryCode, recoveryCodeBytes, recoveryTicket } from '../../../src/client/backup/recovery-code.ts';
import { Vault, type VaultTransport } from '../../../src/client/backup/vault.ts';
import { signVaultRequest, verifyVaultRequest } from '../../../src/client/backup/vault-request.ts';
import { type DeviceKey, generateKey } from '../../../src/client/client-key.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import {
  ALICE,
  BackupWorld,
  type ExampleVault,
  type RunningVault,
  transportTo,
  VAULT,
} from '../../support/backup-world.ts';
import { BY_OPERATOR } from '../../support/victims.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const LIMITS = { stranger: 3, session: 2, sessions: 3, device: 2, devices: 3, windowMs: 86_400_000 };

let world: BackupWorld;
let vault: ExampleVault;
let stored: Awaited<ReturnType<BackupWorld['withPassword']>>;
let first: RunningVault;
beforeAll(async () => {
  world = await BackupWorld.start();
  first = await world.vault();
  stored = await world.withPassword(first.vault);
});
afterAll(() => world.stop());
beforeEach(async () => {
  vault = await sameVault();
});

/** A vault with the account as it was stored, before any guess. */
async function sameVault(now?: () => number): Promise<ExampleVault> {
  const verifyPasskey = async (passkeys: readonly string[], assertion: unknown) => passkeys.includes(String(assertion));
  const { serverSetup } = first;
  const [accounts, backups] = [new Map(first.accounts), new Map(first.backups)];
  const parts = { limits: LIMITS, verifyPasskey, accounts, backups, serverSetup };
  return (await world.vault({ ...parts, ...(now && { now }) })).vault;
}

/** Sends the first message of a guess: the vault's answer is all that a guesser needs. */
async function guess(keys?: { readonly proof?: Uint8Array; readonly session?: string }, name = ALICE): Promise<void> {
  const { startLoginRequest } = opaque.client.startLogin({ password: 'guess' });
  await vault.startLogin(name, startLoginRequest, keys);
}

/** Guesses as a device. */
async function guessBy(key: DeviceKey): Promise<void> {
  const { startLoginRequest } = opaque.client.startLogin({ password: 'guess' });
  const proof = await world.sign('log-in', encodeUtf8(startLoginRequest), key);
  await vault.startLogin(ALICE, startLoginRequest, { proof });
}

/** Opens the vault over a transport that keeps back what would end a login. */
async function heldBy(ended: Parameters<ExampleVault['finishLogin']>[]): Promise<Vault> {
  const finishLogin: VaultTransport['finishLogin'] = async (...end) => {
    ended.push(end);
    return stored.backup;
  };
  return Vault.open(await world.newDevice(), VAULT, { ...transportTo(vault), finishLogin });
}

async function strangersGuessAll(): Promise<void> {
  for (let i = 0; i < LIMITS.stranger; i++) await guess();
  await expect(guess()).rejects.toMatchObject({ code: 'rate-limited', retryAfterSeconds: 86_400 });
}

describe('guesses', () => {
  it('are counted when they begin, and are too many after a few', async () => {
    await strangersGuessAll();
    const opened = await world.openVault(vault);
    await expect(opened.logIn({ identity: ALICE }, stored.password)).rejects.toEqual(code('rate-limited'));
  });

  it('come back when the window is over, and a right one costs nothing', async () => {
    const opened = await world.openVault(vault);
    for (let i = 0; i < LIMITS.stranger + 1; i++) await opened.logIn({ identity: ALICE }, stored.password);
    await strangersGuessAll();
    let nowMs = 0;
    vault = await sameVault(() => nowMs);
    await strangersGuessAll();
    nowMs = LIMITS.windowMs - 1;
    await expect(guess()).rejects.toEqual(code('rate-limited'));
    nowMs = LIMITS.windowMs;
    await expect(guess()).resolves.toBeUndefined();
  });

  it('of all sessions together are bounded, so that many sessions are no more guesses', async () => {
    for (const session of ['1', '1', '2']) await guess({ session });
    for (const session of ['1', '2', '3']) await expect(guess({ session })).rejects.toEqual(code('rate-limited'));
  });

  it('of all devices together are bounded, so that a thief of one gains nothing by adding more', async () => {
    const tablet = await generateKey();
    await world.phone.register(ALICE, { credentials: world.key, key: tablet });
    for (const key of [world.key, world.key, tablet]) await guessBy(key);
    for (const key of [world.key, tablet]) await expect(guessBy(key)).rejects.toEqual(code('rate-limited'));
    await world.phone.revoke(ALICE, tablet);
  });

  it('that were right come back once', async () => {
    const ended: Parameters<ExampleVault['finishLogin']>[] = [];
    await heldBy(ended).then((opened) => opened.logIn({ identity: ALICE }, stored.password));
    await vault.finishLogin(...(ended[0] as (typeof ended)[number]));
    await strangersGuessAll();
    const again = vault.finishLogin(...(ended[0] as (typeof ended)[number]));
    await expect(again).rejects.toEqual(code('unauthenticated'));
    await expect(guess()).rejects.toEqual(code('rate-limited'));
  });

  it('at a password count for no other: who knows the one before gets neither guesses nor the backup', async () => {
    const ended: Parameters<ExampleVault['finishLogin']>[] = [];
    await heldBy(ended).then((opened) => opened.logIn({ identity: ALICE }, stored.password));
    const account = { identity: ALICE, key: world.key };
    const opened = await world.openVault(vault);
    await opened.setPassword(account, { text: generatePassword() }, stored.backupKey);
    const late = vault.finishLogin(...(ended[0] as (typeof ended)[number]));
    await expect(late).rejects.toEqual(code('unauthenticated'));
  });

  it('about names that the vault does not know are bounded alike, and keep no account', async () => {
    for (let i = 0; i < LIMITS.stranger; i++) await guess(undefined, 'nobody@example.com');
    await expect(guess(undefined, 'nobody@example.com')).rejects.toEqual(code('rate-limited'));
    await expect(guess()).resolves.toBeUndefined();
  });
});

describe('a stranger who has used up all guesses', () => {
  beforeEach(strangersGuessAll);

  it('does not keep out a device of the owner', async () => {
    const proof = await world.sign('fetch-backup', new Uint8Array());
    await expect(vault.fetchBackup(ALICE, { proof })).resolves.toEqual(stored.backup);
    const opened = await world.openVault(vault);
    const account = { identity: ALICE, key: world.key };
    const { exportKey, backup } = await opened.logIn(account, stored.password);
    const secret = { kind: 'password', exportKey } as const;
    const restored = openBackup(await world.newDevice(), backup, { identity: ALICE, secret, atLeast: stored.mark });
    await expect(restored).resolves.toMatchObject({ mayBeOld: false });
    const { backup: next } = await world.seal({ backupKey: stored.backupKey, previous: stored.mark });
    await vault.storeBackup(ALICE, next, await world.sign('store-backup', next));
  });

  it('does not keep out an owner whom the application has logged in', async () => {
    const opened = await world.openVault(vault, 'session of Alice');
    await expect(opened.logIn({ identity: ALICE }, stored.password)).resolves.toMatchObject({ backup: stored.backup });
  });

  it('does not keep out a passkey', async () => {
    await vault.addPasskey(ALICE, 'a passkey', await world.sign('set-passkey', encodeUtf8('a passkey')));
    const { run } = vault.startPasskey(ALICE);
    const fetching = (assertion: string) => vault.fetchBackup(ALICE, { passkey: { run, assertion } });
    await expect(fetching('a passkey')).resolves.toEqual(stored.backup);
    await expect(fetching('another')).rejects.toEqual(code('unauthenticated'));
  });

  it('does not keep out a recovery code', async () => {
    const text = generateRecoveryCode();
    const ticketSha256 = createHash('sha256').update(recoveryTicket(text)).digest();
    await vault.setTicket(ALICE, ticketSha256, await world.sign('set-ticket', ticketSha256));
    const backupKey = await stored.backupKey.lockedWith({ kind: 'recovery-code' }, recoveryCodeBytes(text));
    const { backup: next } = await world.seal({ backupKey, previous: stored.mark });
    await vault.storeBackup(ALICE, next, await world.sign('store-backup', next));
    const backup = await vault.fetchBackup(ALICE, { ticket: recoveryTicket(text) });
    const secret = { kind: 'recovery-code', code: text } as const;
    await expect(
      openBackup(await world.newDevice(), backup, { identity: ALICE, secret, atLeast: undefined }),
    ).resolves.toMatchObject({ mayBeOld: true });
    const wrong = recoveryTicket(generateRecoveryCode());
    await expect(vault.fetchBackup(ALICE, { ticket: wrong })).rejects.toEqual(code('unauthenticated'));
  });

  it('gains nothing by it', async () => {
    await expect(vault.fetchBackup(ALICE, {})).rejects.toEqual(code('unauthenticated'));
    const opened = await world.openVault(vault);
    await expect(opened.logIn({ identity: ALICE }, stored.password)).rejects.toEqual(code('rate-limited'));
  });
});

describe('a vault', () => {
  it('takes a backup only of a device, of the account, and newer than the one it has', async () => {
    const { backup } = await world.seal({ previous: stored.mark });
    const storing = async (signed: Uint8Array, body = backup) =>
      vault.storeBackup(ALICE, body, await world.sign('store-backup', signed));
    await expect(storing(stored.backup)).rejects.toEqual(code('unauthenticated'));
    await storing(backup);
    await expect(storing(backup)).rejects.toEqual(code('version-conflict'));
    await expect(storing(stored.backup, stored.backup)).rejects.toEqual(code('version-conflict'));
    const other = vault.storeBackup('bob@example.com', backup, await world.sign('store-backup', backup));
    await expect(other).rejects.toEqual(code('forbidden'));
  });

  it('takes no number that would leave none for the backups after it', async () => {
    const previous = { sequence: Number.MAX_SAFE_INTEGER - 1, sha256: '' };
    const { backup: last } = await world.seal({ previous });
    const storing = vault.storeBackup(ALICE, last, await world.sign('store-backup', last));
    await expect(storing).rejects.toEqual(code('version-conflict'));
    const { backup } = await world.seal({ previous: stored.mark });
    await vault.storeBackup(ALICE, backup, await world.sign('store-backup', backup));
  });

  it('refuses a device that the operator has put into the name, until somebody has looked', async () => {
    const lied = await BackupWorld.start();
    try {
      const { operator } = lied;
      const { vault: attacked } = await lied.vault();
      await lied.withPassword(attacked);
      const thief = await generateKey();
      await operator.appendRecord(ALICE, {
        certificates: [await operator.certify(ALICE, thief.spki)],
        authorization: BY_OPERATOR,
      });
      const { registrationRequest } = opaque.client.startRegistration({ password: 'of the thief' });
      const order = { vault: VAULT, purpose: 'set-password', body: encodeUtf8(registrationRequest) } as const;
      const proof = await signVaultRequest(await operator.client(), ALICE, thief, order);
      const setting = attacked.startRegistration(ALICE, registrationRequest, proof);
      await expect(setting).rejects.toEqual(code('keys-changed'));
    } finally {
      await lied.stop();
    }
  });

  it('believes a request for one vault, one purpose and five minutes', async () => {
    const body = encodeUtf8('body');
    const directory = await world.newDevice();
    const proof = await world.sign('set-ticket', body);
    const nowMs = Date.now();
    const order = { vault: VAULT, purpose: 'set-ticket', body, nowMs } as const;
    await expect(verifyVaultRequest(directory, proof, order)).resolves.toMatchObject({ isCurrent: true });
    for (const wrong of [
      { vault: 'acct:other@chat.example' },
      { purpose: 'log-in' as const },
      { body: encodeUtf8('other') },
      { nowMs: nowMs + 301_000 },
      { nowMs: nowMs - 301_000 },
    ]) {
      const verifying = verifyVaultRequest(directory, proof, { ...order, ...wrong });
      await expect(verifying).rejects.toEqual(code('unauthenticated'));
    }
  });

  it('no longer believes a device that its owner has removed', async () => {
    const tablet = await generateKey();
    await world.phone.register(ALICE, { credentials: world.key, key: tablet });
    const proof = await world.sign('fetch-backup', new Uint8Array(), tablet);
    await expect(vault.fetchBackup(ALICE, { proof })).resolves.toEqual(stored.backup);
    await world.phone.revoke(ALICE, tablet);
    await expect(vault.fetchBackup(ALICE, { proof })).rejects.toEqual(code('forbidden'));
  });

  it('takes a run for nothing but what it was begun for', async () => {
    const { run } = vault.startPasskey(ALICE);
    for (const wrong of [run, '', 'AAAA', `${run.slice(0, -2)}AA`, 'A'.repeat(200)]) {
      await expect(vault.finishLogin(ALICE, wrong, 'AAAA')).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:unauthenticated|malformed-encoding)$/),
      });
    }
  });
});
