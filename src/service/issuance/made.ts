/** A version that a request made, in the log, and the certificate that it brought. */
export interface Made {
  readonly version: number;
  readonly position: number;
  /** The certificate signed for it, DER; undefined for a revocation. */
  readonly certificate: Uint8Array | undefined;
  /** Serial of the certificate, lower-case hex. */
  readonly serial: string | undefined;
}

/** The standing of a recovery before it is proved to the client. */
export type SettledRecovery =
  | { readonly state: 'pending'; readonly version: number; readonly position: number; readonly effectiveMs: number }
  | { readonly state: 'undecided' }
  | ({ readonly state: 'effective' } & Made);
