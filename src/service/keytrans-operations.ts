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
import type { Prover } from './prover.ts';

/** Answers one kind of request: untrusted bytes in, encoded answer out. Throws what the prover throws. */
export type KeytransOperation = (request: Uint8Array) => Promise<Uint8Array>;

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
    search: async (bytes) => {
      const request = decode(searchRequestCodec, bytes);
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
    distinguished: operation(distinguishedRequestCodec, distinguishedResponseCodec(config), (request) =>
      prover.distinguished(request),
    ),
    credential: operation(credentialRequestCodec, credentialCodec(config), (request) => prover.credential(request)),
    credentialUpdate: operation(credentialUpdateRequestCodec, credentialUpdateCodec, (request) =>
      prover.credentialUpdate(request),
    ),
    standing: operation(standingRequestCodec, standingResponseCodec(config), (request) => prover.standing(request)),
  };
}

function operation<Request, Response>(
  requestCodec: Codec<Request>,
  responseCodec: Codec<Response>,
  answer: (request: Request) => Promise<Response>,
): KeytransOperation {
  return async (bytes) => encode(responseCodec, await answer(decode(requestCodec, bytes)));
}
