import { concatBytes } from '../../../src/core/encoding/bytes.ts';
import { type IdentityRecord, NO_COMMITMENT } from '../../../src/identity/identity-record.ts';
import { type History, type MadeVersion, versionOf } from './history.ts';
import { LABEL } from './keys.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused } from './own-file.ts';

/** The fields of a record as vectors have them: byte strings in hex, member names as in the code. */
export function recordJson(record: IdentityRecord): Record<string, Json> {
  const { previousCommitment, certificates, pending, authorization } = record;
  return {
    previousCommitment: hex(previousCommitment),
    certificates: certificates.map((certificate) => hex(certificate)),
    pending: pending === undefined ? null : { spkiSha256: hex(pending.spkiSha256), evidence: { ...pending.evidence } },
    authorization:
      authorization.type === 'key'
        ? { type: 'key', signer: hex(authorization.signer), signature: hex(authorization.signature) }
        : { ...authorization },
  };
}

function valid({ version, record, opening, value, commitment }: MadeVersion): OwnCase {
  const { type, ...rest } = record.authorization;
  const kind = 'kind' in rest ? ` ${rest.kind}` : 'phase' in rest ? ` ${rest.phase}` : '';
  return {
    name: `version ${version}: ${type}${kind}`,
    input: { value: hex(value), label: hex(LABEL), version, opening: hex(opening) },
    expect: { record: recordJson(record), commitment: hex(commitment) },
  };
}

/** Bytes that are no record, each with why. */
function malformed(history: History): readonly (readonly [string, Uint8Array])[] {
  const first = history.versions[0] as MadeVersion;
  const head = concatBytes(Uint8Array.of(1), new Uint8Array(32));
  const small = (...rest: number[]): Uint8Array => concatBytes(head, Uint8Array.from(rest));
  const text = new TextEncoder().encode('because');
  return [
    ['nothing', new Uint8Array()],
    ['a byte too few', first.value.slice(0, -1)],
    ['a byte too many', concatBytes(first.value, Uint8Array.of(0))],
    ['format 0', concatBytes(Uint8Array.of(0), first.value.slice(1))],
    ['format 3', concatBytes(Uint8Array.of(3), first.value.slice(1))],
    ['a certificate of no bytes', small(1, 0, 0, 0, 1, 1)],
    ['a presence octet of 2', small(0, 2, 1, 1)],
    ['authorization type 0', small(0, 0, 0)],
    ['authorization type 6', small(0, 0, 6)],
    ['evidence type 0', small(0, 0, 1, 0)],
    ['evidence type 4', small(0, 0, 1, 4)],
    ['an issuer of no bytes', small(0, 0, 1, 2, 0)],
    ['maintenance kind 5', small(0, 0, 3, 5)],
    ['a revocation without reason', small(0, 0, 3, 3)],
    ['recovery phase 3', small(0, 0, 4, 3)],
    ['an operator without reason', small(0, 0, 5, 0)],
    ['a reason that is not UTF-8', small(0, 0, 5, 2, 0xc3, 0x28)],
    ['a reason that is overlong UTF-8', small(0, 0, 5, 2, 0xc0, 0xaf)],
    ['a signature of no bytes', concatBytes(small(0, 0, 2), new Uint8Array(32), Uint8Array.of(0, 0))],
    [
      'a signature of 1,025 bytes',
      concatBytes(small(0, 0, 2), new Uint8Array(32), Uint8Array.of(4, 1), new Uint8Array(1025)),
    ],
    ['a position of 2^53', concatBytes(small(0, 0, 4, 2, 0, 0, 0, 1), positions(1, 2n ** 53n))],
    ['text after the record', concatBytes(first.value, text)],
  ];
}

function positions(first: number, last: bigint): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, BigInt(first));
  bytes.setBigUint64(8, last);
  return new Uint8Array(bytes.buffer);
}

/** Identity records: their encoding and their commitment. */
export function makeRecords(history: History): OwnFile {
  const common = { label: hex(LABEL), version: 0, opening: '00'.repeat(16) };
  const smallest = versionOf(0, {
    previousCommitment: NO_COMMITMENT,
    certificates: [],
    pending: undefined,
    authorization: { type: 'initial', evidence: { type: 'email' } },
  });
  return {
    primitive: 'identity-record',
    notes: [
      'input.value: an encoded IdentityRecord, hex, and label, version and opening for its commitment (KT §11.6).',
      'expect.record: its fields; expect.commitment: what the log commits to. Decoding says nothing about the rules:',
      'see record-chain.json.',
    ],
    cases: [
      ...history.versions.map(valid),
      { ...valid(smallest), name: 'well-formed, though no version may be like this: initial without a certificate' },
      ...malformed(history).map(([why, value]) => refused(why, { ...common, value: hex(value) }, 'malformed-encoding')),
    ],
  };
}
