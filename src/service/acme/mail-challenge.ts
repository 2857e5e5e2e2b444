import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { LogStore } from '../../store/ports.ts';
import { COUNTED_MS } from '../evidence/email/email-settings.ts';
import type { Mailer } from '../../delivery/mailer.ts';
import type { LogContext } from '../log/log-context.ts';
import type { AcmeMailSettings } from './acme-settings.ts';

const TOKEN_BYTES = 16;
const HASH_BYTES = 32;
/** The number of an order in a Message-ID. */
const MESSAGE_ID = /^<acme\.([0-9a-f]{32})@([^<>@\s]+)>$/;

/** The part of an open log that challenges by mail need. */
export type MailChallengeContext = Pick<LogContext, 'origin' | 'keys' | 'now' | 'random'> & {
  readonly store: Pick<LogStore, 'addEmailChallenge' | 'dropEmailChallenge'>;
};

/** Both parts of a challenge's token (RFC 8823 §3), base64url of 128 bits each. */
export interface ChallengeTokens {
  /** It goes in the subject of the mail. */
  readonly mailed: string;
  /** The account reads it over HTTPS. */
  readonly read: string;
}

/** Returns the tokens of an order. They follow from a key of the data folder: the database holds none of them. */
export function challengeTokens(
  { origin, keys }: Pick<MailChallengeContext, 'origin' | 'keys'>,
  orderId: Uint8Array,
): ChallengeTokens {
  const key = createHmac('sha256', keys.rowSeal).update('glasskey acme mail key v1').digest();
  const part = (name: string): string => {
    const mac = createHmac('sha256', key).update(`${name}\0`).update(orderId).update(origin).digest();
    return mac.subarray(0, TOKEN_BYTES).toString('base64url');
  };
  return { mailed: part('mailed'), read: part('read') };
}

/** Returns true if an untrusted text is the answer of an account's key to a challenge (RFC 8823 §3, RFC 8555 §8.1). */
export function isChallengeResponse(text: string, { mailed, read }: ChallengeTokens, thumbprint: Uint8Array): boolean {
  const authorization = `${mailed}${read}.${Buffer.from(thumbprint).toString('base64url')}`;
  const expected = createHash('sha256').update(authorization).digest('base64url');
  return text.length === expected.length && timingSafeEqual(Buffer.from(text), Buffer.from(expected));
}

/** Returns the id of the order whose challenge has this Message-ID (untrusted); undefined for any other mail. */
export function orderOfMessageId(text: string, from: string): Uint8Array | undefined {
  const [, id, domain] = MESSAGE_ID.exec(text.trim()) ?? [];
  return id === undefined || domain !== domainOf(from) ? undefined : new Uint8Array(Buffer.from(id, 'hex'));
}

/**
 * Sends the challenge of an order to its address (RFC 8823 §3.1). Mails to one address have the same bound as codes.
 * Throws `rate-limited` and `mail-unavailable`.
 */
export async function sendChallenge(
  context: MailChallengeContext,
  { mailer, settings }: { readonly mailer: Mailer; readonly settings: AcmeMailSettings },
  order: { readonly orderId: Uint8Array; readonly labelKey: Uint8Array },
  identity: Identity,
): Promise<void> {
  const { store, now, random, origin } = context;
  const { orderId: challengeId, labelKey } = order;
  const createdMs = now();
  // The row only counts: no code has a random hash, and no key this one.
  const row = { challengeId, labelKey, spkiSha256: random(HASH_BYTES), codeHash: random(HASH_BYTES), createdMs };
  const limit = { sinceMs: createdMs - COUNTED_MS, maximum: settings.mailsPerHour };
  if (!(await store.addEmailChallenge({ ...row, expiresMs: createdMs }, limit))) {
    const retryAfterSeconds = COUNTED_MS / 1000;
    throw new GlasskeyError('rate-limited', 'too many mails to this address', { retryAfterSeconds });
  }
  const { san, text } = identity;
  ensure(san.kind === 'email', 'internal', 'a challenge by mail for no address');
  try {
    await mailer.send({
      to: san.value,
      subject: `ACME: ${challengeTokens(context, challengeId).mailed}`,
      messageId: `<acme.${Buffer.from(challengeId).toString('hex')}@${domainOf(settings.from)}>`,
      autoSubmitted: 'auto-generated; type=acme',
      text: textOf(text, origin),
    });
  } catch (error) {
    await store.dropEmailChallenge(challengeId).catch(() => undefined);
    throw error;
  }
}

function textOf(identity: string, origin: string): string {
  return `A program, probably yours, asks ${origin} for a certificate for ${identity}.

It answers this mail itself, or shows you a reply to send.
If it was not you, do nothing: nothing happens without a reply.
`;
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
