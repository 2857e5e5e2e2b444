import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBackupContent, MAX_DATA_BYTES } from '../../../src/client/backup/backup-content.ts';
import {
  backupFileCodec,
  backupMessage,
  encodeBackupHeader,
  backupMarkOf,
  readBackup,
} from '../../../src/client/backup/backup-file.ts';
import { BackupKey, MAX_LOCKS } from '../../../src/client/backup/backup-key.ts';
import { CHUNK_BYTES, openChunks, sealChunks } from '../../../src/client/backup/chunk-stream.ts';
import { type BackupSecret, openBackup } from '../../../src/client/backup/open-backup.ts';
import { generateRecoveryCode, recoveryCodeBytes } from '../../../src/client/backup/recovery-code.ts';
import { sealBackup } from '../../../src/client/backup/seal-backup.ts';
import { generateKey } from '../../../src/client/client-key.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { formatClientState } from '../../../src/client/state/client-state-json.ts';
import { restoreState } from '../../../src/client/state/state-transfer.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { ALICE, BackupWorld, contains, newKey, passkeyLocked, PRF } from '../../support/backup-world.ts';
import { BY_OPERATOR } from '../../support/victims.ts';

const BOB = 'bob@example.com';
const code = (expected: string) => expect.objectContaining({ code: expected });
const passkey: BackupSecret = { kind: 'passkey', prf: PRF };

let world: BackupWorld;
beforeAll(async () => {
  world = await BackupWorld.start();
});
afterAll(() => world.stop());

const open = async (backup: Uint8Array, secret: BackupSecret = passkey) =>
  openBackup(await world.newDevice(), backup, { identity: ALICE, secret, atLeast: undefined });

