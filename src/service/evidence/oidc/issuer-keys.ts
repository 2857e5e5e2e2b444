import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { ensure, GlasskeyError } from '../../../core/errors.ts';
import { boundedFetch, type Fetch } from '../../../core/net/bounded-fetch.ts';
import type { Observer } from '../../service-event.ts';
import type { OidcIssuerSettings } from './oidc-settings.ts';

/** The age at which cached keys are fetched again, ms, so that a withdrawn key is soon refused. */
const FRESH_MS = 600_000;
/** The age up to which cached keys are used while the provider is unreachable, ms. */
const STALE_MS = 3_600_000;
/** The least time between two fetches, ms. Unknown key ids do not shorten it, because anybody can send them. */
const COOLDOWN_MS = 30_000;
const BOUNDS = { timeoutMs: 5_000, maxBytes: 256 * 1024, name: 'the identity provider' };
const MAX_KEYS = 64;

interface CachedKeys {
  readonly get: JWTVerifyGetKey;
  readonly readMs: number;
}

/**
 * Caches the public keys of one OpenID provider. They come only from the configured issuer or from the URL in its
 * discovery document. Nothing in a token (`iss`, `jku`, `x5u`) chooses where to fetch.
 */
export class IssuerKeys {
  readonly #settings: Pick<OidcIssuerSettings, 'issuer' | 'jwksUri'>;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  readonly #observe: Observer;
  #cached: CachedKeys | undefined;
  #askedMs = -Infinity;
  #asking: Promise<CachedKeys> | undefined;

  /** `now` in ms. */
  constructor(
    settings: Pick<OidcIssuerSettings, 'issuer' | 'jwksUri'>,
    fetch: Fetch,
    now: () => number,
    observe: Observer = () => undefined,
  ) {
    this.#settings = settings;
    this.#fetch = fetch;
    this.#now = now;
    this.#observe = observe;
  }

  /**
   * Finds the key that an untrusted header names. An unknown key triggers a new fetch, because the provider may have
   * rotated its keys. Throws `issuer-unavailable` if the provider does not answer, and jose's error if it has no such
   * key.
   */
  readonly get: JWTVerifyGetKey = async (header, token) => {
    const known = await this.#current();
    try {
      return await known.get(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const newer = await this.#newerThan(known);
      if (newer === undefined) throw error;
      return newer.get(header, token);
    }
  };

  async #current(): Promise<CachedKeys> {
    const cached = this.#cached;
    const ageMs = cached === undefined ? Infinity : this.#now() - cached.readMs;
    if (cached !== undefined && ageMs >= 0 && ageMs < FRESH_MS) return cached;
    try {
      return await this.#ask();
    } catch (error) {
      if (cached !== undefined && ageMs < STALE_MS) return cached;
      throw error;
    }
  }

  /** Returns keys fetched after `known`; undefined during the cooldown or if the provider does not answer. */
  async #newerThan(known: CachedKeys): Promise<CachedKeys | undefined> {
    if (this.#cached !== undefined && this.#cached !== known) return this.#cached;
    return this.#ask().catch(() => undefined);
  }

  #ask(): Promise<CachedKeys> {
    if (this.#asking !== undefined) return this.#asking;
    const waitMs = this.#askedMs + COOLDOWN_MS - this.#now();
    // A clock that jumped far back must not block fetches for ever.
    if (waitMs > 0 && waitMs <= COOLDOWN_MS) return Promise.reject(unavailable(undefined, Math.ceil(waitMs / 1000)));
    this.#askedMs = this.#now();
    const asking = this.#read()
      .then((keys) => {
        this.#cached = { get: createLocalJWKSet(keys), readMs: this.#now() };
        this.#ended(undefined);
        return this.#cached;
      })
      .catch((cause: unknown) => {
        this.#ended(cause);
        throw unavailable(cause, COOLDOWN_MS / 1000);
      })
      .finally(() => (this.#asking = undefined));
    this.#asking = asking;
    return asking;
  }

  #ended(error: unknown): void {
    this.#observe({ type: 'asked', server: `OpenID provider ${this.#settings.issuer}`, error });
  }

  async #read(): Promise<JSONWebKeySet> {
    const { jwksUri, issuer } = this.#settings;
    const document = await this.#getJson(jwksUri ?? (await this.#discover(issuer)));
    const keys: unknown = document['keys'];
    const isList = Array.isArray(keys) && keys.length <= MAX_KEYS;
    ensure(isList, 'bad-response', `the provider did not answer with a list of at most ${MAX_KEYS} keys`);
    return { keys: keys.filter(isVerificationKey) };
  }

  /** Returns the key URL (OpenID Connect Discovery §4). The document must name the configured issuer. */
  async #discover(issuer: string): Promise<string> {
    const document = await this.#getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    ensure(document['issuer'] === issuer, 'bad-response', 'the discovery document names another issuer');
    const uri: unknown = document['jwks_uri'];
    const isUrl = typeof uri === 'string' && URL.canParse(uri);
    // Plain http is only for a provider that is configured with an http URL, on this machine.
    const isSafe = isUrl && (uri.startsWith('https://') || new URL(uri).origin === new URL(issuer).origin);
    ensure(isSafe, 'bad-response', 'the discovery document names no https URL for its keys');
    return uri;
  }

  async #getJson(url: string): Promise<Readonly<Record<string, unknown>>> {
    const headers = { accept: 'application/json' };
    const { status, body } = await boundedFetch(this.#fetch, url, { headers }, BOUNDS);
    ensure(status === 200, 'bad-response', `the provider answered ${status}`);
    const document: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
    ensure(isObject, 'bad-response', 'the provider did not answer with a JSON object');
    return document as Record<string, unknown>;
  }
}

/** Returns true if a member of a JWKS can verify signatures. A symmetric key never can, whatever its `use` says. */
function isVerificationKey(key: unknown): boolean {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, use } = key as { readonly kty?: unknown; readonly use?: unknown };
  return (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && (use === undefined || use === 'sig');
}

function unavailable(cause: unknown, retryAfterSeconds: number): GlasskeyError {
  const message = 'could not fetch the keys of the identity provider';
  return new GlasskeyError('issuer-unavailable', message, { cause, retryAfterSeconds });
}
