import fc from 'fast-check';
import {
  type BackupContent,
  decodeBackupContent,
  encodeBackupContent,
} from '../../../src/client/backup/backup-content.ts';
import {
  backupFileCodec,
  type BackupHeader,
  decodeBackupHeader,
  encodeBackupHeader,
} from '../../../src/client/backup/backup-file.ts';
import { locksCodec } from '../../../src/client/backup/backup-key.ts';
import { type BackupLock, backupLockCodec } from '../../../src/client/backup/backup-lock.ts';
import { vaultRequestCodec } from '../../../src/client/backup/vault-request.ts';
import { vaultStatementCodec } from '../../../src/client/backup/vault-statement.ts';
import { EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { versions } from '../../core/keytrans/message-arbitraries.ts';
import { fixed, hashes } from './arbitraries.ts';
import { type Decoder, ofCodec, reading } from './decoder.ts';

const names = fc.stringMatching(/^[a-z:.@]{1,30}$/);
const times = fc.nat();
const signatures = fc.uint8Array({ minLength: 1, maxLength: 80 });
const material = { salt: hashes, wrapped: fixed(48) };
const locks: fc.Arbitrary<BackupLock> = fc.oneof(
  fc.record({ kind: fc.constant('passkey' as const), credentialId: fc.uint8Array({ maxLength: 40 }), ...material }),
  fc.record({ kind: fc.constant('password' as const), vault: names, ...material }),
  fc.record({ kind: fc.constant('recovery-code' as const), ...material }),
);
const allLocks = fc.array(locks, { minLength: 1, maxLength: 3 });
const claim = { origin: names, identity: names, version: versions, commitment: hashes, keySha256: hashes };
const headers: fc.Arbitrary<BackupHeader> = fc.record({
  ...claim,
  sequence: times,
  timeMs: times,
  salt: hashes,
  keyCheck: hashes,
  locks: allLocks,
});
const contents: fc.Arbitrary<BackupContent> = fc.record({
  label: fc.string({ unit: 'grapheme', maxLength: 10 }),
  state: fc.constant(EMPTY_STATE),
  data: fc.uint8Array({ maxLength: 60 }),
});

/** What reads backups, and what a vault and its users say to each other. */
export const BACKUP_DECODERS: readonly Decoder[] = [
  ofCodec('backupLockCodec', backupLockCodec, locks),
  ofCodec('locksCodec', locksCodec, allLocks),
  {
    name: 'decodeBackupHeader',
    inputs: headers.map(encodeBackupHeader),
    read: reading(decodeBackupHeader, encodeBackupHeader),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  ofCodec(
    'backupFileCodec',
    backupFileCodec,
    fc.record({
      header: headers.map(encodeBackupHeader),
      signature: signatures,
      ciphertext: fc.uint8Array({ minLength: 17, maxLength: 90 }),
    }),
  ),
  {
    name: 'decodeBackupContent',
    inputs: contents.map(encodeBackupContent),
    read: reading(decodeBackupContent, encodeBackupContent),
    refusals: ['malformed-encoding', 'state-corrupt', 'state-too-new'],
    canonical: false,
    selfDelimiting: true,
  },
  ofCodec(
    'vaultStatementCodec',
    vaultStatementCodec,
    fc.record({ statement: fc.record({ ...claim, opaqueKey: hashes }), signature: signatures }),
  ),
  ofCodec(
    'vaultRequestCodec',
    vaultRequestCodec,
    fc.record({
      statement: fc.record({
        ...claim,
        vault: names,
        purpose: fc.constantFrom(1 as const, 2 as const, 6 as const),
        timeMs: times,
        bodySha256: hashes,
      }),
      signature: signatures,
    }),
  ),
];
