import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import type { LogService } from '../log-service.ts';
import { findAccount } from './acme-accounts.ts';
import { type AcmeMailSettings, ORDER_LIFETIME_MS } from './acme-settings.ts';
import { challengeTokens, isChallengeResponse, orderOfMessageId } from './mail-challenge.ts';
import { type MailHeader, onlyAddress, onlyHeader, readReplyMail } from './reply-mail.ts';
import { assertSignedBy } from './sender-authentication.ts';

/**
 * Takes an untrusted reply to a challenge (RFC 8823 §3.2), which the operator's mail server hands over, and makes its
 * order ready. The sender's domain must have signed it, the address be that of the order, and the response be of the
 * account's key: so it takes who reads the mail, who may send from the address, and the account. A reply that is
 * refused changes nothing. Throws `invalid-request`, `not-found` if no order waits for it, and `code-refused`.
 */
export async function acceptReply(service: LogService, settings: AcmeMailSettings, bytes: Uint8Array): Promise<void> {
  const { context } = service;
  const { headers, response } = readReplyMail(bytes);
  const isFromList = headers.some(({ name }) => name.startsWith('list-'));
  ensure(!isFromList, 'code-refused', 'the mail came over a mailing list');
  ensure(!headers.some(isOfResponder), 'code-refused', 'an automatic responder wrote the mail');
  const orderId = orderOfMessageId(onlyHeader(headers, 'in-reply-to'), settings.from);
  const order = orderId && (await context.store.findAcmeOrder(orderId));
  const isWaiting = order?.state === 'pending' && context.now() < order.expiresMs;
  ensure(isWaiting, 'not-found', 'no order waits for this mail');
  const from = onlyAddress(onlyHeader(headers, 'from'));
  ensure(addressOf(service, from) === order.identity, 'code-refused', 'the mail is from another address');
  const to = onlyAddress(onlyHeader(headers, 'to')).toLowerCase();
  ensure(to === settings.from.toLowerCase(), 'code-refused', 'the mail is to another address');
  assertSignedBy(headers, from.slice(from.lastIndexOf('@') + 1).toLowerCase(), settings.authservId);
  const tokens = challengeTokens(context, order.orderId);
  const subject = onlyHeader(headers, 'subject').replaceAll(/\s/g, '');
  ensure(subject.endsWith(`ACME:${tokens.mailed}`), 'code-refused', 'the subject is not that of the challenge');
  const account = await findAccount(context, order.accountId);
  const isRight = isChallengeResponse(response, tokens, account.row.thumbprint);
  ensure(isRight, 'code-refused', 'the response is not that of the account');
  const isReady = await context.store.changeAcmeOrder(order, {
    state: 'ready',
    expiresMs: context.now() + ORDER_LIFETIME_MS,
  });
  ensure(isReady, 'version-conflict', 'the order was changed at the same time');
}

/**
 * Returns true for a header of automatic responders (RFC 3834 §5). Some repeat what they answer, and sign it for their
 * domain: whoever can only read the mails of an address could have them say a response.
 */
function isOfResponder({ name, value }: MailHeader): boolean {
  if (name === 'auto-submitted') return /^auto-(?:replied|notified)\b/i.test(value);
  return name === 'precedence' && /^(?:bulk|junk|list|auto_reply)\b/i.test(value);
}

/** Returns the canonical form of an untrusted address; undefined if it has none. */
function addressOf({ context }: LogService, address: string): string | undefined {
  try {
    const { kind, text } = canonicalIdentity(address, context.identityRules);
    return kind === 'email' ? text : undefined;
  } catch (error) {
    if (isGlasskeyError(error, 'invalid-identity')) return undefined;
    throw error;
  }
}
