import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../src/core/crypto/cipher-suite.ts';
import { commit } from '../../src/core/crypto/commitment.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { proveVrf, vrfPublicKey } from '../../src/core/crypto/vrf-ed25519.ts';
import { p256VrfPublicKey, proveP256Vrf } from '../../src/core/crypto/vrf-p256.ts';
import type { VrfResult } from '../../src/core/crypto/vrf-prover.ts';
import { equalBytes } from '../../src/core/encoding/bytes.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { frontier } from '../../src/core/keytrans/implicit-search-tree.ts';
import type { UpdateValue } from '../../src/core/keytrans/messages.ts';
import type { EvidencePlan, PlannedLookup } from '../../src/core/keytrans/plan-evidence.ts';
import { assembleCombinedProof } from '../../src/core/keytrans/plan-proof.ts';
import type { CombinedTreeProof, PrefixLeaf, PrefixProof } from '../../src/core/keytrans/proofs.ts';
import {
  type AuditorTreeHead,
  encodeAuditorTreeHeadTbs,
  encodeTreeHeadTbs,
} from '../../src/core/keytrans/tree-head.ts';
import type { TreeView } from '../../src/core/keytrans/tree-view.ts';
import { encodeUpdateTbs } from '../../src/core/keytrans/update-signature.ts';
import { encodeVrfInput } from '../../src/core/keytrans/vrf-input.ts';
import { naiveProof, naiveRoot } from '../core/prefix/naive-prefix-tree.ts';
import { naiveNode, naiveRootOf } from './naive-log-tree.ts';

/** What one entry of a reference log is to hold. */
export interface ReferenceEntry {
  readonly timestampMs: number;
  /** Each gets one new version. */
  readonly labels: readonly string[];
  /** What the new version of a label opens to, where it is to be something of its own. */
  readonly values?: Readonly<Record<string, { readonly opening: Uint8Array; readonly value: Uint8Array }>>;
  /** How many version counters the operator of a label leaves out before its new version (KT §9.1). */
  readonly skipped?: Readonly<Record<string, number>>;
  /** Versions that a lying log takes out of its prefix tree again. */
  readonly removed?: readonly { readonly label: string; readonly version: number }[];
}

/** One version of a label. */
export interface ReferenceVersion {
  readonly position: number;
  readonly opening: Uint8Array;
  readonly update: UpdateValue;
  readonly commitment: Uint8Array;
}

/** How a reference log finds search keys. */
export type ReferenceVrf = (label: string, version: number) => VrfResult;

const SIGNING_KEY = new Uint8Array(32).fill(1);
const AUDITOR_KEY = new Uint8Array(32).fill(2);
const OPERATOR_KEY = new Uint8Array(32).fill(4);
const VRF_KEY = new Uint8Array(32).fill(3);

/** A VRF whose results are remembered from one test to the next. */
function remembering(prove: (secretKey: Uint8Array, input: Uint8Array) => VrfResult): ReferenceVrf {
  const results = new Map<string, VrfResult>();
  return (label, version) => {
    const name = `${version}:${label}`;
    const known = results.get(name) ?? prove(VRF_KEY, encodeVrfInput(labelBytes(label), version));
    results.set(name, known);
    return known;
  };
}

/** The VRF of {@link referenceConfiguration}. */
export const realVrf: ReferenceVrf = remembering(proveVrf);

/** The VRF of {@link p256Configuration}. */
export const p256Vrf: ReferenceVrf = remembering(proveP256Vrf);

/** Search keys without proofs, for tests that verify none. */
export const fakeVrf: ReferenceVrf = (label, version) => ({
  output: sha256(encodeVrfInput(labelBytes(label), version)),
  proof: new Uint8Array(80),
});

export function labelBytes(label: string): Uint8Array {
  return new TextEncoder().encode(label);
}