describe('a backup', () => {
  it('comes back whole on a new device, which learns who made it and goes on with the state', async () => {
    const data = crypto.getRandomValues(new Uint8Array(50_000));
    const { backup, mark } = await world.seal({ data });
    const opened = await open(backup);
    expect(opened).toMatchObject({ mark, mayBeOld: true, timeMs: world.nowMs });
    expect(opened.content).toEqual(await world.content(data));
    expect(opened.author).toMatchObject({ isCurrent: true, binding: { identity: ALICE } });
    const state = new MemoryState();
    await restoreState(state, opened.content.state);
    const tablet = await world.operator.client({ state });
    await expect(tablet.isKnown(ALICE)).resolves.toBe(true);
    await expect(tablet.monitor()).resolves.toHaveLength(1);
  });

  it('of a device that the operator put into the name opens once its user has said yes', async () => {
    const lied = await BackupWorld.start();
    try {
      const { operator } = lied;
      const honest = await lied.seal();
      const thief = await generateKey();
      await operator.appendRecord(ALICE, {
        certificates: [await operator.certify(ALICE, thief.spki)],
        authorization: BY_OPERATOR,
      });
      const author = { identity: ALICE, key: thief, backupKey: honest.backupKey, previous: honest.mark };
      const { backup } = await sealBackup(await operator.client(), await lied.content(), author);
      const directory = await operator.client();
      const opening = (bytes: Uint8Array) =>
        openBackup(directory, bytes, { identity: ALICE, secret: passkey, atLeast: undefined });
      await expect(opening(backup)).rejects.toEqual(code('keys-changed'));
      await expect(opening(honest.backup)).resolves.toMatchObject({ author: { isCurrent: false } });
      await directory.acknowledge([ALICE]);
      await expect(opening(backup)).resolves.toMatchObject({ author: { isCurrent: true } });
    } finally {
      await lied.stop();
    }
  });

  it('opens with each of its locks, and with the key that a device kept', async () => {
    const codeText = generateRecoveryCode();
    const second = new Uint8Array(32).fill(8);
    let backupKey = await (await passkeyLocked()).lockedWith({ kind: 'recovery-code' }, recoveryCodeBytes(codeText));
    backupKey = await backupKey.lockedWith({ kind: 'passkey', credentialId: new Uint8Array() }, second);
    const { backup } = await world.seal({ backupKey });
    const kept = BackupKey.from(backupKey.exportBytes());
    const secrets: readonly BackupSecret[] = [
      passkey,
      { kind: 'passkey', prf: second },
      { kind: 'recovery-code', code: ` ${codeText.toLowerCase().replaceAll('-', '')} ` },
      { kind: 'key', backupKey: kept },
    ];
    for (const secret of secrets) {
      const opened = await open(backup, secret);
      expect(opened.content.data).toEqual(Uint8Array.of(1, 2, 3));
      expect(opened.backupKey.exportBytes()).toEqual(backupKey.exportBytes());
    }
    for (const secret of [
      { kind: 'passkey', prf: new Uint8Array(32) },
      { kind: 'recovery-code', code: generateRecoveryCode() },
      { kind: 'password', exportKey: PRF },
      { kind: 'key', backupKey: newKey() },
    ] as const) {
      await expect(open(backup, secret)).rejects.toEqual(code('wrong-passphrase'));
    }
  });

  it('holds no private key of the device, and refuses one', async () => {
    const { backup } = await world.seal();
    const { content } = await open(backup);
    const plaintext = concatBytes(
      encodeUtf8(formatClientState(content.state)),
      content.data,
      encodeUtf8(content.label),
    );
    const secret = await world.key.exportRaw();
    expect(secret).toHaveLength(32);
    for (const form of [secret, encodeUtf8(Buffer.from(secret).toString('base64').slice(0, 40))]) {
      expect(contains(plaintext, form)).toBe(false);
      expect(contains(backup, form)).toBe(false);
    }
    const pem = concatBytes(encodeUtf8('keys: '), encodeUtf8(await world.key.exportPem()));
    await expect(world.seal({ data: pem })).rejects.toEqual(code('usage'));
  });

  it('shows in its clear part neither the content nor a secret', async () => {
    const data = encodeUtf8('meet me at noon, and tell nobody');
    const { backup, backupKey } = await world.seal({ data });
    expect(contains(backup, data)).toBe(false);
    expect(contains(backup, backupKey.exportBytes().subarray(1, 33))).toBe(false);
    expect(JSON.parse(JSON.stringify(backupKey))).toEqual({ locks: ['passkey'] });
  });

  it('is refused after a change of any byte, with the directory or without', async () => {
    const { backup } = await world.seal();
    const device = await world.newDevice();
    const refusals = new Set(['malformed-encoding', 'bad-signature', 'wrong-passphrase', 'state-corrupt', 'other-log']);
    for (const more of ['certificate-not-in-record', 'too-far-behind', 'unexpected-version', 'search-not-found']) {
      refusals.add(more);
    }
    const options = { identity: ALICE, secret: passkey, atLeast: undefined };
    const isSigned = (i: number) => i % (i < 700 ? 11 : 997) === 0;
    for (let i = 0; i < backup.length; i++) {
      const damaged = backup.slice();
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8));
      const failure = (error: unknown) => (error as { code: string }).code;
      if (isSigned(i)) {
        const refused = await openBackup(device, damaged, options).then(() => 'opened', failure);
        expect(refusals, `byte ${i}: ${refused}`).toContain(refused);
      }
      const { signature } = readSafely(damaged);
      const alone = await openBackup(undefined, damaged, options).then(() => 'opened', failure);
      const onlySignature = signature !== undefined && !isSame(signature, readBackup(backup).file.signature);
      if (!onlySignature) expect(refusals, `byte ${i} without a directory: ${alone}`).toContain(alone);
    }
  });

  it('is refused if another key signed it, also one that knows the backup key', async () => {
    const { backup, backupKey } = await world.seal();
    const { header } = readBackup(backup);
    const thief = await generateKey();
    const forge = async (claimed: Uint8Array): Promise<Uint8Array> => {
      const encoded = encodeBackupHeader({ ...header, sequence: 9, keySha256: claimed });
      const plaintext = encodeBackupContent(await world.content(encodeUtf8('forged')));
      const key = backupKey.derive('backup chunks', header.salt, sha256(encoded));
      const file = { header: encoded, ciphertext: await sealChunks(key, plaintext) };
      return encode(backupFileCodec, { ...file, signature: await thief.sign(backupMessage(file)) });
    };
    await expect(open(await forge(header.keySha256))).rejects.toEqual(code('bad-signature'));
    await expect(open(await forge(sha256(thief.spki)))).rejects.toEqual(code('certificate-not-in-record'));
    const options = { identity: ALICE, secret: passkey, atLeast: undefined };
    const unverified = await openBackup(undefined, await forge(header.keySha256), options);
    expect(unverified).toMatchObject({ author: undefined, content: { data: encodeUtf8('forged') } });
    await expect(world.seal({ key: thief })).rejects.toEqual(code('certificate-not-in-record'));
  });

  it('says that its device was removed since', async () => {
    const { token } = world.operator.server.log;
    const tablet = await generateKey();
    const [first, second] = [await generateKey(), await world.newDevice()];
    await second.register(BOB, { token, key: first });
    await second.register(BOB, { credentials: first, key: tablet });
    const { backup } = await world.seal({ identity: BOB, key: tablet });
    await second.revoke(BOB, first, { serials: await serialsOf(BOB, tablet.spki) });
    const opened = await openBackup(await world.newDevice(), backup, {
      identity: BOB,
      secret: passkey,
      atLeast: undefined,
    });
    expect(opened.author?.isCurrent).toBe(false);
  });

  it('is refused if it is of another name', async () => {
    const { backup } = await world.seal();
    const options = { identity: BOB, secret: passkey, atLeast: undefined };
    await expect(openBackup(await world.newDevice(), backup, options)).rejects.toEqual(code('bad-signature'));
  });

  it('that is old and served anew is recognised by a device that knows a newer one', async () => {
    const first = await world.seal();
    const second = await world.seal({ previous: first.mark });
    const other = await world.seal({ previous: first.mark });
    expect(second.mark.sequence).toBe(2);
    const at = async (backup: Uint8Array, atLeast: typeof first.mark) =>
      openBackup(await world.newDevice(), backup, { identity: ALICE, secret: passkey, atLeast });
    await expect(at(first.backup, second.mark)).rejects.toEqual(code('version-rolled-back'));
    await expect(at(other.backup, second.mark)).rejects.toEqual(code('version-rolled-back'));
    await expect(at(second.backup, second.mark)).resolves.toMatchObject({ mayBeOld: false });
    await expect(at(second.backup, first.mark)).resolves.toMatchObject({ mayBeOld: false, mark: second.mark });
    expect(backupMarkOf(second.backup, readBackup(second.backup).header)).toEqual(second.mark);
  });

  it('has bounds', async () => {
    await expect(world.seal({ data: new Uint8Array(MAX_DATA_BYTES + 1) })).rejects.toEqual(code('usage'));
    await expect(world.seal({ backupKey: newKey() })).rejects.toEqual(code('usage'));
    let full = newKey();
    for (let i = 0; i < MAX_LOCKS; i++) full = await full.lockedWith({ kind: 'recovery-code' }, PRF);
    await expect(full.lockedWith({ kind: 'recovery-code' }, PRF)).rejects.toEqual(code('usage'));
    await expect(newKey().lockedWith({ kind: 'recovery-code' }, PRF.subarray(17))).rejects.toEqual(code('usage'));
    expect(() => readBackup(new Uint8Array(100 * 2 ** 20))).toThrow(code('malformed-encoding'));
  });
});

