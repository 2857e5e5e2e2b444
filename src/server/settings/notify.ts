import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { isAddressOrNetwork } from '../../http/trusted-proxies.ts';
import type { MailSettings } from '../../delivery/mailer.ts';
import type { NotifySettings } from '../../service/notify/notify-settings.ts';
import { about, duration, fileName, serviceUrl } from './fields.ts';

/** The table `[notify]`. */
export const notifySchema = z.strictObject({
  mail: z
    .boolean()
    .default(true)
    .meta(about('Notices by mail, through the mail server of `[email]`. Without that table there are none.')),
  push_contact: z
    .string()
    .regex(/^(?:mailto:[^@\s]+@[^@\s]+|https:\/\/\S+)$/, 'not a mailto: or https: address')
    .max(255)
    .optional()
    .meta(
      about('Where push services reach you. Without it there is no Web Push.', {
        form: '`mailto:…` or `https://…`',
        otherwise: 'no Web Push',
      }),
    ),
  link: serviceUrl.optional().meta(about('A page of yours about notices, named at their end.', { otherwise: 'none' })),
  timeout: duration('500ms', '30s').prefault('5s').meta(about('The time for one webhook or push service.')),
  ports: z
    .array(z.int().min(1).max(65_535))
    .min(1)
    .max(16)
    .default([443])
    .meta(about('The ports of webhooks and push services that may be connected to.')),
  proxy: z
    .string()
    .max(255)
    .refine(isProxyUrl, 'not an http or https URL without a path')
    .optional()
    .meta(
      about('An HTTP proxy for these requests. It is asked for IP addresses, never for names.', {
        form: 'URL',
        otherwise: 'none',
      }),
    ),
  allow_private: z
    .array(
      z.string().refine((text) => text.includes('/') && isAddressOrNetwork(text), 'not a network such as 10.0.0.0/16'),
    )
    .min(1)
    .optional()
    .meta(
      about('Networks that owners may have connected to although they are not public.', {
        form: 'list of networks',
        otherwise: 'none',
      }),
    ),
  ca_file: fileName
    .optional()
    .meta(about('CAs in PEM that are trusted for these requests, beside the usual ones.', { otherwise: 'none' })),
});

type NotifyTable = z.output<typeof notifySchema>;

/** Returns the settings of notices. `mail` is that of `[email]`; `read` returns the text of a file that they name. */
export function notifySettings(
  table: NotifyTable,
  mail: MailSettings | undefined,
  read: (name: string) => string | undefined,
): NotifySettings {
  const { push_contact: pushContact, link, timeout: timeoutMs, ports, proxy, allow_private: allowPrivate } = table;
  const ca = table.ca_file === undefined ? undefined : read(table.ca_file);
  const sends = table.mail && mail !== undefined;
  return {
    mail: sends ? { smtp: mail.smtp, from: mail.from } : undefined,
    pushContact,
    link,
    egress: { proxy, allowPrivate, ports, ca, timeoutMs },
  };
}

/** Returns the reason why the file of CAs cannot be used; undefined if it can, or none is named. */
export function caFileProblem(
  { ca_file: name }: NotifyTable,
  read: (name: string) => string | undefined,
): string | undefined {
  if (name === undefined) return undefined;
  const text = read(name);
  if (text === undefined) return 'cannot be read';
  try {
    return new X509Certificate(text).ca ? undefined : 'is not a certificate of a CA';
  } catch {
    return 'is not a certificate in PEM';
  }
}

function isProxyUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && url.pathname === '/';
}
