import { bytes, type Codec, enumeration, fixedBytes, uint32, uint64, uint8 } from '../core/encoding/codec.ts';
import type { ByteReader } from '../core/encoding/byte-reader.ts';
import type { ByteWriter } from '../core/encoding/byte-writer.ts';
import { type Evidence, evidenceCodec } from './evidence.ts';
import { shortText } from './text-codec.ts';

/** Version 0 of an identity. */
export interface InitialAuthorization {
  readonly type: 'initial';
  readonly evidence: Evidence;
}

/**
 * The owner's own act. It does not repeat the ChangeRequest: a verifier derives that from the transition, so the two
 * cannot disagree.
 */
export interface KeyAuthorization {
  readonly type: 'key';
  /** SHA-256 of the SubjectPublicKeyInfo of a certificate in the previous record. */
  readonly signer: Uint8Array;
  /** Over `changeMessage(encode(ChangeRequest))`: 1..1024 bytes, in a record of format 2 1..4096. */
  readonly signature: Uint8Array;
}

/** The CA's own act, which never adds a key. `reason` is an RFC 5280 CRLReason code. */
export type MaintenanceAuthorization =
  | { readonly type: 'maintenance'; readonly kind: 'renewal' | 'expiry' | 'erasure' }
  | { readonly type: 'maintenance'; readonly kind: 'revocation'; readonly reason: number };

/** A recovery, either requested or in effect after the delay. */
export type RecoveryAuthorization =
  | { readonly type: 'recovery'; readonly phase: 'requested' }
  | {
      readonly type: 'recovery';
      readonly phase: 'effective';
      /** The version that carries the pending recovery. */
      readonly pendingVersion: number;
      /** Two positions of the log, first < last, at which `pendingVersion` was the greatest version. */
      readonly firstPosition: number;
      readonly lastPosition: number;
    };

/** An administrator's act. */
export interface OperatorAuthorization {
  readonly type: 'operator';
  /** A reason for people: 1..255 bytes of UTF-8. Untrusted text. */
  readonly reason: string;
}

/** The authorisation of a version of an identity record (`docs/spec.md#identity-record`). */
export type Authorization =
  | InitialAuthorization
  | KeyAuthorization
  | MaintenanceAuthorization
  | RecoveryAuthorization
  | OperatorAuthorization;

const TYPES = { initial: 1, key: 2, maintenance: 3, recovery: 4, operator: 5 } as const;
const KINDS = { renewal: 1, expiry: 2, revocation: 3, erasure: 4 } as const;
const PHASES = { requested: 1, effective: 2 } as const;

const typeCodec = enumeration([1, 2, 3, 4, 5]);
const kindCodec = enumeration([1, 2, 3, 4]);
const phaseCodec = enumeration([1, 2]);
const hashCodec = fixedBytes(32);

/** Most bytes of a signature in a record of format 1. */
export const MAX_SIGNATURE_FORMAT_1 = 1_024;
/** Most bytes of a signature in a record of format 2: ML-DSA-65 with room. */
export const MAX_SIGNATURE_FORMAT_2 = 4_096;

/**
 * Returns the codec of {@link Authorization} with signatures of at most `maxSignature` bytes;
 * `docs/spec.md#identity-record` defines the structure. Throws `malformed-encoding` on untrusted bytes.
 */
export function authorizationCodec(maxSignature: number): Codec<Authorization> {
  const signatureCodec = bytes(1, maxSignature);
  return {
    write: (writer, authorization) => {
      typeCodec.write(writer, TYPES[authorization.type]);
      writeBody(writer, authorization, signatureCodec);
    },
    read: (reader) => {
      const type = typeCodec.read(reader);
      if (type === TYPES.initial) return { type: 'initial', evidence: evidenceCodec.read(reader) };
      if (type === TYPES.key) {
        return { type: 'key', signer: hashCodec.read(reader), signature: signatureCodec.read(reader) };
      }
      if (type === TYPES.maintenance) return readMaintenance(reader);
      if (type === TYPES.recovery) return readRecovery(reader);
      return { type: 'operator', reason: shortText.read(reader) };
    },
  };
}

function writeBody(writer: ByteWriter, authorization: Authorization, signatureCodec: Codec<Uint8Array>): void {
  switch (authorization.type) {
    case 'initial':
      return evidenceCodec.write(writer, authorization.evidence);
    case 'key':
      hashCodec.write(writer, authorization.signer);
      return signatureCodec.write(writer, authorization.signature);
    case 'maintenance':
      kindCodec.write(writer, KINDS[authorization.kind]);
      if (authorization.kind === 'revocation') uint8.write(writer, authorization.reason);
      return;
    case 'recovery':
      phaseCodec.write(writer, PHASES[authorization.phase]);
      if (authorization.phase === 'requested') return;
      uint32.write(writer, authorization.pendingVersion);
      uint64.write(writer, authorization.firstPosition);
      return uint64.write(writer, authorization.lastPosition);
    case 'operator':
      return shortText.write(writer, authorization.reason);
  }
}

function readMaintenance(reader: ByteReader): MaintenanceAuthorization {
  const kind = kindCodec.read(reader);
  if (kind === KINDS.revocation) return { type: 'maintenance', kind: 'revocation', reason: uint8.read(reader) };
  if (kind === KINDS.renewal) return { type: 'maintenance', kind: 'renewal' };
  return { type: 'maintenance', kind: kind === KINDS.expiry ? 'expiry' : 'erasure' };
}

function readRecovery(reader: ByteReader): RecoveryAuthorization {
  if (phaseCodec.read(reader) === PHASES.requested) return { type: 'recovery', phase: 'requested' };
  return {
    type: 'recovery',
    phase: 'effective',
    pendingVersion: uint32.read(reader),
    firstPosition: uint64.read(reader),
    lastPosition: uint64.read(reader),
  };
}
