import * as fc from 'fast-check';
import { vi } from 'vitest';
import type * as Ed25519Signature from '../../src/core/crypto/ed25519-strict.ts';
import type * as P256Signature from '../../src/core/crypto/p256-signature.ts';
import type * as Ed25519Vrf from '../../src/core/crypto/vrf-ed25519.ts';
import type * as P256Vrf from '../../src/core/crypto/vrf-p256.ts';
import { remembering } from './remembering.ts';

// A mutant is dead at the first counterexample: looking for the smallest takes most of the time.
fc.configureGlobal({ endOnFailure: true });

// The same few proofs and signatures are verified thousands of times for each mutant. Nothing in these files is mutated.
vi.mock('../../src/core/crypto/vrf-ed25519.ts', async (original) => {
  const vrf = await original<typeof Ed25519Vrf>();
  return { ...vrf, verifyVrf: remembering(vrf.verifyVrf) };
});
vi.mock('../../src/core/crypto/vrf-p256.ts', async (original) => {
  const vrf = await original<typeof P256Vrf>();
  return { ...vrf, verifyP256Vrf: remembering(vrf.verifyP256Vrf) };
});
vi.mock('../../src/core/crypto/ed25519-strict.ts', async (original) => {
  const signatures = await original<typeof Ed25519Signature>();
  return { ...signatures, verifyEd25519: remembering(signatures.verifyEd25519) };
});
vi.mock('../../src/core/crypto/p256-signature.ts', async (original) => {
  const signatures = await original<typeof P256Signature>();
  return { ...signatures, verifyP256: remembering(signatures.verifyP256) };
});
