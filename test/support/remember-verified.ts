import { cipherSuite } from '../../src/core/crypto/cipher-suite.ts';

/**
 * Remembers, for this process, what a cipher suite verified: the same proof for the same input by the same key gives the
 * same. VRF proofs and signatures are what takes time where the same log is asked again and again.
 */
export function rememberVerified(suiteId: number): void {
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
  return parts.map((part) => `${part.length}:${Buffer.from(part).toString('latin1')}`).join();
}
