import { encodeBackupContent } from '../../../src/client/backup/backup-content.ts';
import {
  backupFileCodec,
  type BackupHeader,
  backupMessage,
  encodeBackupHeader,
} from '../../../src/client/backup/backup-file.ts';
import { BackupKey } from '../../../src/client/backup/backup-key.ts';
import { sealChunks } from '../../../src/client/backup/chunk-stream.ts';
import { generateRecoveryCode, recoveryCodeBytes, recoveryTicket } from '../../../src/client/backup/recovery-code.ts';
import { EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { formatClientState } from '../../../src/client/state/client-state-json.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import type { History, MadeVersion } from './history.ts';
import { ALICE, KEYS, NOW_MS, ORIGIN, seededBytes, spkiHash } from './keys.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';

const IDENTITY = ALICE.slice('mailto:'.length);
const CODE = generateRecoveryCode((length) => seededBytes('recovery code', length));
const PRF = seededBytes('passkey', 32);
const EXPORT_KEY = concatBytes(seededBytes('export key, first half', 32), seededBytes('export key, second half', 32));

/** Random bytes that depend on `name` and their number. */
function seeded(name: string): (length: number) => Uint8Array {
  let drawn = 0;
  return (length) => seededBytes(`${name} ${drawn++}`, length);
}

/** A backup, its locks, and what it opens to. */
export async function makeBackups({ versions }: History): Promise<OwnFile> {
  const { version, commitment } = versions[1] as MadeVersion;
  const random = seeded('backup');
  const withPasskey = await BackupKey.generate(random).lockedWith(
    { kind: 'passkey', credentialId: seededBytes('credential', 16) },
    PRF,
    random,
  );
  const withPassword = await withPasskey.lockedWith(
    { kind: 'password', vault: 'vault@example.com' },
    EXPORT_KEY,
    random,
  );
  const key = await withPassword.lockedWith({ kind: 'recovery-code' }, recoveryCodeBytes(CODE), random);
  const data = encodeUtf8('the chats of Alice');
  const salt = seededBytes('salt', 32);
  const header: BackupHeader = {
    origin: ORIGIN,
    identity: IDENTITY,
    version,
    commitment,
    keySha256: spkiHash('phone'),
    sequence: 1,
    timeMs: NOW_MS,
    salt,
    keyCheck: key.derive('backup check', salt),
    locks: key.locks,
  };
  const encodedHeader = encodeBackupHeader(header);
  const plaintext = encodeBackupContent({ label: 'phone', state: EMPTY_STATE, data });
  const ciphertext = await sealChunks(key.derive('backup chunks', salt, sha256(encodedHeader)), plaintext);
  const signature = await KEYS.phone.sign(backupMessage({ header: encodedHeader, ciphertext }));
  const file = { header: encodedHeader, signature, ciphertext };
  const backup = encode(backupFileCodec, file);
  const input = (secret: Json, bytes = backup, by: keyof typeof KEYS = 'phone'): OwnCase['input'] => {
    return { identity: IDENTITY, secret, spki: hex(KEYS[by].spki), backup: hex(bytes) };
  };
  const code = { kind: 'recovery-code', code: CODE };
  const expect = {
    origin: ORIGIN,
    version,
    commitment: hex(commitment),
    keySha256: hex(spkiHash('phone')),
    sequence: 1,
    timeMs: NOW_MS,
    locks: ['passkey', 'password', 'recovery-code'],
    label: 'phone',
    state: formatClientState(EMPTY_STATE),
    data: hex(data),
  };
  const bad = (name: string, bytes: Uint8Array, refusal: string, secret: Json = code): OwnCase =>
    refused(name, input(secret, bytes), refusal);
  const cut = encode(backupFileCodec, { ...file, ciphertext: ciphertext.slice(0, -1) });
  const altered = encode(backupFileCodec, { ...file, ciphertext: withFlippedBit(ciphertext, 0) });
  return {
    primitive: 'backup',
    notes: [
      'input.backup: a Backup; input.identity: whose it must be; input.spki: the SubjectPublicKeyInfo of the device whose',
      'key the record of the claimed version certifies; input.secret: kind passkey (prf, 32 bytes), password (exportKey, 64',
      'bytes) or recovery-code (code, as typed). expect: the claim, sequence and time of the header, the kinds of its locks,',
      'and the content: label, state (JSON text) and data. A case with input.code alone is a recovery code as typed: expect',
      'has its 16 bytes and its ticket for a vault.',
    ],
    cases: [
      { name: 'by a recovery code', input: input(code), expect },
      { name: 'by a passkey', input: input({ kind: 'passkey', prf: hex(PRF) }), expect },
      { name: 'by a password', input: input({ kind: 'password', exportKey: hex(EXPORT_KEY) }), expect },
      {
        name: 'a recovery code as people type it',
        input: { code: ` ${CODE.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')}` },
        expect: { bytes: hex(recoveryCodeBytes(CODE)), ticket: hex(recoveryTicket(CODE)) },
      },
      refused('a recovery code with one symbol too few', { code: CODE.slice(0, -1) }, 'malformed-encoding'),
      refused('a recovery code with two symbols swapped', { code: swapped(CODE) }, 'malformed-encoding'),
      bad('by another passkey', backup, 'wrong-passphrase', { kind: 'passkey', prf: hex(seededBytes('other', 32)) }),
      refused('of another person', { ...input(code), identity: 'bob@example.com' }, 'bad-signature'),
      refused('by another device', input(code, backup, 'mallory'), 'bad-signature'),
      bad(
        'with another signature',
        encode(backupFileCodec, { ...file, signature: withFlippedBit(signature, 0) }),
        'bad-signature',
      ),
      bad('with an altered chunk', altered, 'bad-signature'),
      bad('with its end cut', cut, 'bad-signature'),
      bad('with an altered chunk, signed again', await signedAgain(withFlippedBit(ciphertext, 0)), 'state-corrupt'),
      bad('with its end cut, signed again', await signedAgain(ciphertext.slice(0, -1)), 'state-corrupt'),
      bad('a byte too few', backup.slice(0, -1), 'malformed-encoding'),
    ],
  };

  async function signedAgain(changed: Uint8Array): Promise<Uint8Array> {
    const signed = { header: encodedHeader, ciphertext: changed };
    return encode(backupFileCodec, { ...signed, signature: await KEYS.phone.sign(backupMessage(signed)) });
  }
}

/** A code whose first two different neighbours are swapped. */
function swapped(code: string): string {
  return code.replace(/([0-9A-Z])(?!\1)([0-9A-Z])/, '$2$1');
}
