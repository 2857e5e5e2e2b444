import { type Codec, decode, encode } from '../core/encoding/codec.ts';
import type { Configuration } from '../core/keytrans/configuration.ts';
import { contactMonitorRequestCodec, contactMonitorResponseCodec } from '../core/keytrans/contact-monitor-messages.ts';
import {
  credentialCodec,
  credentialRequestCodec,
  credentialUpdateCodec,
  credentialUpdateRequestCodec,
} from '../core/keytrans/credential.ts';
import { distinguishedRequestCodec, distinguishedResponseCodec } from '../core/keytrans/distinguished-messages.ts';
import {
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  lookupResponseCodec,
  searchRequestCodec,
  searchResponseCodec,
} from '../core/keytrans/messages.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../core/keytrans/owner-init-messages.ts';
import { ownerMonitorRequestCodec, ownerMonitorResponseCodec } from '../core/keytrans/owner-monitor-messages.ts';
import { standingRequestCodec, standingResponseCodec } from '../core/keytrans/standing-messages.ts';
import { updateRequestCodec, updateResponsesCodec } from '../core/keytrans/update-messages.ts';
import type { Prover } from './prover/prover.ts';

/** Throws unless whoever asks may be told of a label (untrusted): it is asked before anything is looked up. */
export type AssertMayAsk = (label: Uint8Array) => void;

/**
 * Answers one kind of request: untrusted bytes in, encoded answer out. Throws what `mayAsk` (default: everybody may ask for
 * everybody) and the prover throw.
 */
export type KeytransOperation = (request: Uint8Array, mayAsk?: AssertMayAsk) => Promise<Uint8Array>;

/** Every operation of `/keytrans/v1/` (DESIGN §15), by its name in the contract's paths. */
export type KeytransOperations = Readonly<
  Record<
    | 'search'
    | 'lookup'
    | 'chain'
    | 'contactMonitor'
    | 'ownerInit'
    | 'ownerMonitor'
    | 'update'
    | 'distinguished'
    | 'credential'
    | 'credentialUpdate'
    | 'standing',
    KeytransOperation
  >
>;

/** The operations of a log with this Configuration. */
export function keytransOperations(prover: Prover, config: Configuration): KeytransOperations {
  return {
    search: async (bytes, mayAsk) => {
      const request = decode(searchRequestCodec, bytes);
      mayAsk?.(request.label);
      return encode(searchResponseCodec(config, request), await prover.search(request));
    },
    lookup: operation(lookupRequestCodec, lookupResponseCodec(config), (request) => prover.lookup(request)),
    chain: operation(chainRequestCodec, chainResponseCodec(config), (request) => prover.chain(request)),
    contactMonitor: operation(contactMonitorRequestCodec, contactMonitorResponseCodec(config), (request) =>
      prover.contactMonitor(request),
    ),
    ownerInit: operation(ownerInitRequestCodec, ownerInitResponseCodec(config), (request) => prover.ownerInit(request)),
    ownerMonitor: operation(ownerMonitorRequestCodec, ownerMonitorResponseCodec(config), (request) =>
      prover.ownerMonitor(request),
    ),
    update: operation(updateRequestCodec, updateResponsesCodec(config), (request) => prover.update(request)),
    // About no label.
    distinguished: async (bytes) =>
      encode(distinguishedResponseCodec(config), await prover.distinguished(decode(distinguishedRequestCodec, bytes))),
    credential: operation(credentialRequestCodec, credentialCodec(config), (request) => prover.credential(request)),
    credentialUpdate: operation(credentialUpdateRequestCodec, credentialUpdateCodec, (request) =>
      prover.credentialUpdate(request),
    ),
    standing: operation(standingRequestCodec, standingResponseCodec(config), (request) => prover.standing(request)),
  };
}

function operation<Request extends { readonly label: Uint8Array }, Response>(
  requestCodec: Codec<Request>,
  responseCodec: Codec<Response>,
  answer: (request: Request) => Promise<Response>,
): KeytransOperation {
  return async (bytes, mayAsk) => {
    const request = decode(requestCodec, bytes);
    mayAsk?.(request.label);
    return encode(responseCodec, await answer(request));
  };
}
