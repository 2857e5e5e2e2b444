import { expect } from 'vitest';
import { cipherSuite, KT_128_SHA256_ED25519 } from '../../../src/core/crypto/cipher-suite.ts';
import { proveVrf, vrfPublicKey } from '../../../src/core/crypto/vrf-ed25519.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { encodeVrfInput } from '../../../src/core/keytrans/vrf-input.ts';
import type { Checker } from '../vector-file.ts';

const checkVrf: Checker = ({ input, expect: expected }) => {
  const suite = cipherSuite(KT_128_SHA256_ED25519);
  const alpha = encodeVrfInput(parseHex(input.label), input.version);
  if (expected.error === true) {
    expect(() => suite.verifyVrf(parseHex(input.public_key), alpha, parseHex(input.proof))).toThrow(/VRF/);
    return;
  }
  const { proof, output } = proveVrf(parseHex(input.private_key), alpha);
  expect(formatHex(vrfPublicKey(parseHex(input.private_key)))).toBe(input.public_key);
  expect(formatHex(alpha)).toBe(expected.vrf_input);
  expect(formatHex(proof)).toBe(expected.proof);
  expect(formatHex(output)).toBe(expected.output);
  expect(formatHex(suite.verifyVrf(parseHex(input.public_key), alpha, proof))).toBe(expected.output);
};

export default checkVrf;
