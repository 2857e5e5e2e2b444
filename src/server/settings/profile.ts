import { z } from 'zod';
import { assertBoundedDer } from '../../ca/der/der-limits.ts';
import { COMPANION_KEYS_OID, ExtensionOid, PurposeOid } from '../../ca/der/oids.ts';
import {
  type ExtraExtension,
  type LeafProfile,
  MAX_EXTRA_EXTENSION,
  MAX_EXTRA_EXTENSIONS,
  type ProfileName,
  PROFILES,
} from '../../ca/profile.ts';
import { ML_DSA_SETS } from '../../core/crypto/ml-dsa-sets.ts';
import { parseHex } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import type { ProfileRow } from '../../service/log/profile-table.ts';
import { about, duration, identityScope } from './fields.ts';

/** An object identifier of 3 to 16 arcs below 10^9, which every program accepts. */
const OID = /^[0-2](?:\.(?:0|[1-9]\d{0,8})){2,15}$/;

const PURPOSES: Readonly<Record<string, string>> = PurposeOid;

/** A purpose by name or object identifier. `any` is refused: it would make the others meaningless. */
const purpose = z
  .string()
  .transform((text, context) => {
    const oid = PURPOSES[text] ?? text;
    if (OID.test(oid) && oid !== PurposeOid.any) return oid;
    context.addIssue({
      code: 'custom',
      message: 'not clientAuth, serverAuth, emailProtection, imUri or an object identifier',
    });
    return z.NEVER;
  })
  .meta({ form: '`clientAuth`, `serverAuth`, `emailProtection`, `imUri` or an object identifier' });

/** Extensions that a profile cannot set: the server writes them, they are for CAs, or clients rely on them. */
const OWN_EXTENSIONS: ReadonlySet<string> = new Set([
  ...Object.values(ExtensionOid).filter((oid) => oid !== ExtensionOid.certificatePolicies),
  COMPANION_KEYS_OID,
]);

const extension = z.strictObject({
  oid: z
    .string()
    .regex(OID, 'not an object identifier')
    .refine((oid) => !OWN_EXTENSIONS.has(oid), 'the server writes this extension itself, or it is for CAs only')
    .meta(about('The extension: none that certificates have anyway, and none for CAs.', { form: 'object identifier' })),
  value: z
    .string()
    .regex(/^(?:[0-9A-Fa-f]{2})+$/, 'not bytes in hex')
    .transform((text, context) => {
      try {
        const value = parseHex(text);
        assertBoundedDer(value, { maxBytes: MAX_EXTRA_EXTENSION, maxDepth: 8, maxElements: 64 });
        return value;
      } catch (error) {
        if (!isGlasskeyError(error)) throw error;
        context.addIssue({
          code: 'custom',
          message: `not one DER value of at most ${MAX_EXTRA_EXTENSION} bytes`,
        });
        return z.NEVER;
      }
    })
    .meta(about('Its constant value.', { form: `DER in hex, at most ${MAX_EXTRA_EXTENSION} bytes` })),
});

const extensions = z
  .array(extension)
  .max(MAX_EXTRA_EXTENSIONS)
  .refine(
    (all: readonly ExtraExtension[]) => new Set(all.map(({ oid }) => oid)).size === all.length,
    'an extension appears twice',
  );

const OF_BASE = { otherwise: 'that of `base`' };

/** One `[[profile]]` table: the content of certificates for some identities. */
export const profileRow = z
  .strictObject({
    ...identityScope,
    identities: identityScope.identities.default('any').meta(identityScope.identities.meta() ?? {}),
    base: z
      .enum(Object.keys(PROFILES) as [ProfileName, ...ProfileName[]])
      .default('default')
      .meta(about('The [built-in profile](configuration.md#profiles) to begin with.')),
    validity: duration('1h', '825d')
      .optional()
      .meta(about('How long a certificate is valid, at most as long as the issuing CA.', OF_BASE)),
    keys: z
      .array(z.enum(['ed25519', 'p256', 'p384', 'rsa', ...ML_DSA_SETS]))
      .min(1)
      .optional()
      .meta(about('Kinds of keys that are certified. ML-DSA needs `glasskey admin require ml-dsa`.', OF_BASE)),
    purposes: z.array(purpose).min(1).max(16).optional().meta(about('Extended key usage of a certificate.', OF_BASE)),
    extensions: extensions.optional().meta(about('More extensions, never critical.', { otherwise: 'none' })),
  })
  .transform(({ identities, domains, base, validity, keys, purposes, extensions }): ProfileRow => {
    const built: LeafProfile = PROFILES[base];
    const profile = {
      ...built,
      validityMs: validity ?? built.validityMs,
      keyTypes: keys ?? built.keyTypes,
      purposes: purposes ?? built.purposes,
      extensions,
    };
    return { identities, domains, profile };
  });
