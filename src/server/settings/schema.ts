import { z } from 'zod';
import { isAddressOrNetwork } from '../../http/trusted-proxies.ts';
import { DEFAULT_OIDC_ALGORITHMS, OIDC_ALGORITHMS } from '../../service/evidence/oidc/oidc-settings.ts';
import { identityTemplate } from '../../service/evidence/oidc/identity-template.ts';
import type { EvidenceName } from '../../service/evidence/policy-table.ts';
import { DEFAULT_SUBJECT } from '../../service/evidence/email/email-settings.ts';
import { DEFAULT_RECOVERY } from '../../service/evidence/recovery-settings.ts';
import { WEBHOOK_OPERATIONS } from '../../service/evidence/webhook/webhook-settings.ts';
import { isDatabaseUrl } from '../../store/connection-string.ts';
import { budget, duration, fileName, headerText, identityScope, serviceUrl, smtpUrl } from './fields.ts';
import { pkcs11Schema } from './pkcs11.ts';
import { profileRow } from './profile.ts';

const evidence = z.custom<EvidenceName>(
  (value) => typeof value === 'string' && /^(?:application|email|oidc:.+)$/.test(value),
  'not "application", "email" or "oidc:" and an issuer',
);

const policyRow = z.strictObject({
  ...identityScope,
  evidence: z.array(evidence).min(1),
  recovery: z.array(evidence).optional(),
});

const headerName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'not the name of a header');

const audience = z.string().min(1).max(255);

const identity = z.string().transform((text, context) => {
  const template = identityTemplate(text);
  if (template !== undefined) return template;
  context.addIssue({ code: 'custom', message: 'not a text with exactly one claim in braces, such as "{email}"' });
  return z.NEVER;
});

const oidcIssuer = z.strictObject({
  issuer: serviceUrl,
  audience: z.union([audience.transform((one) => [one]), z.array(audience).min(1)]),
  identity,
  algorithms: z
    .array(z.enum(OIDC_ALGORITHMS))
    .min(1)
    .default([...DEFAULT_OIDC_ALGORITHMS]),
  clock_skew: duration('1s', '10m').prefault('1m'),
  max_age: duration('1s', '1d').prefault('10m'),
  jwks_uri: serviceUrl.optional(),
});

const email = z.strictObject({
  smtp: smtpUrl,
  user: headerText.optional(),
  password_file: fileName.optional(),
  from: headerText.regex(/^[^@\s<>,;:"]+@[^@\s<>,;:"]+$/, 'not a plain e-mail address'),
  subject: headerText.default(DEFAULT_SUBJECT),
  text_file: fileName.optional(),
  code_lifetime: duration('1m', '1h').prefault('15m'),
  attempts: z.int().min(1).max(100).default(5),
  codes_per_hour: z.int().min(1).max(1_000).default(5),
});

const webhook = z.strictObject({
  url: serviceUrl,
  secret_file: fileName,
  timeout: duration('100ms', '15s').prefault('5s'),
  operations: z
    .array(z.enum(WEBHOOK_OPERATIONS))
    .min(1)
    .default([...WEBHOOK_OPERATIONS]),
});

const recovery = z.strictObject({
  max_vetoes: z.int().min(1).max(100).default(DEFAULT_RECOVERY.maxVetoes),
  subject: headerText.default(DEFAULT_RECOVERY.subject),
  text_file: fileName.optional(),
});

/** The settings of `glasskey.toml`. Any other key is refused. */
export const settingsSchema = z.strictObject({
  profile: z.array(profileRow, 'a list of tables: [[profile]]').min(1).optional(),
  policy: z.array(policyRow).min(1).optional(),
  oidc: z.array(oidcIssuer).min(1).optional(),
  email: email.optional(),
  webhook: webhook.optional(),
  recovery: recovery.optional(),
  pkcs11: pkcs11Schema.optional(),
  database: z.strictObject({ url: z.string().refine(isDatabaseUrl, 'not a postgres:// URL') }).optional(),
  tls: z.strictObject({ certificate: fileName, key: fileName }).optional(),
  est: z.strictObject({ client_certificate_header: headerName }).optional(),
  lookups: z
    .strictObject({ private: z.array(z.enum(['email', 'acct', 'tel', 'uri'])).min(1), secret_file: fileName })
    .optional(),
  limits: z
    .strictObject({
      client: budget.optional(),
      application: budget.optional(),
      identity: budget.optional(),
      lookup: budget.optional(),
    })
    .optional(),
  http: z
    .strictObject({
      trusted_proxies: z
        .array(z.string().refine(isAddressOrNetwork, 'not an IP address, or a network such as 10.0.0.0/16'))
        .min(1)
        .optional(),
      keep_alive: duration('1s', '1h').optional(),
      explorer: z.boolean().default(true),
    })
    .optional(),
});

/** A parsed `glasskey.toml`, before the search for contradictions. */
export type SettingsFile = z.output<typeof settingsSchema>;
