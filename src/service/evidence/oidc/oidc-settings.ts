import type { IdentityTemplate } from './identity-template.ts';

/** Signature algorithms of ID tokens that can be allowed: asymmetric ones, so that no public key is ever taken for a secret. */
export const OIDC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'EdDSA',
] as const;

/** Name of an algorithm (RFC 7518 §3.1, RFC 8037). */
export type OidcAlgorithm = (typeof OIDC_ALGORITHMS)[number];

/** Those that are allowed where nothing is configured. */
export const DEFAULT_OIDC_ALGORITHMS: readonly OidcAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

/** An OpenID provider whose word is taken. */
export interface OidcIssuerSettings {
  /** Its issuer URL, to be met byte for byte: never a pattern. */
  readonly issuer: string;
  /** Whom tokens must be meant for: one of these. */
  readonly audiences: readonly string[];
  /** Which identity the claims of a token are. */
  readonly identity: IdentityTemplate;
  readonly algorithms: readonly OidcAlgorithm[];
  /** How far the provider's clock may differ from ours, ms. */
  readonly clockSkewMs: number;
  /** How old a token may be, whatever its own expiry says, ms. */
  readonly maxAgeMs: number;
  /** Where its keys are; undefined: where its discovery document says. */
  readonly jwksUri: string | undefined;
}
