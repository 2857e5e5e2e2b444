import { encode } from '../../core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../core/keytrans/configuration.ts';
import { growLog, prefixTileRows } from './grow-log.ts';
import { releaseHead } from './head-signer.ts';
import { readCommitted } from './read-committed.ts';
import type { LogContext } from '../log/log-context.ts';
import { assertKeys, openLog, type OpenLogOptions } from '../log/open-log.ts';

/**
 * Creates a log: its row, then entry 0, which changes nothing. Signs and releases size 1, unless witnesses must cosign
 * it first: then the sequencer releases it. Returns the open log.
 */
export async function createLog(options: OpenLogOptions, configuration: Configuration): Promise<LogContext> {
  assertKeys(configuration, options.keys);
  await options.store.createLog({ origin: options.origin, configuration: encode(configurationCodec, configuration) });
  const context = await openLog(options);
  await appendGenesis(context);
  return context;
}

/**
 * Writes entry 0 unless it is there, and releases it as {@link createLog} does: finishes an interrupted creation. Not
 * to be called once the creation is known to be finished: somebody may have taken rows from the database since. Signs
 * no later head, which the sequencer checks first. Idempotent.
 */
export async function appendGenesis(context: LogContext): Promise<void> {
  const { store } = context;
  let head = await store.readHead();
  if (head.size === 0) {
    const growth = await growLog({
      head,
      changes: [[]],
      timestampMs: context.now(),
      configHash: context.configHash,
      readTiles: context.readPrefixTiles,
      format: context.format,
    });
    const nothing = { versions: [], rejected: [], revocations: [] };
    await store.append({ ...growth, prefixTiles: prefixTileRows(growth.prefixTiles), ...nothing });
    head = await readCommitted(store, growth.head);
  }
  if (context.witnesses !== undefined || (await store.readReleased()) !== undefined) return;
  if (head.size === 1) await releaseHead(context, head);
}
