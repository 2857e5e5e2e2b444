import type { IdentityTemplate } from './identity-template.ts';

/** The signature algorithms that may be allowed: asymmetric ones, so that a public key is never used as a secret. */
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

/** The algorithms that are allowed by default. */
export const DEFAULT_OIDC_ALGORITHMS: readonly OidcAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

/** The settings of a trusted OpenID provider. */
export interface OidcIssuerSettings {
  /** The issuer URL. Tokens must name it byte for byte. */
  readonly issuer: string;
  /** The accepted audiences. */
  readonly audiences: readonly string[];
  /** The template that turns claims into an identity. */
  readonly identity: IdentityTemplate;
  readonly algorithms: readonly OidcAlgorithm[];
  /** The largest accepted difference between the provider's clock and ours, ms. */
  readonly clockSkewMs: number;
  /** The largest age of a token, ms, even if its own expiry is later. */
  readonly maxAgeMs: number;
  /** The URL of the provider's keys; undefined: the discovery document names it. */
  readonly jwksUri: string | undefined;
}
