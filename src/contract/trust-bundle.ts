import type { IdentityRules } from '../identity/identity.ts';
import type { Requirement } from './requirements.ts';

/** Everything that a client pins and trusts about one log (`docs/spec.md#trust-bundle`). */
export interface TrustBundle {
  /** Version of this format. */
  readonly format: 1;
  /** Everything beyond the first version of the protocol that clients must understand, ascending. It only grows. */
  readonly requires?: readonly Requirement[];
  /** Rises by at least one with every change. */
  readonly sequence: number;
  /** The log's name. */
  readonly origin: string;
  /** The log's http or https URL, without a trailing slash. */
  readonly publicUrl?: string;
  /** Root certificates, PEM, one each. */
  readonly roots: readonly string[];
  /** Certificates of issuing CAs, PEM, one each. */
  readonly issuers: readonly string[];
  /** Base64 of the encoded KEYTRANS Configuration. */
  readonly keytransConfiguration: string;
  /**
   * Base64 of each earlier encoded Configuration of the log, with another auditor or none. Log entries may refer to
   * them.
   */
  readonly earlierConfigurations?: readonly string[];
  /** Keys of the audit log's checkpoints: C2SP vkeys. */
  readonly auditLogVkeys: readonly string[];
  /** A C2SP tlog-policy; `quorum none` if there are no witnesses. */
  readonly witnessPolicy: string;
  /** Time that a recovery must be visible before it takes effect, in ms. */
  readonly recoveryDelayMs: number;
  readonly identityRules: IdentityRules;
  /** Base64 of the raw Ed25519 key that signs the next bundle: 32 bytes, kept offline. */
  readonly bundleKey: string;
}

/** A signature on a bundle. */
export interface BundleSignature {
  /** Base64 of the raw Ed25519 public key. */
  readonly key: string;
  /** Base64 of 64 bytes, over "glasskey bundle v1" || 0x00 || canonical JSON of the bundle. */
  readonly signature: string;
}

/**
 * A bundle with its signatures: one by its own `bundleKey`. If that key replaced others, also one by each key that
 * clients may still have pinned.
 */
export interface SignedTrustBundle {
  readonly bundle: TrustBundle;
  readonly signatures: readonly BundleSignature[];
}
