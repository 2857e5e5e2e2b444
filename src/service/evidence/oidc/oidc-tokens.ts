import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { equalBytes } from '../../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../../core/errors.ts';
import type { Evidence } from '../../../identity/evidence.ts';
import type { Identity, IdentityRules } from '../../../identity/identity.ts';
import type { Fetch } from '../../../core/net/bounded-fetch.ts';
import type { Observer } from '../../service-event.ts';
import { claimedIdentity } from './identity-template.ts';
import { IssuerKeys } from './issuer-keys.ts';
import type { OidcIssuerSettings } from './oidc-settings.ts';

/** The longest ID token, in characters: checked before anything is split, decoded or allocated. */
const MAX_TOKEN = 16 * 1024;
/** Exactly three base64url parts, so that a text of a million dots is refused cheaply. */
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** The request that a token must match. */
export interface ExpectedToken {
  /** SHA-256 of the SPKI in the CSR. The token's nonce is its base64url. */
  readonly spkiSha256: Uint8Array;
  /** The identity to vouch for. */
  readonly identity: Identity;
}

interface KnownIssuer {
  readonly settings: OidcIssuerSettings;
  readonly keys: IssuerKeys;
}

/** Verifies ID tokens of the configured OpenID providers (OpenID Connect Core §3.1.3.7). */
export class OidcTokens {
  readonly #issuers: ReadonlyMap<string, KnownIssuer>;
  readonly #rules: IdentityRules;
  readonly #now: () => number;

  /** `now` in ms. */
  constructor(
    issuers: readonly OidcIssuerSettings[],
    rules: IdentityRules,
    fetch: Fetch,
    now: () => number,
    observe: Observer = () => undefined,
  ) {
    this.#issuers = new Map(
      issuers.map((settings) => [settings.issuer, { settings, keys: new IssuerKeys(settings, fetch, now, observe) }]),
    );
    this.#rules = rules;
    this.#now = now;
  }

  /**
   * Verifies an untrusted ID token and returns it as evidence. The token must name a configured issuer byte for byte,
   * this server as audience, and the identity. It must be current, signed with an allowed algorithm, and carry the
   * nonce of the key in this CSR. Throws `token-refused`, `forbidden` for the token of another identity,
   * `issuer-unavailable`.
   */
  async verify(token: string, { spkiSha256, identity }: ExpectedToken): Promise<Evidence> {
    ensure(token.length <= MAX_TOKEN && SHAPE.test(token), 'token-refused', 'not an ID token');
    const { settings, keys } = this.#issuerOf(token);
    const claims = await this.#verifySignature(token, settings, keys);
    const nonce = Buffer.from(spkiSha256).toString('base64url');
    ensure(claims['nonce'] === nonce, 'token-refused', 'the nonce of the token does not match the key in the request');
    assertAuthorizedParty(claims, settings);
    const found = claimedIdentity(settings.identity, claims, this.#rules);
    ensure(equalBytes(found.label, identity.label), 'forbidden', 'the token belongs to another identity');
    return { type: 'oidc', issuer: settings.issuer };
  }

  /** Returns the configured issuer that an unverified token names. Throws `token-refused` for any other issuer. */
  #issuerOf(token: string): KnownIssuer {
    const { iss } = understand(() => decodeJwt(token));
    const issuer = typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
    ensure(issuer !== undefined, 'token-refused', 'the issuer of the token is not configured');
    return issuer;
  }

  async #verifySignature(token: string, settings: OidcIssuerSettings, keys: IssuerKeys): Promise<JWTPayload> {
    const { typ, alg } = understand(() => decodeProtectedHeader(token));
    // An access token or a logout token of the same provider is no ID token.
    const isIdToken = typ === undefined || typ.toUpperCase() === 'JWT';
    ensure(isIdToken, 'token-refused', 'the token is not an ID token by its type');
    const isAllowed = settings.algorithms.some((allowed) => allowed === alg);
    ensure(isAllowed, 'token-refused', 'the token is signed with an algorithm that is not allowed');
    try {
      const { payload } = await jwtVerify(token, keys.get, {
        algorithms: [...settings.algorithms],
        issuer: settings.issuer,
        audience: [...settings.audiences],
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: settings.clockSkewMs / 1000,
        maxTokenAge: settings.maxAgeMs / 1000,
        currentDate: new Date(this.#now()),
      });
      return payload;
    } catch (error) {
      throw refusal(error);
    }
  }
}

/** Throws `token-refused` for a token issued to another client (OpenID Connect Core §3.1.3.7, steps 4 and 5). */
function assertAuthorizedParty(claims: JWTPayload, { audiences }: OidcIssuerSettings): void {
  const { aud } = claims;
  const azp: unknown = claims['azp'];
  const isOurs = typeof azp === 'string' && audiences.includes(azp);
  const isPlain = azp === undefined && !(Array.isArray(aud) && aud.length > 1);
  ensure(isOurs || isPlain, 'token-refused', 'the token was issued to another client');
}

function understand<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw refusal(error);
  }
}

/** Describes what is wrong with a token, without repeating any of its content. */
function refusal(error: unknown): unknown {
  if (isGlasskeyError(error)) return error;
  const refused = (what: string) => new GlasskeyError('token-refused', what, { cause: error });
  if (error instanceof errors.JWTExpired) return refused('the token has expired or is too old');
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`the claim ${error.claim} of the token is not the expected one`);
  if (error instanceof errors.JWKSNoMatchingKey) return refused('the provider has no key with that id');
  if (error instanceof errors.JWSSignatureVerificationFailed) return refused('the signature of the token is invalid');
  // Any other error of the parser or the platform's cryptography on untrusted bytes.
  return refused('not an ID token');
}