describe('chunks', () => {
  const key = new Uint8Array(32).fill(3);
  const sealedSize = CHUNK_BYTES + 16;
  const text = new Uint8Array(2 * CHUNK_BYTES + 5).map((_, i) => i % 251);
  const at = (sealed: Uint8Array, i: number) => sealed.subarray(i * sealedSize, (i + 1) * sealedSize);

  it.each([1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, text.length])('hold %i bytes', async (length) => {
    const sealed = await sealChunks(key, text.subarray(0, length));
    expect(sealed).toHaveLength(length + 16 * Math.ceil(length / CHUNK_BYTES));
    expect(Buffer.compare(await openChunks(key, sealed), text.subarray(0, length))).toBe(0);
  });

  it('are refused if they are left out, repeated, put in another order or cut', async () => {
    const sealed = await sealChunks(key, text);
    const [a, b, c] = [at(sealed, 0), at(sealed, 1), at(sealed, 2)];
    const wrong: readonly Uint8Array[] = [
      concatBytes(a, b),
      concatBytes(b, c),
      concatBytes(a, c),
      concatBytes(b, a, c),
      concatBytes(a, a, c),
      concatBytes(a, b, b, c),
      concatBytes(a, b, c, c),
      sealed.subarray(0, -1),
      concatBytes(a, b, c.subarray(0, 16)),
      concatBytes(a, b, c.subarray(0, 5)),
      concatBytes(sealed, Uint8Array.of(0)),
      a,
      new Uint8Array(),
      new Uint8Array(16),
    ];
    for (const bytes of wrong) await expect(openChunks(key, bytes)).rejects.toEqual(code('state-corrupt'));
    await expect(openChunks(new Uint8Array(32), sealed)).rejects.toEqual(code('state-corrupt'));
    await expect(sealChunks(key, new Uint8Array())).rejects.toEqual(code('usage'));
  });

  it('are the same without WebCrypto', async () => {
    const sealed = await sealChunks(key, text);
    const platform = globalThis.crypto;
    Object.defineProperty(globalThis, 'crypto', { value: undefined, configurable: true });
    try {
      expect(Buffer.compare(await sealChunks(key, text), sealed)).toBe(0);
      expect(Buffer.compare(await openChunks(key, sealed), text)).toBe(0);
      await expect(openChunks(key, sealed.subarray(0, -1))).rejects.toEqual(code('state-corrupt'));
    } finally {
      Object.defineProperty(globalThis, 'crypto', { value: platform, configurable: true });
    }
  });
});

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function readSafely(backup: Uint8Array): { readonly signature?: Uint8Array } {
  try {
    return { signature: readBackup(backup).file.signature };
  } catch {
    return {};
  }
}

async function serialsOf(name: string, spki: Uint8Array): Promise<readonly string[]> {
  const found = await (await world.newDevice()).lookup(name);
  const certificates = found.found ? found.binding.certificates : [];
  return certificates.filter((one) => isSame(one.spki, spki)).map(({ serial }) => serial);
}