/** A log's Configuration; audited if `auditor` is given. */
export function referenceConfiguration(
  windowMs: number,
  auditor?: { readonly maxAuditorLagMs: number; readonly auditorStartPosition: number },
): Configuration {
  const common = {
    cipherSuite: KT_128_SHA256_ED25519,
    signaturePublicKey: ed25519.getPublicKey(SIGNING_KEY),
    vrfPublicKey: vrfPublicKey(VRF_KEY),
    maxAheadMs: 1000,
    maxBehindMs: 2000,
    reasonableMonitoringWindowMs: windowMs,
    maximumLifetimeMs: undefined,
  };
  if (auditor === undefined) return { ...common, mode: 'contactMonitoring' };
  const auditorPublicKey = ed25519.getPublicKey(AUDITOR_KEY);
  return { ...common, mode: 'thirdPartyAuditing', auditorPublicKey, ...auditor };
}

/** The same Configuration for a log of KT_128_SHA256_P256; it goes with {@link p256Vrf}. */
export function p256Configuration(config: Configuration): Configuration {
  const keyOf = (secretKey: Uint8Array): Uint8Array => p256.getPublicKey(secretKey, false);
  const common = {
    cipherSuite: KT_128_SHA256_P256,
    signaturePublicKey: keyOf(SIGNING_KEY),
    vrfPublicKey: p256VrfPublicKey(VRF_KEY),
  };
  switch (config.mode) {
    case 'contactMonitoring':
      return { ...config, ...common };
    case 'thirdPartyAuditing':
      return { ...config, ...common, auditorPublicKey: keyOf(AUDITOR_KEY) };
    case 'thirdPartyManagement':
      return { ...config, ...common, leafPublicKey: keyOf(OPERATOR_KEY) };
  }
}

/** The Configuration of a log that a third party manages, which expects updates signed with this secret key. */
export function managedConfiguration(windowMs: number, operatorKey: Uint8Array = OPERATOR_KEY): Configuration {
  const leafPublicKey = ed25519.getPublicKey(operatorKey);
  return { ...referenceConfiguration(windowMs), mode: 'thirdPartyManagement', leafPublicKey };
}

/**
 * A log straight from the definitions of KT §3, in memory and slow: what the algorithms' provers and verifiers are tried
 * on. Its prefix trees are lists of leaves, its log tree a list of entries.
 */
export class ReferenceLog {
  readonly config: Configuration;
  readonly timestamps: number[] = [];
  readonly prefixRoots: Uint8Array[] = [];
  readonly versions = new Map<string, ReferenceVersion[]>();
  readonly #vrf: ReferenceVrf;
  /** All leaves of the prefix tree of each entry. */
  readonly #leaves: PrefixLeaf[][] = [];

  constructor(config: Configuration, vrf: ReferenceVrf, entries: readonly ReferenceEntry[]) {
    this.config = config;
    this.#vrf = vrf;
    for (const entry of entries) this.append(entry);
  }

  get size(): number {
    return this.timestamps.length;
  }

