import { parseDeliveryAddress } from '../delivery/address.ts';
import type { DeliveryResult } from '../delivery/delivery-result.ts';
import { TokenBuckets } from '../service/token-buckets.ts';
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

/** Codes that one address gets: strangers must not be able to fill a mailbox. */
const CODES_PER_ADDRESS = { perSecond: 5 / 3600, burst: 5 };

/** Sends the addresses of mandates the codes that confirm them. */
export class Invitations {
  readonly #context: WatchContext;
  readonly #budget: TokenBuckets;

  constructor(context: WatchContext) {
    this.#context = context;
    this.#budget = new TokenBuckets(CODES_PER_ADDRESS, context.now);
  }

  /**
   * Sends each new address its code, and returns the state of every address. A webhook that answers with the code is
   * confirmed at once. Throws `storage-failed`.
   */
  async send({ name, secrets }: TakenMandate): Promise<readonly AddressState[]> {
    const named = name.subscribers.filter(({ untilMs }) => untilMs === undefined);
    return Promise.all(
      named.map(async ({ id, address, confirmed }): Promise<AddressState> => {
        const secret = secrets.find(({ subscriber }) => subscriber === id);
        if (address === FEED) return this.#feedOf(secret);
        if (secret === undefined) return { address, state: confirmed ? 'confirmed' : 'sent' };
        return { address, state: await this.#invite(name.identity, secret) };
      }),
    );
  }

  #feedOf(secret: NewSecret | undefined): AddressState {
    const known: AddressState = { address: FEED, state: 'confirmed' };
    return secret === undefined ? known : { ...known, feed: `${this.#context.url}/feed/${secret.secret}` };
  }

  async #invite(identity: string, { address, secret }: NewSecret): Promise<AddressState['state']> {
    if (!this.#budget.take(address)) return 'too-often';
    const { deliverer, url } = this.#context;
    const to = parseDeliveryAddress(address);
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
