import { isIP } from 'node:net';
import { z } from 'zod';
import type { EvidenceName } from '../../../service/evidence/policy-table.ts';
import { budget, domain } from './fields.ts';

const evidence = z.custom<EvidenceName>(
  (value) => typeof value === 'string' && /^(?:application|email|oidc:.+)$/.test(value),
  'not "application", "email" or "oidc:" and an issuer',
);

const policyRow = z.strictObject({
  identities: z.enum(['any', 'email', 'acct', 'tel', 'uri']),
  domains: z.array(domain).min(1).optional(),
  evidence: z.array(evidence).min(1),
});

/** What `glasskey.toml` may hold. Whatever is not named here is refused. */
export const settingsSchema = z.strictObject({
  policy: z.array(policyRow).min(1).optional(),
  limits: z
    .strictObject({ client: budget.optional(), application: budget.optional(), identity: budget.optional() })
    .optional(),
  http: z
    .strictObject({
      trusted_proxies: z.array(z.string().refine((text) => isIP(text) !== 0, 'not an IP address')).min(1),
    })
    .optional(),
});

/** `glasskey.toml` after it was checked. */
export type SettingsFile = z.output<typeof settingsSchema>;
