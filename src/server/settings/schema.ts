import { z } from 'zod';
import { isAddressOrNetwork } from '../../http/trusted-proxies.ts';
import { DEFAULT_OIDC_ALGORITHMS, OIDC_ALGORITHMS } from '../../service/evidence/oidc/oidc-settings.ts';
import { identityTemplate } from '../../service/evidence/oidc/identity-template.ts';
import type { EvidenceName } from '../../service/evidence/policy-table.ts';
import { DEFAULT_SUBJECT } from '../../service/evidence/email/email-settings.ts';
import { DEFAULT_RECOVERY } from '../../service/evidence/recovery-settings.ts';
import { WEBHOOK_OPERATIONS } from '../../service/evidence/webhook/webhook-settings.ts';
import { isDatabaseUrl } from '../../store/connection-string.ts';
import { about, budget, duration, fileName, headerText, identityScope, serviceUrl, smtpUrl } from './fields.ts';
import { notifySchema } from './notify.ts';
import { pkcs11Schema } from './pkcs11.ts';
import { profileRow } from './profile.ts';

const BUILT_IN_TEXT = { otherwise: 'a text of the server' };

const evidence = z
  .custom<EvidenceName>(
    (value) => typeof value === 'string' && /^(?:application|email|oidc:.+)$/.test(value),
    'not "application", "email" or "oidc:" and an issuer',
  )
  .meta({ form: '`application`, `email` or `oidc:ISSUER`' });

const policyRow = z.strictObject({
  ...identityScope,
  evidence: z.array(evidence).min(1).meta(about('What may vouch for a first registration.')),
  recovery: z
    .array(evidence)
    .optional()
    .meta(about('What proves a name again when its keys are lost. `[]`: nothing.', { otherwise: 'as `evidence`' })),
});

const headerName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'not the name of a header')
  .meta({ form: 'name of a header' });

const audience = z.string().min(1).max(255);

const identity = z
  .string()
  .transform((text, context) => {
    const template = identityTemplate(text);
    if (template !== undefined) return template;
    context.addIssue({ code: 'custom', message: 'not a text with exactly one claim in braces, such as "{email}"' });
    return z.NEVER;
  })
  .meta({ form: 'text with one `{claim}`' });

const oidcIssuer = z.strictObject({
  issuer: serviceUrl.meta(about('The issuer as it is in tokens, byte for byte. A row of the policy must name it.')),
  audience: z
    .union([audience.transform((one) => [one]), z.array(audience).min(1)])
    .meta(about('The client that tokens must be for.', { form: 'text, or list of texts' })),
  identity: identity.meta(about('The claim that is the identity, perhaps within a text.')),
  algorithms: z
    .array(z.enum(OIDC_ALGORITHMS))
    .min(1)
    .default([...DEFAULT_OIDC_ALGORITHMS])
    .meta(about('Signature algorithms of tokens that are accepted.')),
  clock_skew: duration('1s', '10m')
    .prefault('1m')
    .meta(about("How far the provider's clock may differ from the server's.")),
  max_age: duration('1s', '1d').prefault('10m').meta(about('The greatest age of a token, whatever it says itself.')),
  jwks_uri: serviceUrl
    .optional()
    .meta(about("The provider's keys.", { otherwise: 'what the discovery document names' })),
});

const email = z.strictObject({
  smtp: smtpUrl.meta(about('The mail server.')),
  user: headerText
    .optional()
    .meta(about('The user at the mail server, with `password_file`.', { otherwise: 'no login' })),
  password_file: fileName.optional().meta(about("That user's password, with `user`.", { otherwise: 'no login' })),
  from: headerText
    .regex(/^[^@\s<>,;:"]+@[^@\s<>,;:"]+$/, 'not a plain e-mail address')
    .meta(about('The sender of mails.', { form: 'mail address' })),
  subject: headerText.default(DEFAULT_SUBJECT).meta(about('The subject of a mail with a code.')),
  text_file: fileName
    .optional()
    .meta(about('Its text, with `{code}` and perhaps `{identity}`, `{origin}`, `{minutes}`.', BUILT_IN_TEXT)),
  code_lifetime: duration('1m', '1h').prefault('15m').meta(about('How long a code is valid.')),
  attempts: z.int().min(1).max(100).default(5).meta(about('How often one code may be tried.')),
  codes_per_hour: z.int().min(1).max(1_000).default(5).meta(about('Mails to one address in an hour.')),
});

const webhook = z.strictObject({
  url: serviceUrl.meta(about('Where questions go.')),
  secret_file: fileName.meta(about('The secret that signs questions: at least 16 characters.')),
  timeout: duration('100ms', '15s').prefault('5s').meta(about('The time for an answer. Silence is a no.')),
  operations: z
    .array(z.enum(WEBHOOK_OPERATIONS))
    .min(1)
    .default([...WEBHOOK_OPERATIONS])
    .meta(about('What it is asked about.')),
});

const recovery = z.strictObject({
  max_vetoes: z
    .int()
    .min(1)
    .max(100)
    .default(DEFAULT_RECOVERY.maxVetoes)
    .meta(about('Vetoes after which the operator decides about a further recovery.')),
  subject: headerText.default(DEFAULT_RECOVERY.subject).meta(about('The subject of the mail to the owner.')),
  text_file: fileName
    .optional()
    .meta(about('Its text, with `{identity}` and `{date}`, and perhaps `{origin}`, `{evidence}`.', BUILT_IN_TEXT)),
});

