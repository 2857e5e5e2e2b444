import type { CompanionKeys } from '../../src/ca/companion-keys.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { changeMessage, changeRequestCodec, sortedHashSet } from '../../src/identity/change-request.ts';
import type { LyingOperator } from './lying-operator.ts';
import { identityOf } from './owner.ts';
import { BY_OPERATOR } from './victims.ts';

/** Appends a record of the operator's own making, with a new key that only it has. */
export async function appendByOperator(operator: LyingOperator, identity: string): Promise<void> {
  const certificate = await operator.certify(identity, (await generateKey()).spki);
  await operator.appendRecord(identity, { certificates: [certificate], authorization: BY_OPERATOR });
}

/** Appends a record with the key `next`, whose authorisation `key` is by `signer`. */
export async function appendByKey(
  operator: LyingOperator,
  identity: string,
  next: ClientKey,
  signer: ClientKey,
  companions?: CompanionKeys,
): Promise<void> {
  const previous = (await operator.latest(identity))!;
  const request = encode(changeRequestCodec, {
    origin: 'log.example',
    label: identityOf(identity).label,
    version: previous.version + 1,
    previousCommitment: previous.commitment,
    spkisAfter: sortedHashSet([sha256(next.spki)]),
  });
  await operator.appendRecord(identity, {
    certificates: [await operator.certify(identity, next.spki, companions && { companions })],
    authorization: { type: 'key', signer: sha256(signer.spki), signature: await signer.sign(changeMessage(request)) },
  });
}

/** Appends a recovery to a new key, with both of its versions, whose wait the log does not prove. */
export async function appendRecovery(operator: LyingOperator, identity: string): Promise<void> {
  const { spki } = await generateKey();
  const previous = (await operator.latest(identity))!;
  await operator.appendRecord(identity, {
    certificates: previous.record.certificates,
    pending: { spkiSha256: sha256(spki), evidence: { type: 'application' } },
    authorization: { type: 'recovery', phase: 'requested' },
  });
  const { size } = await operator.server.log.context.store.readHead();
  await operator.appendRecord(identity, {
    certificates: [await operator.certify(identity, spki)],
    authorization: {
      type: 'recovery',
      phase: 'effective',
      pendingVersion: previous.version + 1,
      firstPosition: size - 1,
      lastPosition: size,
    },
  });
}
