/** The result of evaluating the VRF on one input. */
export interface VrfResult {
  /** The search key: VRF.Nh = 32 bytes. */
  readonly output: Uint8Array;
  /** The proof: VRF.Np bytes (80 for Ed25519, 81 for P-256). */
  readonly proof: Uint8Array;
}

/**
 * The port through which a server evaluates its VRF. All implementations give bit-identical results: noble in the core,
 * and native code (about ten times faster) in the server.
 */
export interface VrfProver {
  /** The VRF public key, as in `Configuration.vrf_public_key`. */
  readonly publicKey: Uint8Array;
  /**
   * Evaluates the VRF on each encoded `VrfInput` (KT §11.7), in order. A prover with a queue does not begin once the
   * signal is aborted: it rejects with `invalid-request`.
   */
  prove(inputs: readonly Uint8Array[], signal?: AbortSignal): Promise<readonly VrfResult[]>;
}
