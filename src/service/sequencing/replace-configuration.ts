import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { maySucceed } from '../../core/keytrans/auditor-change.ts';
import { type Configuration, configurationCodec } from '../../core/keytrans/configuration.ts';
import type { Store } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { auditEntryOf } from '../log/stored-data.ts';

/**
 * Replaces an existing log's Configuration by that of a newer trust bundle, before the log is opened. Only the
 * third-party auditor may differ (docs/spec.md#trust-bundle). No server may be running: it would continue under the old
 * Configuration. Throws `usage`, `storage-locked` while another process is the writer, `head-moved`, `storage-failed`.
 */
export async function replaceConfiguration(store: Store, origin: string, next: Configuration): Promise<void> {
  const row = await store.findLog(origin);
  const encoded = encode(configurationCodec, next);
  if (row === undefined || equalBytes(row.configuration, encoded)) return;
  const isAllowed = maySucceed(decode(configurationCodec, row.configuration), next);
  ensure(isAllowed, 'usage', 'the bundle may change or add the auditor of the Configuration, and nothing else');
  const log = store.log(row.logId);
  if (next.mode === 'thirdPartyAuditing') {
    const { size } = await log.readHead();
    const start = next.auditorStartPosition;
    ensure(start <= size, 'usage', `the auditor cannot start at entry ${start}: the log has ${size} entries`);
  }
  const lock = await log.tryWriterLock();
  ensure(
    lock !== undefined,
    'storage-locked',
    'a server is running: stop all servers of the log to change its auditor',
  );
  try {
    const replaced = await store.replaceConfiguration(row, encoded);
    ensure(replaced, 'head-moved', 'another process is changing the Configuration of the log');
  } finally {
    await lock.release();
  }
}

/**
 * Returns true if the last of a log's first `size` entries names its Configuration. Otherwise the log has got another
 * auditor since, and the heads up to there were signed under the Configuration before. Throws `storage-corrupt`.
 */
export async function namesConfiguration(
  context: Pick<LogContext, 'store' | 'configHash'>,
  size: number,
): Promise<boolean> {
  const [row] = await context.store.readEntries([size - 1]);
  if (row === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${size - 1} is missing`);
  return equalBytes(auditEntryOf(row).configHash, context.configHash);
}
