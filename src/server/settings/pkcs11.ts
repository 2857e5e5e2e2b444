import { z } from 'zod';
import type { TokenKeyName } from '../../ca/pkcs11/token-key.ts';
import { about, duration, fileName } from './fields.ts';

/** The purposes of keys in a token. The VRF is missing, since no token computes one. */
export const TOKEN_PURPOSES = ['root', 'issuer', 'tree-head', 'checkpoint', 'ocsp', 'bundle'] as const;

/** A purpose of a key in a token. */
export type TokenPurpose = (typeof TOKEN_PURPOSES)[number];

/** The keys in a PKCS #11 token, and the access to it. */
export interface Pkcs11Settings {
  readonly module: string;
  /** Label of the token, or its slot number. */
  readonly token: string | number;
  /** The place of the PIN: a file, relative to the data folder, or an environment variable. */
  readonly pin: { readonly file: string } | { readonly variable: string };
  readonly sessions: number;
  readonly timeoutMs: number;
  /** Keys of the issuing CAs after the first, in their order. */
  readonly laterIssuers: readonly TokenKeyName[];
  readonly keys: { readonly [purpose in TokenPurpose]?: TokenKeyName | undefined };
}

const tokenKey = z
  .strictObject({
    label: z.string().min(1).max(255).optional(),
    id: z
      .string()
      .regex(/^(?:[0-9a-f]{2}){1,64}$/, 'not bytes in lower-case hex')
      .optional(),
  })
  .refine(({ label, id }) => label !== undefined || id !== undefined, 'needs a label or an id')
  .meta({ form: '`{ label, id }`: a text, bytes in lower-case hex, or both' });

/** `file:NAME` or `env:NAME`. The PIN itself does not belong in the settings. */
const pinPlace = z
  .string()
  .transform((text, context): Pkcs11Settings['pin'] => {
    const [, variable] = /^env:([A-Za-z_][A-Za-z0-9_]{0,99})$/.exec(text) ?? [];
    if (variable !== undefined) return { variable };
    const [, file] = /^file:([^\0]{1,255})$/.exec(text) ?? [];
    if (file !== undefined) return { file };
    context.addIssue({ code: 'custom', message: 'not "file:NAME" or "env:NAME"; the PIN itself does not belong here' });
    return z.NEVER;
  })
  .meta({ form: '`file:NAME` or `env:NAME`' });

const inFile = { otherwise: 'in a file', restart: true };

/** The table `[pkcs11]`. */
export const pkcs11Schema = z
  .strictObject({
    module: fileName
      .regex(/^\//, 'not an absolute path')
      .meta(about('The PKCS #11 library of the token.', { form: 'absolute path', restart: true })),
    token: z
      .union([
        z.string().min(1).max(32),
        z
          .int()
          .min(0)
          .max(2 ** 48 - 1),
      ])
      .meta(about('Label of the token, or the number of its slot.', { form: 'text or integer', restart: true })),
    pin: pinPlace.meta(about('A file, or a variable of the server, that has the PIN.', { restart: true })),
    sessions: z
      .int()
      .min(1)
      .max(64)
      .default(4)
      .meta(about('Signatures that are made at once.', { restart: true })),
    timeout: duration('1s', '1m')
      .prefault('10s')
      .meta(about('The time after which a call counts as hung.', { restart: true })),
    keys: z
      .strictObject({
        root: tokenKey.optional().meta(about('The key of the root CA, for commands.', { otherwise: 'in a file' })),
        issuer: tokenKey.optional().meta(about('The key of the first issuing CA.', inFile)),
        tree_head: tokenKey.optional().meta(about('The key that signs tree heads.', inFile)),
        checkpoint: tokenKey.optional().meta(about('The key that signs checkpoints.', inFile)),
        ocsp: tokenKey.optional().meta(about('The key of the OCSP responder.', inFile)),
        bundle: tokenKey
          .optional()
          .meta(about('The key that signs trust bundles, for commands.', { otherwise: 'in a file' })),
        later_issuers: z
          .array(tokenKey)
          .min(1)
          .max(98)
          .optional()
          .meta(
            about('The keys of the issuing CAs after the first, in their order.', {
              form: 'list of `{ label, id }`',
              otherwise: 'in files',
            }),
          ),
      })
      .meta(about('The keys that are in the token. The VRF key is always in a file.')),
  })
  .meta(about('Signing keys in a [hardware token](hardware-keys.md).'));

type Pkcs11Table = z.output<typeof pkcs11Schema>;

/** Converts a valid table to settings. */
export function pkcs11Settings(table: Pkcs11Table): Pkcs11Settings {
  const { module, token, pin, sessions, timeout: timeoutMs, keys } = table;
  const { tree_head: treeHead, later_issuers: laterIssuers = [], ...others } = keys;
  return {
    module,
    token,
    pin,
    sessions,
    timeoutMs,
    laterIssuers,
    keys: treeHead === undefined ? others : { ...others, 'tree-head': treeHead },
  };
}
