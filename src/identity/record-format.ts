import { isMlDsaSpki } from '../core/crypto/ml-dsa-sets.ts';
import { ensure } from '../core/errors.ts';
import { MAX_SIGNATURE_FORMAT_1 } from './authorization.ts';
import type { IdentityRecord } from './identity-record.ts';
import { type CertifiedKey, certifiedKeys, type ContinuityPorts } from './spki-set.ts';

/**
 * Returns a record in the format that its content needs (`docs/spec.md#record-formats`): 2 if it certifies an ML-DSA
 * key or has a signature of one, else 1. Throws `bad-record` for a certificate that cannot be read.
 */
export async function inItsFormat(record: IdentityRecord, ports: ContinuityPorts): Promise<IdentityRecord> {
  const { format: _, ...fields } = record;
  return needsFormat2(record, await certifiedKeys(record, ports)) ? { format: 2, ...fields } : fields;
}

/**
 * Asserts that an untrusted record has the format that its content needs, so that each content has one encoding. `keys`
 * are those of its certificates. Throws `bad-record`.
 */
export function assertFormat(record: IdentityRecord, keys: readonly CertifiedKey[]): void {
  const isRight = (record.format === 2) === needsFormat2(record, keys);
  ensure(isRight, 'bad-record', 'the record has another format than its certificates and its signature need');
}

function needsFormat2({ authorization }: IdentityRecord, keys: readonly CertifiedKey[]): boolean {
  const isLong = authorization.type === 'key' && authorization.signature.length > MAX_SIGNATURE_FORMAT_1;
  return isLong || keys.some(({ spki }) => isMlDsaSpki(spki));
}
