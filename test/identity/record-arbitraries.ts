import * as fc from 'fast-check';
import type { Authorization } from '../../src/identity/authorization.ts';
import { type ChangeRequest, sortedHashSet } from '../../src/identity/change-request.ts';
import type { Evidence } from '../../src/identity/evidence.ts';
import type { IdentityRecord } from '../../src/identity/identity-record.ts';

export const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const position = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
export const evidence: fc.Arbitrary<Evidence> = fc.oneof(
  fc.constant({ type: 'application' } as const),
  fc.constant({ type: 'email' } as const),
  fc.boolean().map((possession) => ({ type: 'import', possession }) as const),
  text.map((issuer) => ({ type: 'oidc', issuer }) as const),
);
export const authorization: fc.Arbitrary<Authorization> = fc.oneof(
  evidence.map((found) => ({ type: 'initial', evidence: found }) as const),
  fc.record({
    type: fc.constant('key' as const),
    signer: hash,
    signature: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  }),
  fc.record({ type: fc.constant('maintenance' as const), kind: fc.constantFrom('renewal', 'expiry', 'erasure') }),
  fc.record({
    type: fc.constant('maintenance' as const),
    kind: fc.constant('revocation' as const),
    reason: fc.integer({ min: 0, max: 255 }),
  }),
  fc.constant({ type: 'recovery', phase: 'requested' } as const),
  fc.record({
    type: fc.constant('recovery' as const),
    phase: fc.constant('effective' as const),
    pendingVersion: uint32,
    firstPosition: position,
    lastPosition: position,
  }),
  text.map((reason) => ({ type: 'operator', reason }) as const),
);
const fields = {
  previousCommitment: hash,
  certificates: fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 4 }),
  pending: fc.option(fc.record({ spkiSha256: hash, evidence }), { nil: undefined }),
};
const longSignature: fc.Arbitrary<Authorization> = fc.record({
  type: fc.constant('key' as const),
  signer: hash,
  signature: fc.uint8Array({ minLength: 1025, maxLength: 4096 }),
});
export const identityRecord: fc.Arbitrary<IdentityRecord> = fc.oneof(
  fc.record({ ...fields, authorization }),
  fc.record({ format: fc.constant(2 as const), ...fields, authorization: fc.oneof(authorization, longSignature) }),
);
export const changeRequest: fc.Arbitrary<ChangeRequest> = fc.record({
  origin: text,
  label: fc.uint8Array({ minLength: 1, maxLength: 255 }),
  version: uint32,
  previousCommitment: hash,
  spkisAfter: fc.array(hash, { maxLength: 5 }).map(sortedHashSet),
});
