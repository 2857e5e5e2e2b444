import { parseDeliveryAddress } from '../delivery/address.ts';
import type { DeliveryResult } from '../delivery/delivery-result.ts';
import { type TokenBucketOptions, TokenBuckets } from '../service/token-buckets.ts';
import { confirmNotice } from './mandate-notices.ts';
import type { TakenMandate } from './mandates.ts';
import { FEED, type NewSecret } from './subscribers.ts';
import { confirmWatched } from './upkeep.ts';
import type { WatchContext } from './watch-context.ts';

/** One address of a mandate, and its state. */
export interface AddressState {
  readonly address: string;
  /**
   * `confirmed`: it is told. `sent`: a code is under way to it. `failed`: the code could not be sent; send the mandate
   * again later. `refused`: no code will ever go there. `too-often`: it got as many codes as it may, for now.
   */
  readonly state: 'confirmed' | 'sent' | 'failed' | 'refused' | 'too-often';
  /** The URL of a new feed: a secret of its reader, shown once. */
  readonly feed?: string;
}

const perHour = (codes: number): TokenBucketOptions => ({ perSecond: codes / 3600, burst: codes });
/** Codes that one address gets: strangers must not be able to fill a mailbox. */
const CODES_PER_ADDRESS = perHour(5);
/** Codes that one address gets for one name: no other name takes all that the address gets. */
const CODES_PER_PAIR = perHour(3);
/** Codes that go out for one name, so that nobody floods others with addresses that do not exist. */
const CODES_PER_NAME = perHour(16);
/** Challenges that one webhook's host gets, whatever the paths. */
const CHALLENGES_PER_HOST = perHour(32);
/** Codes under way at a time for one mandate, and mandates: they leave the deliverer places for notices. */
const AT_A_TIME = 2;
const MANDATES_AT_A_TIME = 6;

/** Sends the addresses of mandates the codes that confirm them. */
export class Invitations {
  readonly #context: WatchContext;
  readonly #budgets: Readonly<Record<'address' | 'pair' | 'name' | 'host', TokenBuckets>>;
  /** Names whose codes are under way. */
  readonly #underWay = new Set<string>();

  constructor(context: WatchContext) {
    this.#context = context;
    const bucketsOf = (options: TokenBucketOptions): TokenBuckets => new TokenBuckets(options, context.now);
    this.#budgets = {
      address: bucketsOf(CODES_PER_ADDRESS),
      pair: bucketsOf(CODES_PER_PAIR),
      name: bucketsOf(CODES_PER_NAME),
      host: bucketsOf(CHALLENGES_PER_HOST),
    };
  }

  /**
   * Sends each new address its code, and returns the state of every address. A webhook that answers with the code is
   * confirmed at once. Throws `storage-failed`.
   */
  async send({ name, secrets }: TakenMandate): Promise<readonly AddressState[]> {
    const named = name.subscribers.filter(({ untilMs }) => untilMs === undefined);
    const states = await this.#inviteAll(
      name.identity,
      secrets.filter(({ address }) => address !== FEED),
    );
    return named.map(({ id, address }): AddressState => {
      if (address === FEED) return this.#feedOf(secrets.find(({ subscriber }) => subscriber === id));
      return { address, state: states.get(id) ?? 'confirmed' };
    });
  }

  /** Sends a mandate's codes, a few at a time. Returns the state of each subscriber. */
  async #inviteAll(
    identity: string,
    secrets: readonly NewSecret[],
  ): Promise<ReadonlyMap<string, AddressState['state']>> {
    const states = new Map<string, AddressState['state']>();
    if (this.#underWay.has(identity) || this.#underWay.size >= MANDATES_AT_A_TIME) {
      for (const { subscriber } of secrets) states.set(subscriber, 'failed');
      return states;
    }
    this.#underWay.add(identity);
    try {
      const left = [...secrets];
      const work = async (): Promise<void> => {
        for (let one = left.shift(); one !== undefined; one = left.shift()) {
          states.set(one.subscriber, await this.#invite(identity, one));
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, work));
      return states;
    } finally {
      this.#underWay.delete(identity);
    }
  }

  #feedOf(secret: NewSecret | undefined): AddressState {
    const known: AddressState = { address: FEED, state: 'confirmed' };
    return secret === undefined ? known : { ...known, feed: `${this.#context.url}/feed/${secret.secret}` };
  }

  async #invite(identity: string, { address, secret }: NewSecret): Promise<AddressState['state']> {
    const { deliverer, url } = this.#context;
    const to = parseDeliveryAddress(address);
    const { name, pair, address: all, host } = this.#budgets;
    const isPaid = name.take(identity) && pair.take(JSON.stringify([identity, address])) && all.take(address);
    if (!isPaid || (to.kind === 'webhook' && !host.take(new URL(to.url).host))) return 'too-often';
    const notice = confirmNotice(identity, url, secret);
    if (to.kind !== 'webhook') return stateOf(await deliverer.deliver(to, notice), 'sent');
    const result = await deliverer.challenge(to.url, notice, { echo: secret });
    if (result.outcome === 'sent') await confirmWatched(this.#context, secret);
    return stateOf(result, 'confirmed');
  }
}

function stateOf({ outcome }: DeliveryResult, fine: 'sent' | 'confirmed'): AddressState['state'] {
  if (outcome === 'sent') return fine;
  return outcome === 'retry' ? 'failed' : 'refused';
}