  append({ timestampMs, labels, removed = [], values = {}, skipped = {} }: ReferenceEntry): void {
    const unused = Object.entries(skipped).flatMap(([label, count]) =>
      Array.from({ length: count }, () => this.#skipVersion(label)),
    );
    const added = [...unused, ...labels.map((label) => this.#addVersion(label, values[label]))];
    const gone = removed.map(({ label, version }) => this.#vrf(label, version).output);
    const leaves = [...(this.#leaves.at(-1) ?? []), ...added].filter(
      ({ vrfOutput }) => !gone.some((key) => equalBytes(key, vrfOutput)),
    );
    this.#leaves.push(leaves);
    this.timestamps.push(timestampMs);
    this.prefixRoots.push(naiveRoot(leaves));
  }

  #addVersion(label: string, given?: { readonly opening: Uint8Array; readonly value: Uint8Array }): PrefixLeaf {
    const versions = this.versions.get(label) ?? [];
    const version = versions.length;
    const opening = given?.opening ?? sha256(labelBytes(`opening ${label} ${version}`)).slice(0, 16);
    const value = given?.value ?? labelBytes(`value ${version} of ${label}`);
    const update = this.#updateValue(label, version, value);
    const commitment = commit({ opening, label: labelBytes(label), version, update });
    versions.push({ position: this.size, opening, update, commitment });
    this.versions.set(label, versions);
    return { vrfOutput: this.#vrf(label, version).output, commitment };
  }

  /** A version that nothing opens: its commitment is zeros. */
  #skipVersion(label: string): PrefixLeaf {
    const versions = this.versions.get(label) ?? [];
    const nothing = new Uint8Array(0);
    const commitment = new Uint8Array(32);
    const { output: vrfOutput } = this.#vrf(label, versions.length);
    const update = { value: nothing, signature: undefined };
    this.versions.set(label, [...versions, { position: this.size, opening: nothing, update, commitment }]);
    return { vrfOutput, commitment };
  }

  #updateValue(label: string, version: number, value: Uint8Array): UpdateValue {
    if (this.config.mode !== 'thirdPartyManagement') return { value, signature: undefined };
    const message = encodeUpdateTbs(this.config, labelBytes(label), version, value);
    return { value, signature: this.#sign(message, OPERATOR_KEY) };
  }

  #sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
    if (this.config.cipherSuite === KT_128_SHA256_P256) return p256.sign(message, secretKey, { lowS: false });
    return ed25519.sign(message, secretKey);
  }

  vrf(label: string, version: number): VrfResult {
    return this.#vrf(label, version);
  }

  /** The log entries below `size` that added each version of a label. */
  versionPositions(label: string, size = this.size): number[] {
    return (this.versions.get(label) ?? []).map(({ position }) => position).filter((position) => position < size);
  }

  logRoot(size = this.size): Uint8Array {
    return naiveRootOf(this.#entries(size));
  }

  #entries(size: number): { timestampMs: number; prefixRoot: Uint8Array }[] {
    return this.timestamps.slice(0, size).map((timestampMs, position) => {
      return { timestampMs, prefixRoot: this.prefixRoots[position]! };
    });
  }

  /** The proof that a plan asks for. */
  prove(plan: EvidencePlan, label: string): CombinedTreeProof {
    const entries = this.#entries(this.size);
    return assembleCombinedProof(plan, {
      prefixProofs: plan.lookups.map((lookup) => this.provePrefix(lookup, label)),
      prefixRoots: plan.prefixRootPositions.map((position) => this.prefixRoots[position]!),
      logNodes: plan.logNodes.map((node) => naiveNode(entries, node)),
    });
  }

  /** Lookups of versions of a label in the prefix tree of one entry. */
  provePrefix({ position, versions }: PlannedLookup, label: string): PrefixProof {
    const keys = versions.map((version) => this.#vrf(label, version).output);
    return naiveProof(this.#leaves[position]!, keys);
  }

  treeHead(size = this.size): { treeSize: number; signature: Uint8Array } {
    const message = encodeTreeHeadTbs(this.config, size, this.logRoot(size));
    return { treeSize: size, signature: this.#sign(message, SIGNING_KEY) };
  }

  auditorTreeHead(size: number): AuditorTreeHead {
    const head = { timestampMs: this.timestamps[size - 1]!, treeSize: size };
    const message = encodeAuditorTreeHeadTbs(this.config, head, this.logRoot(size));
    return { ...head, signature: this.#sign(message, AUDITOR_KEY) };
  }

  /** What a client retains of the log when it had `size` entries. */
  view(size: number, auditedSize?: number): TreeView {
    const entries = this.#entries(size);
    return {
      size,
      fullSubtrees: fullSubtreesByBits(size).map((node) => naiveNode(entries, node)),
      frontier: frontier(size).map((position) => Object.assign({ position }, entries[position]!)),
      treeHead: this.treeHead(size),
      auditorTreeHead: auditedSize === undefined ? undefined : this.auditorTreeHead(auditedSize),
    };
  }
}

/** The full subtrees of a tree: one for each bit of its size, largest first. */
function fullSubtreesByBits(size: number): { level: number; index: number }[] {
  const nodes: { level: number; index: number }[] = [];
  let start = 0;
  for (let level = 31; level >= 0; level--) {
    if (Math.floor(size / 2 ** level) % 2 === 0) continue;
    nodes.push({ level, index: start / 2 ** level });
    start += 2 ** level;
  }
  return nodes;
}
