import type { Context } from 'hono';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { LookupSettings } from '../service/prover/lookup-policy.ts';
import type { BudgetExchange } from '../service/budget-exchange.ts';
import { sharedBudget, type TokenBucketOptions, TokenBuckets } from '../service/token-buckets.ts';
import { clientKey, plainAddress, remoteAddress } from './remote-address.ts';
import { TrustedProxies } from './trusted-proxies.ts';

/** Limits on one client's requests; undefined: none. */
export interface RateLimitSettings {
  /** Requests from one address without a valid application token. */
  readonly perClient: TokenBucketOptions | undefined;
  /** Requests with one application token. */
  readonly perApplication: TokenBucketOptions | undefined;
  /** Labels that one asker may look up. An asker is an address, or the bearer of a lookup token. */
  readonly perAsker?: TokenBucketOptions | undefined;
  /** Names that only bearers of a lookup token may look up. Default: none. */
  readonly lookups?: LookupSettings | undefined;
  /** Addresses and networks of the proxies whose `X-Forwarded-For` the server believes. */
  readonly trustedProxies: readonly string[];
}

/** No limits. */
export const NO_RATE_LIMITS: RateLimitSettings = {
  perClient: undefined,
  perApplication: undefined,
  trustedProxies: [],
};

/** Finds the application that a token belongs to. Throws `unauthenticated`. */
export type IdentifyToken = (token: string) => Promise<{ readonly id: number }>;

/** Token buckets for requests to issue, revoke and prove: one for each client. */
export class RateLimits {
  readonly #read: () => RateLimitSettings;
  readonly #now: () => number;
  #settings: RateLimitSettings | undefined;
  #clients: TokenBuckets | undefined;
  #applications: TokenBuckets | undefined;
  #trustedProxies = new TrustedProxies([]);
  readonly #identify: IdentifyToken;
  readonly #addressOf: (c: Context) => string;
  /** Shares the buckets with other processes of this server; undefined if there are none. */
  readonly exchange: BudgetExchange | undefined;

  /** `now` in ms; `addressOf` returns the peer's address. If the settings change, the buckets are full again. */
  constructor(
    settings: RateLimitSettings | (() => RateLimitSettings),
    identify: IdentifyToken,
    now: () => number,
    addressOf: (c: Context) => string = remoteAddress,
    exchange?: BudgetExchange,
  ) {
    this.exchange = exchange;
    this.#read = typeof settings === 'function' ? settings : () => settings;
    this.#now = now;
    this.#identify = identify;
    this.#addressOf = addressOf;
  }

  /**
   * Counts a request against its application if it bears a valid token, else against its address: a guessed token costs
   * the client that guessed. Throws `rate-limited`, and `unauthenticated` for an invalid token.
   */
  async admit(c: Context, token: string | undefined): Promise<void> {
    this.#refresh();
    if (this.#clients === undefined && this.#applications === undefined) return;
    if (token === undefined) return this.#takeOfClient(c);
    const application = await this.#identify(token).catch((error: unknown) => {
      if (isGlasskeyError(error, 'unauthenticated')) this.#takeOfClient(c);
      throw error;
    });
    take(this.#applications, String(application.id));
  }

  /** Counts a request against an application that the caller has authenticated. Throws `rate-limited`. */
  admitApplication(id: number): void {
    this.#refresh();
    take(this.#applications, String(id));
  }

  /** The current settings. */
  get settings(): RateLimitSettings {
    this.#refresh();
    return this.#settings ?? NO_RATE_LIMITS;
  }

  /** Returns the key of a request's client, made of its address. */
  clientOf(c: Context): string {
    this.#refresh();
    return clientKey(this.#client(c));
  }

  #refresh(): void {
    const settings = this.#read();
    if (settings === this.#settings) return;
    this.#settings = settings;
    const { perClient, perApplication, trustedProxies } = settings;
    this.#clients = perClient && new TokenBuckets(perClient, this.#now, sharedBudget(this.exchange, 'client'));
    this.#applications =
      perApplication && new TokenBuckets(perApplication, this.#now, sharedBudget(this.exchange, 'application'));
    this.#trustedProxies = new TrustedProxies(trustedProxies);
  }

  #takeOfClient(c: Context): void {
    take(this.#clients, clientKey(this.#client(c)));
  }

  /** Returns the nearest address that is not a trusted proxy: a client can write whatever precedes it in the header. */
  #client(c: Context): string {
    const forwarded = (c.req.header('x-forwarded-for') ?? '').split(',').map((part) => part.trim());
    let address = plainAddress(this.#addressOf(c));
    while (this.#trustedProxies.has(address)) {
      const next = forwarded.pop();
      if (next === undefined || next === '') break;
      address = plainAddress(next);
    }
    return address;
  }
}

/** Takes one request from a key's token bucket, if there are buckets. Throws `rate-limited`. */
export function take(budget: TokenBuckets | undefined, key: string): void {
  if (budget === undefined || budget.take(key)) return;
  const retryAfterSeconds = Math.max(budget.waitSeconds(key), 1);
  throw new GlasskeyError('rate-limited', 'too many requests: try again later', { retryAfterSeconds });
}
