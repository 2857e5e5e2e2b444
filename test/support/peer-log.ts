import { p256 } from '@noble/curves/nist.js';
import { KT_128_SHA256_P256 } from '../../src/core/crypto/cipher-suite.ts';
import type { VrfResult } from '../../src/core/crypto/vrf-prover.ts';
import { p256VrfPublicKey, proveP256Vrf } from '../../src/core/crypto/vrf-p256.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { encodeTreeHeadTbs } from '../../src/core/keytrans/tree-head.ts';
import { encodeVrfInput } from '../../src/core/keytrans/vrf-input.ts';
import { labelBytes, realVrf, type ReferenceEntry, ReferenceLog, referenceConfiguration } from './reference-log.ts';

/** The cipher suites that a peer is shown logs of (KT §17.1). */
export type PeerSuite = 'ed25519' | 'p256';

const P256_SIGNING_KEY = new Uint8Array(32).fill(5);
const P256_VRF_KEY = new Uint8Array(32).fill(6);
const results = new Map<string, VrfResult>();

function p256Vrf(label: string, version: number): VrfResult {
  const name = `${version}:${label}`;
  const known = results.get(name) ?? proveP256Vrf(P256_VRF_KEY, encodeVrfInput(labelBytes(label), version));
  results.set(name, known);
  return known;
}

class P256ReferenceLog extends ReferenceLog {
  override treeHead(size = this.size): { treeSize: number; signature: Uint8Array } {
    const message = encodeTreeHeadTbs(this.config, size, this.logRoot(size));
    return { treeSize: size, signature: p256.sign(message, P256_SIGNING_KEY, { prehash: true, format: 'compact' }) };
  }
}

/** A reference log in contact monitoring, with real signatures and VRF proofs of its suite. */
export function peerLog(suite: PeerSuite, windowMs: number, entries: readonly ReferenceEntry[]): ReferenceLog {
  const ed25519 = referenceConfiguration(windowMs);
  if (suite === 'ed25519') return new ReferenceLog(ed25519, realVrf, entries);
  const config: Configuration = {
    ...ed25519,
    cipherSuite: KT_128_SHA256_P256,
    signaturePublicKey: p256.getPublicKey(P256_SIGNING_KEY, false),
    vrfPublicKey: p256VrfPublicKey(P256_VRF_KEY),
  };
  return new P256ReferenceLog(config, p256Vrf, entries);
}
