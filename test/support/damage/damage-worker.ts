import { parentPort } from 'node:worker_threads';
import { KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../../src/core/crypto/cipher-suite.ts';
import { rememberVerified } from '../remember-verified.ts';
import { type DamageReport, tryDamaged } from './damaged-operation.ts';
import { Collector, type LogKind, type OperationName } from './honest-answers.ts';

/** Damaged answers that a thread is to try. */
export interface DamageJob {
  readonly kind: LogKind;
  readonly operation: OperationName;
  readonly seed: number;
  readonly entries: number;
  readonly count: number;
}

/** What became of a {@link DamageJob}: no report where the log has no answer to the operation. */
export type DamageOutcome = DamageReport | undefined;

if (parentPort !== null) {
  const port = parentPort;
  for (const suiteId of [KT_128_SHA256_ED25519, KT_128_SHA256_P256]) rememberVerified(suiteId);
  port.on('message', ({ kind, operation, seed, entries, count }: DamageJob) => {
    const { operations } = new Collector(kind, seed, entries);
    const found = operations.find(({ name }) => name === operation);
    port.postMessage(found && tryDamaged(found, seed, count), []);
  });
}
