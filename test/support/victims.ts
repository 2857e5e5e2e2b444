import { expect } from 'vitest';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { type ClientState, MemoryState } from '../../src/client/state/client-state.ts';
import type { KeyDirectory, LookupResult } from '../../src/client/key-directory.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { type LookupResponse, lookupResponseCodec, type SearchResponse } from '../../src/core/keytrans/messages.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { lie, type LyingOperator } from './lying-operator.ts';

/** What a version 0 says that an application vouched for. */
export const INITIAL = { type: 'initial', evidence: { type: 'application' } } as const;
/** What an operator says who does not even pretend. */
export const BY_OPERATOR = { type: 'operator', reason: 'because I can' } as const;

export const readState = (state: MemoryState): Promise<ClientState> => {
  return state.transact(async (current) => ({ result: current }));
};

/** What somebody notices. Throws where nothing was. */
export async function failure(run: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    await (typeof run === 'function' ? run() : run);
  } catch (error) {
    return error;
  }
  throw new Error('nothing was noticed');
}

/** What a client notices in `run`: its state must stay as it was, and the program would end with 2. */
export async function refusal(
  operator: LyingOperator,
  run: (client: KeyDirectory) => Promise<unknown>,
  options: { readonly fetch?: Fetch; readonly state?: MemoryState } = {},
): Promise<unknown> {
  const state = options.state ?? new MemoryState();
  const client = await operator.client({ ...options, state });
  const before = await readState(state);
  const error = await failure(run(client));
  expect(await readState(state)).toBe(before);
  expect(exitCodeOf(error)).toBe(2);
  return error;
}

/** What a client notices when it looks somebody up. */
export function caught(
  operator: LyingOperator,
  text: string,
  options: { readonly fetch?: Fetch; readonly state?: MemoryState } = {},
): Promise<unknown> {
  return refusal(operator, (client) => client.lookup(text), options);
}

/** How a client that looks somebody up is told that the keys changed: nothing here is refused. */
export async function warning(client: KeyDirectory, text: string): Promise<string> {
  return verdict(await client.lookup(text));
}

export function verdict(result: LookupResult): string {
  if (!result.found) throw new Error('not found');
  return result.binding.change.type;
}

/** Registers an identity honestly. Gives its certificate. */
export async function register(operator: LyingOperator, identity: string): Promise<string> {
  const owner = await operator.client();
  const { token } = operator.server.log;
  return (await owner.register(identity, { token, key: await generateKey() })).certificate;
}

/** A contact that has seen the identity; what it is answered from then on may pass through somebody's hands. */
export async function contactOf(operator: LyingOperator, identity: string, fetch?: Fetch) {
  const state = new MemoryState();
  await (await operator.client({ state })).lookup(identity);
  const client = await operator.client({ state, ...(fetch === undefined ? {} : { fetch }) });
  return { client, state, read: () => readState(state) };
}

/** `fetch` that changes the answers to lookups. */
export function forge(
  operator: LyingOperator,
  change: (answer: LookupResponse) => LookupResponse | Promise<LookupResponse>,
): Fetch {
  return lie(PATHS.lookup, async (honest) => {
    const codec = lookupResponseCodec(operator.server.log.context.configuration);
    const answer = decode(codec, new Uint8Array(await (await honest()).arrayBuffer()));
    return new Response(new Uint8Array(encode(codec, await change(answer))));
  });
}

/** The same, for answers that show a record. */
export function forgeFound(
  operator: LyingOperator,
  change: (response: SearchResponse) => SearchResponse | Promise<SearchResponse>,
): Fetch {
  return forge(operator, async (answer) => {
    if (answer.type !== 'found') throw new Error('not found');
    return { type: 'found', response: await change(answer.response) };
  });
}
