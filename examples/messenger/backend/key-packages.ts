import { LIMITS } from '../shared/protocol.ts';
import { allow } from './refusal.ts';
import { TokenBuckets } from './token-buckets.ts';

/** KeyPackages of a device (RFC 9420 §10), base64. */
interface Stock {
  readonly once: string[];
  lastResort: string | undefined;
}

/** KeyPackages to put into a stock. */
export interface KeyPackageUpload {
  readonly once: readonly string[];
  readonly lastResort?: string | undefined;
}

/**
 * Keeps KeyPackages of devices, so that others can add them while they sleep. Each is given once. Who asks too often
 * gets the last-resort one instead (RFC 9420 §16.8), as does everybody once the stock is empty. So a stranger costs a
 * device a few KeyPackages an hour, and never makes it unreachable.
 */
export class KeyPackages {
  readonly #stocks = new Map<string, Stock>();
  /** For each requester and device. */
  readonly #perPair: TokenBuckets;
  /** For each requester. */
  readonly #perRequester: TokenBuckets;

  constructor(now: () => number = Date.now) {
    this.#perPair = new TokenBuckets({ burst: 3, perMinute: 3 / 60, now });
    this.#perRequester = new TokenBuckets({ burst: 200, perMinute: 60, now });
  }

  /** Adds KeyPackages of a device, and returns how many are kept. What is too much is left out. */
  add(device: string, { once, lastResort }: KeyPackageUpload): number {
    const stock = this.#stocks.get(device) ?? { once: [], lastResort: undefined };
    stock.once.push(...once.slice(0, LIMITS.keyPackages - stock.once.length));
    stock.lastResort = lastResort ?? stock.lastResort;
    this.#stocks.set(device, stock);
    return stock.once.length;
  }

  /** Forgets everything of a device: its key has changed, and KeyPackages of the old one are refused. */
  clear(device: string): void {
    this.#stocks.delete(device);
  }

  /** Returns how many KeyPackages a device has left. */
  left(device: string): number {
    return this.#stocks.get(device)?.once.length ?? 0;
  }

  /** Takes a KeyPackage of a device for an account. Refuses if there is none, or if the account asks too much. */
  take(device: string, account: string): string {
    allow(this.#perRequester.take(account), 429, 'too-many', 'You have asked for too many people. Wait a minute.');
    const stock = this.#stocks.get(device);
    const isOnce = stock !== undefined && stock.once.length > 0 && this.#perPair.take(`${account} ${device}`);
    const taken = isOnce ? stock.once.shift() : stock?.lastResort;
    allow(taken !== undefined, 404, 'no-key-package', 'This device cannot be added now.');
    return taken;
  }
}
