/** The kind of an identity's name. */
export type IdentityKind = 'email' | 'acct' | 'tel' | 'uri';

/** Rules of canonicalisation; fixed when the log is created, and part of the trust bundle. */
export interface IdentityRules {
  /** Folds local parts to lower case: the only rule so far. */
  readonly localPart: 'fold-lower-case';
  /** URI schemes accepted besides mailto, acct and tel: lower case, ascending, each once. */
  readonly uriSchemes: readonly string[];
}

/** The default rules of a log. */
export const DEFAULT_IDENTITY_RULES: IdentityRules = { localPart: 'fold-lower-case', uriSchemes: [] };

/** An identity in its one canonical form (`docs/spec.md#identities`). */
export interface Identity {
  readonly kind: IdentityKind;
  /** For people: `alice@example.com`, `acct:alice@chat.example`, `tel:+15551234567`, or a URI. */
  readonly text: string;
  /** The KEYTRANS label: UTF-8 of `mailto:alice@example.com` and so on, 1..255 bytes. */
  readonly label: Uint8Array;
  /** The name in the certificate's subjectAltName. A `uri` is always ASCII; an `email` can have a UTF-8 local part. */
  readonly san: { readonly kind: 'email' | 'uri'; readonly value: string };
}