const lookups = z.strictObject({
  private: z
    .array(z.enum(['email', 'acct', 'tel', 'uri']))
    .min(1)
    .meta(about('Kinds of identities about which only bearers of a lookup token learn anything.')),
  secret_file: fileName.meta(about('The secret that signs lookup tokens: at least 32 characters.')),
});

const limits = z.strictObject({
  client: limit('`POST /v1/…` of one address (IPv6: one /64) without an application token.'),
  application: limit('Requests with one application token.'),
  identity: limit('Certificates for one identity.'),
  lookup: limit('Questions of one address, or of one bearer of a lookup token.'),
});

/** A token bucket that may be absent. */
function limit(counted: string) {
  return budget.optional().meta(about(counted, { form: '[budget](#budgets)', otherwise: 'no limit' }));
}

const http = z.strictObject({
  trusted_proxies: z
    .array(z.string().refine(isAddressOrNetwork, 'not an IP address, or a network such as 10.0.0.0/16'))
    .min(1)
    .optional()
    .meta(
      about('Proxies whose `X-Forwarded-For` and client certificates are believed.', {
        form: 'list of IP addresses and networks',
        otherwise: 'none',
      }),
    ),
  keep_alive: duration('1s', '1h')
    .optional()
    .meta(
      about('When an idle connection is closed. Longer than a proxy keeps it.', {
        otherwise: '`"75s"`',
        restart: true,
      }),
    ),
  explorer: z
    .boolean()
    .default(true)
    .meta(about('Browsers get [the explorer](explorer.md) at `/`; with `false`, the page `/docs`.', { restart: true })),
});

const database = z.strictObject({
  url: z
    .string()
    .refine(isDatabaseUrl, 'not a postgres:// URL')
    .meta(
      about('The PostgreSQL of the log. `GLASSKEY_DATABASE` and `--database` come first.', {
        form: '`postgres://…`',
        restart: true,
      }),
    ),
});

const tls = z.strictObject({
  certificate: fileName.meta(about('The certificate and its chain, PEM.')),
  key: fileName.meta(about('Its private key, PEM.')),
});

const est = z.strictObject({
  client_certificate_header: headerName.meta(
    about("The header in which a trusted proxy passes a client's certificate on."),
  ),
});

const acme = z.strictObject({
  url: serviceUrl
    .refine((text) => !text.endsWith('/'), 'ends with a slash')
    .meta(about("The server's URL as clients see it, without a slash at the end: ACME signs over whole URLs.")),
  mail: z
    .strictObject({
      authserv_id: z
        .string()
        .regex(/^[A-Za-z0-9.-]{1,255}$/, 'not a name such as mx.example.com')
        .meta(about("The mail server's name in `Authentication-Results`.", { form: 'name of a host' })),
      secret_file: fileName.meta(about('The secret with which it hands replies over: at least 32 characters.')),
    })
    .optional()
    .meta(about('[Proofs of addresses by a reply](acme.md#prove-an-address-by-mail), with `[email]`.')),
  attest: z
    .strictObject({
      roots: fileName.meta(about('The CAs whose attestations count, in PEM: at most 8.')),
      prefix: z
        .string()
        .regex(
          /^urn:[a-z0-9][a-z0-9-]{0,30}[a-z0-9]:[A-Za-z0-9:.-]{0,95}[:.-]$/,
          'not a beginning such as urn:dev:os:63-',
        )
        .meta(about("The beginning of devices' names; the serial number follows.", { form: 'beginning of a URN' })),
    })
    .optional()
    .meta(about('[Proofs of devices by an attestation](acme.md#prove-a-device-by-its-attestation).')),
});

/** The settings of `glasskey.toml`. Any other key is refused. */
export const settingsSchema = z.strictObject({
  profile: z
    .array(profileRow, 'a list of tables: [[profile]]')
    .min(1)
    .optional()
    .meta(about('[What certificates say](configuration.md#profiles). The first one about an identity holds.')),
  policy: z
    .array(policyRow)
    .min(1)
    .optional()
    .meta(
      about(
        '[Who may have a name](configuration.md#who-may-have-a-name-policy). Without it, applications vouch for everybody.',
      ),
    ),
  oidc: z
    .array(oidcIssuer)
    .min(1)
    .optional()
    .meta(about('[OpenID providers](configuration.md#openid-connect-oidc) that may vouch.')),
  email: email.optional().meta(about('[Codes by e-mail](configuration.md#codes-by-e-mail-email).')),
  webhook: webhook
    .optional()
    .meta(
      about('[A webhook](configuration.md#asking-somebody-else-webhook) that is asked before a certificate is made.'),
    ),
  recovery: recovery.optional().meta(about('[Recovery](recovery.md) of names whose keys are lost.')),
  notify: notifySchema
    .optional()
    .meta(about('[Notices to owners](notifications.md) about every change of their names.')),
  pkcs11: pkcs11Schema.optional(),
  database: database.optional().meta(about('[The database](operations.md#which-database).')),
  tls: tls
    .optional()
    .meta(about('TLS by the server itself, where no proxy is in front. Turning it on or off needs a restart.')),
  est: est.optional().meta(about('[EST](est.md) behind a proxy.')),
  acme: acme.optional().meta(about('[ACME](acme.md). Without this table, there is none.')),
  lookups: lookups.optional().meta(about('[Private names](configuration.md#lookups-lookups).')),
  limits: limits
    .optional()
    .meta(about('[Limits](configuration.md#limits-limits-http): more requests get `rate-limited` (429).')),
  http: http.optional().meta(about('Connections and proxies.')),
});

/** A parsed `glasskey.toml`, before the search for contradictions. */
export type SettingsFile = z.output<typeof settingsSchema>;
