import { parentPort } from 'node:worker_threads';
import { cipherSuite, KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../../src/core/crypto/cipher-suite.ts';
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

/**
 * Remembers what was verified: the same proof for the same input by the same key gives the same. Most damage leaves the VRF
 * proofs and the signature as they are, and these are what takes time.
 */
function rememberVerified(suiteId: number): void {
  const suite = cipherSuite(suiteId);
  const { verifyVrf, verifySignature } = suite;
  const outputs = new Map<string, Uint8Array>();
  const verified = new Set<string>();
  Object.assign(suite, {
    verifyVrf: (...parts: Parameters<typeof verifyVrf>): Uint8Array => {
      const name = nameOf(parts);
      const output = outputs.get(name) ?? verifyVrf(...parts);
      outputs.set(name, output);
      return output;
    },
    verifySignature: (...parts: Parameters<typeof verifySignature>): void => {
      const name = nameOf(parts);
      if (verified.has(name)) return;
      verifySignature(...parts);
      verified.add(name);
    },
  });
}

function nameOf(parts: readonly Uint8Array[]): string {
  return parts.map((part) => Buffer.from(part).toString('latin1')).join('\n\n');
}

if (parentPort !== null) {
  const port = parentPort;
  for (const suiteId of [KT_128_SHA256_ED25519, KT_128_SHA256_P256]) rememberVerified(suiteId);
  port.on('message', ({ kind, operation, seed, entries, count }: DamageJob) => {
    const { operations } = new Collector(kind, seed, entries);
    const found = operations.find(({ name }) => name === operation);
    port.postMessage(found && tryDamaged(found, seed, count), []);
  });
}
