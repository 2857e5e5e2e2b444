import type { IdentityRules } from '../identity/identity.ts';

/** The one thing that a client pins: whom and what it trusts about one log (DESIGN §2). */
export interface TrustBundle {
  /** Version of this format. */
  readonly format: 1;
  /** Rises by at least one with every change. */
  readonly sequence: number;
  /** The log's name. */
  readonly origin: string;
  /** Where the log is served: an http or https URL without a trailing slash. */
  readonly publicUrl?: string;
  /** Root certificates, PEM, one each. */
  readonly roots: readonly string[];
  /** Certificates of issuing CAs, PEM, one each. */
  readonly issuers: readonly string[];
  /** Base64 of the encoded KEYTRANS Configuration. */
  readonly keytransConfiguration: string;
  /** Base64 of each encoded Configuration that the log had before, with another auditor or none; entries may name them. */
  readonly earlierConfigurations?: readonly string[];
  /** Keys of the audit log's checkpoints: C2SP vkeys. */
  readonly auditLogVkeys: readonly string[];
  /** A C2SP tlog-policy; `quorum none` where there are no witnesses. */
  readonly witnessPolicy: string;
  /** How long a recovery must have been visible before it takes effect, in ms. */
  readonly recoveryDelayMs: number;
  readonly identityRules: IdentityRules;
  /** Base64 of the raw Ed25519 key that signs the next bundle: 32 bytes, kept offline. */
  readonly bundleKey: string;
}

/** A signature under a bundle. */
export interface BundleSignature {
  /** Base64 of the raw Ed25519 public key. */
  readonly key: string;
  /** Base64 of 64 bytes, over "glasskey bundle v1" || 0x00 || canonical JSON of the bundle. */
  readonly signature: string;
}

/**
 * A bundle with its signatures: one by its own `bundleKey`, and where that key replaces another, one by each key that
 * clients may still have pinned.
 */
export interface SignedTrustBundle {
  readonly bundle: TrustBundle;
  readonly signatures: readonly BundleSignature[];
}
