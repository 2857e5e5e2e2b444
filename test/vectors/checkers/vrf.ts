import { expect } from 'vitest';
import { proveVrf, vrfPublicKey } from '../../../src/core/crypto/vrf-ed25519.ts';
import { p256VrfPublicKey, proveP256Vrf } from '../../../src/core/crypto/vrf-p256.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { encodeVrfInput } from '../../../src/core/keytrans/vrf-input.ts';
import { type Checker, suiteOf } from '../vector-file.ts';

const PROVERS = {
  ed25519: { prove: proveVrf, publicKey: vrfPublicKey },
  p256: { prove: proveP256Vrf, publicKey: p256VrfPublicKey },
} as const;

const checkVrf: Checker = ({ input, expect: expected }, file) => {
  const suite = suiteOf(file);
  const alpha = encodeVrfInput(parseHex(input.label), input.version);
  if (expected.error === true) {
    expect(() => suite.verifyVrf(parseHex(input.public_key), alpha, parseHex(input.proof))).toThrow(/VRF/);
    return;
  }
  const prover = PROVERS[suite.keyAlgorithm];
  const { proof, output } = prover.prove(parseHex(input.private_key), alpha);
  expect(formatHex(prover.publicKey(parseHex(input.private_key)))).toBe(input.public_key);
  expect(formatHex(alpha)).toBe(expected.vrf_input);
  expect(formatHex(proof)).toBe(expected.proof);
  expect(formatHex(output)).toBe(expected.output);
  expect(formatHex(suite.verifyVrf(parseHex(input.public_key), alpha, proof))).toBe(expected.output);
};

export default checkVrf;
