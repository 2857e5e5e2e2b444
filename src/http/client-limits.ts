import type { Context } from 'hono';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { LookupSettings } from '../service/prover/lookup-policy.ts';
import { type BudgetOptions, RequestBudget } from '../service/request-budget.ts';
import { clientKey, plainAddress, remoteAddress } from './remote-address.ts';

/** Bounds on what one client may ask of the issuance pipeline; undefined: none. */
export interface ClientLimitSettings {
  /** Requests from one address without a valid application token. */
  readonly perClient: BudgetOptions | undefined;
  /** Requests with one application token. */
  readonly perApplication: BudgetOptions | undefined;
  /** Labels that one client may ask about: one address, or one bearer of a lookup token. */
  readonly perAsker?: BudgetOptions | undefined;
  /** Who may ask for whom. Default: everybody for everybody. */
  readonly lookups?: LookupSettings | undefined;
  /** Proxies whose `X-Forwarded-For` is believed, by their addresses. */
  readonly trustedProxies: readonly string[];
}

/** No bounds. */
export const NO_CLIENT_LIMITS: ClientLimitSettings = {
  perClient: undefined,
  perApplication: undefined,
  trustedProxies: [],
};

/** Who bears a token. Throws `unauthenticated`. */
export type IdentifyToken = (token: string) => Promise<{ readonly id: number }>;

/** Counts requests to issue, revoke and prove, for each client. */
export class ClientLimits {
  readonly #read: () => ClientLimitSettings;
  readonly #now: () => number;
  #settings: ClientLimitSettings | undefined;
  #clients: RequestBudget | undefined;
  #applications: RequestBudget | undefined;
  #trustedProxies: ReadonlySet<string> = new Set();
  readonly #identify: IdentifyToken;
  readonly #addressOf: (c: Context) => string;

  /** `now` in ms; `addressOf` gives the address at the other end of the connection. Settings that are read may change: counts begin anew. */
  constructor(
    settings: ClientLimitSettings | (() => ClientLimitSettings),
    identify: IdentifyToken,
    now: () => number,
    addressOf: (c: Context) => string = remoteAddress,
  ) {
    this.#read = typeof settings === 'function' ? settings : () => settings;
    this.#now = now;
    this.#identify = identify;
    this.#addressOf = addressOf;
  }

  /**
   * Counts a request of its application where it bears a valid token, else of its address: tokens that are guessed cost
   * their client. Throws `rate-limited`, and `unauthenticated` for a token that is not valid.
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

  /** The settings as they are now. */
  get settings(): ClientLimitSettings {
    this.#refresh();
    return this.#settings ?? NO_CLIENT_LIMITS;
  }

  /** Names the client of a request by its address. */
  clientOf(c: Context): string {
    this.#refresh();
    return clientKey(this.#client(c));
  }

  #refresh(): void {
    const settings = this.#read();
    if (settings === this.#settings) return;
    this.#settings = settings;
    const { perClient, perApplication, trustedProxies } = settings;
    this.#clients = perClient && new RequestBudget(perClient, this.#now);
    this.#applications = perApplication && new RequestBudget(perApplication, this.#now);
    this.#trustedProxies = new Set(trustedProxies);
  }

  #takeOfClient(c: Context): void {
    take(this.#clients, clientKey(this.#client(c)));
  }

  /** The nearest address that is no trusted proxy: what stands before it in the header, anybody can have written. */
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

/** Takes one request of a key out of its budget, if there is one. Throws `rate-limited`. */
export function take(budget: RequestBudget | undefined, key: string): void {
  if (budget === undefined || budget.take(key)) return;
  const retryAfterSeconds = Math.max(budget.waitSeconds(key), 1);
  throw new GlasskeyError('rate-limited', 'too many requests: try again later', { retryAfterSeconds });
}
