import { z } from 'zod';
import { isGlasskeyError } from '../../core/errors.ts';
import { canonicalDomain } from '../../identity/canonical-domain.ts';
import type { TokenBucketOptions } from '../../service/token-buckets.ts';
import { parseDuration } from './duration.ts';

/** Facts about a setting for its reference, `docs/settings.md`, which the schema alone does not say. */
interface SettingNotes {
  /** The values that it takes, in words, where a transformation or a pattern hides them. */
  readonly form?: string;
  /** The default, in words, where another module fills it in. */
  readonly otherwise?: string;
  /** True if a running server takes the setting up only when it starts again. */
  readonly restart?: boolean;
}

/** Returns the metadata of a setting: its meaning, and notes for the reference. The reference needs it of every key. */
export function about(meaning: string, notes: SettingNotes = {}): z.core.GlobalMeta {
  return { description: meaning, ...notes };
}

/** A duration such as "90s", within bounds in the same form. Becomes ms. */
export function duration(minimum: string, maximum: string) {
  const text = z.string().transform((value, context) => {
    try {
      const durationMs = parseDuration(value);
      if (durationMs >= parseDuration(minimum) && durationMs <= parseDuration(maximum)) return durationMs;
    } catch {
      // The message below says what is valid.
    }
    context.addIssue({ code: 'custom', message: `not a duration of ${minimum} to ${maximum}` });
    return z.NEVER;
  });
  return text.meta({ form: `duration, ${minimum} to ${maximum}` });
}

/** A file name, relative to the data folder. */
export const fileName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\0]+$/)
  .meta({ form: 'file name' });

/** A host name in canonical form. */
export const domain = z.string().refine((text) => {
  try {
    return canonicalDomain(text) === text;
  } catch (error) {
    if (isGlasskeyError(error)) return false;
    throw error;
  }
}, 'not a domain in lower case, with A-labels (xn--…)');

/** The identities to which a row applies. */
export const identityScope = {
  identities: z.enum(['any', 'email', 'acct', 'tel', 'uri']).meta(about('The kind of identity that it is about.')),
  domains: z
    .array(domain)
    .min(1)
    .optional()
    .meta(
      about('Only identities of exactly these hosts: no patterns, no subdomains.', {
        form: 'list of hosts in lower case',
        otherwise: 'every host',
      }),
    ),
};

/** A token bucket, such as `{ requests = 60, per = "1m", burst = 10 }`. */
export const budget = z
  .strictObject({
    requests: z.int().min(1).max(1_000_000).meta(about('Requests that one of those counted may make in each `per`.')),
    per: duration('1s', '30d').meta(about('The time for that many requests.')),
    burst: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .meta(about('Requests at once, after a pause.', { otherwise: 'as many as `requests`' })),
  })
  .transform(({ requests, per, burst }): TokenBucketOptions => ({
    perSecond: requests / (per / 1000),
    burst: burst ?? requests,
  }));

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/**
 * An https URL of one host, without user, query or fragment; http only on this machine. It is taken literally: no
 * normalisation, no wildcards.
 */
export const serviceUrl = z
  .string()
  .max(255)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || /[?#*\s\\@]/.test(text)) return false;
    return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname));
  }, 'not an https URL without user, query and fragment (http only for localhost)')
  .meta({ form: 'https URL' });

/** An SMTP server: `smtps://host` (TLS, port 465) or `smtp://host` (STARTTLS, port 587), or with another port. */
export const smtpUrl = z
  .string()
  .transform((text, context) => {
    const [, scheme, host, port] = /^(smtps?):\/\/([A-Za-z0-9.-]+|\[::1\])(?::(\d{1,5}))?$/.exec(text) ?? [];
    const tls = scheme === 'smtps';
    const number = Number(port ?? (tls ? 465 : 587));
    if (host !== undefined && number > 0 && number < 65_536) {
      return { host: host.replaceAll(/[[\]]/g, ''), port: number, tls };
    }
    context.addIssue({ code: 'custom', message: 'not smtps://host:port or smtp://host:port' });
    return z.NEVER;
  })
  .meta({ form: '`smtps://host:port`, or `smtp://host:port` with STARTTLS' });

/** One line of text for a mail header, without characters that would end it. */
export const headerText = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'has a line break or control character')
  .meta({ form: 'text in one line, at most 200 characters' });
