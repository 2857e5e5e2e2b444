import { ensure } from '../../core/errors.ts';
import { distinguishedRequestCodec, distinguishedResponseCodec } from '../../core/keytrans/distinguished-messages.ts';
import { type KnownHead, recentHeads } from '../../core/keytrans/known-head.ts';
import { verifyDistinguished } from '../../core/keytrans/verify-distinguished.ts';
import { PATHS } from '../../contract/paths.ts';
import { compareHeads, formatHeads, type HeadsAgreement, parseHeads } from '../heads-text.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { heldToWhatWasShown } from './held-to.ts';
import { headTime, type Operation } from './operation.ts';

/**
 * Fetches the distinguished log entries that are new since the last request (KT §10, §13.6). Throws `log-forked` if the
 * log shows an entry that contradicts a known one, other verification errors, and `network-failed`.
 */
export async function updateHeads(operation: Operation, state: ClientState): Promise<ClientState> {
  const { config } = operation.trust;
  const request = { last: state.view?.size, stop: state.distinguished.at(-1)?.position };
  const codec = distinguishedResponseCodec(config);
  const answer = await heldToWhatWasShown(
    operation,
    operation.transport.postKeytrans(PATHS.distinguished, [distinguishedRequestCodec, request], codec),
  );
  const context = { config, view: state.view, nowMs: headTime(operation) };
  const { view, heads } = verifyDistinguished(context, request, answer);
  return { ...state, view, distinguished: recentHeads(state.distinguished, heads) };
}

/**
 * Returns the log as this client saw it, as a short text that another person can compare
 * (docs/spec.md#comparing-heads).
 */
export async function showHeads(operation: Operation, state: ClientState): Promise<StateChange<string>> {
  const next = await updateHeads(operation, state);
  return { next, result: formatHeads(operation.trust.bundle.origin, assertSome(next.distinguished)) };
}

/**
 * Compares what the log showed to another person with what it showed to this client. Throws `malformed-encoding`,
 * `usage` for the text of another log or another time, and `log-forked` if the log showed two trees.
 */
export async function compareWithOthers(
  operation: Operation,
  state: ClientState,
  text: string,
): Promise<StateChange<HeadsAgreement>> {
  const theirs = parseHeads(text);
  const { origin } = operation.trust.bundle;
  ensure(theirs.origin === origin, 'usage', `these are heads of the log ${theirs.origin}, not of ${origin}`);
  const next = await updateHeads(operation, state);
  return { next, result: compareHeads(assertSome(next.distinguished), theirs.heads) };
}

function assertSome(heads: readonly KnownHead[]): readonly KnownHead[] {
  ensure(heads.length > 0, 'usage', 'the log has no distinguished entry yet');
  return heads;
}
