import { createDecipheriv, createHash, hkdfSync, verify as verifyEd25519, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateRecoveryCode, recoveryCodeBytes, recoveryTicket } from '../../../src/client/backup/recovery-code.ts';
import { ALICE, BackupWorld, passkeyLocked, PRF } from '../../support/backup-world.ts';

// Reads a backup as docs/spec.md has it, with nothing of src/ but the clock and the log of the test.
const NUL = '\0';
const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  return parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
};
const hkdf = (secret: Uint8Array, salt: Uint8Array, ...info: readonly (string | Uint8Array)[]): Buffer => {
  const joined = Buffer.concat(info.map((part) => Buffer.from(part as Uint8Array)));
  return Buffer.from(hkdfSync('sha256', secret, salt, joined, 32));
};
function openGcm(key: Uint8Array, nonce: Uint8Array, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** Takes fields off the front of some bytes. */
class Fields {
  #at = 0;
  readonly #bytes: Buffer;
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }
  take(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  uint(width: number): number {
    return Number(`0x${this.take(width).toString('hex')}`);
  }
  opaque(width: number): Buffer {
    return this.take(this.uint(width));
  }
  get place(): number {
    return this.#at;
  }
  get rest(): number {
    return this.#bytes.length - this.#at;
  }
}

function readHeader(bytes: Buffer) {
  const header = new Fields(bytes);
  const claim = {
    format: header.uint(1),
    origin: header.opaque(1).toString(),
    identity: header.opaque(1).toString(),
    version: header.uint(4),
    commitment: header.take(32),
    keySha256: header.take(32),
  };
  const own = { sequence: header.uint(8), timeMs: header.uint(8), salt: header.take(32), keyCheck: header.take(32) };
  const count = header.uint(1);
  const start = header.place;
  const lock = { kind: header.uint(1), credentialId: header.opaque(2), plan: bytes.subarray(start, header.place) };
  const wrapped = { lockSalt: header.take(32), wrapped: header.take(48) };
  return { ...claim, ...own, count, ...lock, ...wrapped, rest: header.rest };
}

let world: BackupWorld;
beforeAll(async () => {
  world = await BackupWorld.start();
});
afterAll(() => world.stop());

describe('the formats of docs/spec.md', () => {
  it('are those of a backup, which another program can read', async () => {
    const data = crypto.getRandomValues(new Uint8Array(60_000));
    const big = Buffer.concat(Array.from({ length: 20 }, () => data));
    const { backup } = await world.seal({ backupKey: await passkeyLocked(), data: new Uint8Array(big) });
    const file = new Fields(backup);
    const [header, signature, ciphertext] = [file.opaque(2), file.opaque(2), file.opaque(4)];
    expect(file.rest).toBe(0);
    const read = readHeader(header);
    expect(read).toMatchObject({ format: 1, origin: 'log.example', identity: ALICE, version: 0, sequence: 1, rest: 0 });
    expect(read).toMatchObject({ timeMs: world.nowMs, count: 1, kind: 1, credentialId: Buffer.of(9) });
    expect(read.keySha256).toEqual(sha256(world.key.spki));

    const context = `glasskey backup lock v1${NUL}`;
    const backupKey = openGcm(hkdf(PRF, read.lockSalt, context, read.plan), Buffer.alloc(12), read.wrapped);
    expect(backupKey).toHaveLength(32);
    expect(hkdf(backupKey, read.salt, `glasskey backup check v1${NUL}`)).toEqual(read.keyCheck);

    const chunkKey = hkdf(backupKey, read.salt, `glasskey backup chunks v1${NUL}`, sha256(header));
    const size = 2 ** 20 + 16;
    const [first, last] = [ciphertext.subarray(0, size), ciphertext.subarray(size)];
    const [zeros, end] = [Buffer.alloc(12), Buffer.from('000000000000000000000101', 'hex')];
    const content = new Fields(Buffer.concat([openGcm(chunkKey, zeros, first), openGcm(chunkKey, end, last)]));
    expect(content.opaque(1).toString()).toBe('Alice’s phone');
    expect(JSON.parse(content.opaque(4).toString())).toMatchObject({ format: 2 });
    expect(Buffer.compare(content.opaque(4), big)).toBe(0);
    expect(content.rest).toBe(0);

    const message = Buffer.concat([Buffer.from(`glasskey backup v1${NUL}`), sha256(header), sha256(ciphertext)]);
    const spki = createPublicKey({ key: Buffer.from(world.key.spki), format: 'der', type: 'spki' });
    expect(verifyEd25519(null, message, spki, signature)).toBe(true);
  });

  it('are those of a request to a vault', async () => {
    const body = Uint8Array.of(1, 2, 3);
    const signed = Buffer.from(await world.sign('store-backup', body));
    const fields = new Fields(signed);
    expect(fields.uint(1)).toBe(1);
    const start = fields.place;
    expect([fields.opaque(1), fields.opaque(1)].map(String)).toEqual(['log.example', ALICE]);
    fields.take(4 + 32 + 32);
    expect(fields.opaque(1).toString()).toBe('acct:vault@chat.example');
    expect(fields.uint(1)).toBe(1);
    expect(Math.abs(fields.uint(8) - Date.now())).toBeLessThan(60_000);
    expect(fields.take(32)).toEqual(sha256(body));
    const statement = signed.subarray(start, fields.place);
    const message = Buffer.concat([Buffer.from(`glasskey vault request v1${NUL}`), statement]);
    const spki = createPublicKey({ key: Buffer.from(world.key.spki), format: 'der', type: 'spki' });
    expect(verifyEd25519(null, message, spki, fields.opaque(2))).toBe(true);
    expect(fields.rest).toBe(0);
  });

  it('are those of a recovery code', () => {
    const text = generateRecoveryCode((length) => new Uint8Array(length).fill(255));
    const secret = new Uint8Array(16).fill(255);
    const check = sha256(Buffer.from(`glasskey recovery code v1${NUL}`), secret);
    const bits = `${'1'.repeat(128)}${(check.readUInt16BE() >> 4).toString(2).padStart(12, '0')}`;
    const symbols = bits.match(/.{5}/g)?.map((group) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[Number(`0b${group}`)]);
    expect(text.replaceAll('-', '')).toBe(symbols?.join(''));
    expect(recoveryCodeBytes(text)).toEqual(secret);
    const ticket = hkdf(secret, new Uint8Array(), `glasskey recovery ticket v1${NUL}`);
    expect(Buffer.from(recoveryTicket(text))).toEqual(ticket);
  });
});
