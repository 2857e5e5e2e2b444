import { type Codec, decode, encode } from '../../core/encoding/codec.ts';
import type { Configuration } from '../../core/keytrans/configuration.ts';
import {
  contactMonitorRequestCodec,
  contactMonitorResponseCodec,
} from '../../core/keytrans/contact-monitor-messages.ts';
import {
  credentialCodec,
  credentialRequestCodec,
  credentialUpdateCodec,
  credentialUpdateRequestCodec,
} from '../../core/keytrans/credential.ts';
import { distinguishedRequestCodec, distinguishedResponseCodec } from '../../core/keytrans/distinguished-messages.ts';
import {
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  lookupResponseCodec,
  searchRequestCodec,
  searchResponseCodec,
} from '../../core/keytrans/messages.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../core/keytrans/owner-init-messages.ts';
import { ownerMonitorRequestCodec, ownerMonitorResponseCodec } from '../../core/keytrans/owner-monitor-messages.ts';
import { standingRequestCodec, standingResponseCodec } from '../../core/keytrans/standing-messages.ts';
import { updateRequestCodec, updateResponsesCodec } from '../../core/keytrans/update-messages.ts';
import { answerChain } from './chain.ts';
import { answerContactMonitor } from './contact-monitor.ts';
import { answerCredential, answerCredentialUpdate } from './credential.ts';
import { answerDistinguished } from './distinguished.ts';
import { answerLookup } from './lookup.ts';
import { answerOwnerInit } from './owner-init.ts';
import { answerOwnerMonitor } from './owner-monitor.ts';
import { answerAsker, type Asker, type ProverParts } from './prover-parts.ts';
import { answerSearch } from './search.ts';
import { answerStanding } from './standing.ts';
import { answerUpdate } from './update.ts';

/**
 * The operations of `POST /keytrans/v1/…` that take one question and give one answer, by their names in the contract's
 * paths: codecs, answer and OpenAPI texts. The prover, the routes and the OpenAPI document are made from this table.
 */
export const KEYTRANS_OPERATIONS = {
  search: aboutLabel({
    summary: 'Search for the greatest version of a label',
    takes: 'SearchRequest',
    gives: 'SearchResponse',
    request: searchRequestCodec,
    response: searchResponseCodec,
    answer: answerSearch,
  }),
  lookup: aboutLabel({
    summary: 'The same, or a proof of absence',
    takes: 'LookupRequest',
    gives: 'LookupResponse',
    request: lookupRequestCodec,
    response: lookupResponseCodec,
    answer: answerLookup,
  }),
  contactMonitor: aboutLabel({
    summary: 'Monitor versions of a label that the client was shown',
    takes: 'ContactMonitorRequest',
    gives: 'ContactMonitorResponse',
    request: contactMonitorRequestCodec,
    response: contactMonitorResponseCodec,
    answer: answerContactMonitor,
  }),
  ownerInit: aboutLabel({
    summary: 'Begin to own a label, from a distinguished log entry on',
    takes: 'OwnerInitRequest',
    gives: 'OwnerInitResponse',
    request: ownerInitRequestCodec,
    response: ownerInitResponseCodec,
    answer: answerOwnerInit,
  }),
  ownerMonitor: aboutLabel({
    summary: 'Monitor a label that the client owns',
    takes: 'OwnerMonitorRequest',
    gives: 'OwnerMonitorResponse',
    request: ownerMonitorRequestCodec,
    response: ownerMonitorResponseCodec,
    answer: answerOwnerMonitor,
  }),
  update: aboutLabel({
    summary: 'Show an owner the versions created since; values are refused',
    takes: 'UpdateRequest without values',
    gives: 'UpdateResponse responses<1..2^8-1>',
    request: updateRequestCodec,
    response: updateResponsesCodec,
    answer: answerUpdate,
  }),
  distinguished: aboutLog({
    summary: 'Walk the recent distinguished log entries',
    takes: 'DistinguishedRequest',
    gives: 'DistinguishedResponse',
    request: distinguishedRequestCodec,
    response: distinguishedResponseCodec,
    answer: answerDistinguished,
  }),
  credential: aboutLabel({
    summary: 'Make a credential of the greatest version of a label, to be sent to a contact',
    takes: 'CredentialRequest',
    gives: 'Credential',
    request: credentialRequestCodec,
    response: credentialCodec,
    answer: answerCredential,
  }),
  credentialUpdate: aboutLabel({
    summary: 'Lead from a provisional credential to a distinguished log entry',
    takes: 'CredentialUpdateRequest',
    gives: 'CredentialUpdate',
    request: credentialUpdateRequestCodec,
    response: () => credentialUpdateCodec,
    answer: answerCredentialUpdate,
  }),
  standing: aboutLabel({
    summary: 'Show that a version was the greatest at two log entries: the wait of a recovery',
    takes: 'StandingRequest',
    gives: 'StandingResponse',
    request: standingRequestCodec,
    response: standingResponseCodec,
    answer: answerStanding,
  }),
  chain: aboutLabel({
    summary: 'Open a range of versions of a label: the first of them, up to 1 MiB; ask again for the rest',
    takes: 'ChainRequest',
    gives: 'ChainResponse',
    request: chainRequestCodec,
    response: chainResponseCodec,
    answer: answerChain,
  }),
} as const;

/** A row of the table. */
interface Row<Request, Response> {
  /** One line for the OpenAPI document. */
  readonly summary: string;
  /** Names of the messages in the specification. */
  readonly takes: string;
  readonly gives: string;
  readonly request: Codec<Request>;
  readonly response: (config: Configuration, request: Request) => Codec<Response>;
  /** Answers an untrusted request. */
  readonly answer: (parts: ProverParts, request: Request) => Promise<Response>;
}

/** An operation with its codecs applied. */
export interface KeytransOperation<Request, Response> extends Row<Request, Response> {
  /**
   * Decodes an untrusted request, answers it and encodes the answer. Calls a check of the asker before it looks
   * anything up; by default, everybody may ask. Throws what both throw, and as {@link answerAsker} does.
   */
  readonly run: (parts: ProverParts, request: Uint8Array, asker?: Asker) => Promise<Uint8Array>;
}

function aboutLabel<Request extends { readonly label: Uint8Array }, Response>(
  row: Row<Request, Response>,
): KeytransOperation<Request, Response> {
  return withRun(row, ({ label }, asker) => asker.assertMayAsk(label));
}

/** About the log as a whole: everybody may ask, so often. */
function aboutLog<Request, Response>(row: Row<Request, Response>): KeytransOperation<Request, Response> {
  return withRun(row, (_, asker) => asker.assertMayAskOfLog());
}

/** Asks about every label and waits for every answer. */
const ANYBODY: Asker = { assertMayAsk: () => undefined, assertMayAskOfLog: () => undefined, signal: undefined };

function withRun<Request, Response>(
  row: Row<Request, Response>,
  check: (request: Request, asker: Asker) => void,
): KeytransOperation<Request, Response> {
  const run = async (parts: ProverParts, bytes: Uint8Array, asker = ANYBODY): Promise<Uint8Array> => {
    const request = decode(row.request, bytes);
    check(request, asker);
    const response = row.response(parts.context.configuration, request);
    return answerAsker(parts, asker, async (mine) => encode(response, await row.answer(mine, request)));
  };
  return { ...row, run };
}
