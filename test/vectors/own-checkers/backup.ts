import { verifySpkiSignature } from '../../../src/ca/verify-signature.ts';
import { backupMessage, readBackup } from '../../../src/client/backup/backup-file.ts';
import { type BackupSecret, openBackup } from '../../../src/client/backup/open-backup.ts';
import { recoveryCodeBytes, recoveryTicket } from '../../../src/client/backup/recovery-code.ts';
import { formatClientState } from '../../../src/client/state/client-state-json.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import type { OwnChecker } from './checker.ts';

interface SecretJson {
  readonly kind: Exclude<BackupSecret['kind'], 'key'>;
  readonly prf?: string;
  readonly exportKey?: string;
  readonly code?: string;
}

function secretOf({ kind, prf = '', exportKey = '', code = '' }: SecretJson): BackupSecret {
  if (kind === 'passkey') return { kind, prf: parseHex(prf) };
  return kind === 'password' ? { kind, exportKey: parseHex(exportKey) } : { kind, code };
}

/** Cases of `backup.json`. */
export const checkBackup: OwnChecker = async ({ identity, secret, spki, backup, code }) => {
  if (code !== undefined) return { bytes: formatHex(recoveryCodeBytes(code)), ticket: formatHex(recoveryTicket(code)) };
  const bytes = parseHex(backup);
  const { file, header } = readBackup(bytes);
  await verifySpkiSignature(parseHex(spki), backupMessage(file), file.signature);
  const { content } = await openBackup(undefined, bytes, { identity, secret: secretOf(secret), atLeast: undefined });
  return {
    origin: header.origin,
    version: header.version,
    commitment: formatHex(header.commitment),
    keySha256: formatHex(header.keySha256),
    sequence: header.sequence,
    timeMs: header.timeMs,
    locks: header.locks.map(({ kind }) => kind),
    label: content.label,
    state: formatClientState(content.state),
    data: formatHex(content.data),
  };
};
