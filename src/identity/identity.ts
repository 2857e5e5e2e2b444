/** What kind of name an identity is. */
export type IdentityKind = 'email' | 'acct' | 'tel' | 'uri';

/** How identities are canonicalised; fixed when the log is created, and part of the trust bundle. */
export interface IdentityRules {
  /** Local parts are folded to lower case: the only rule so far. */
  readonly localPart: 'fold-lower-case';
  /** URI schemes that are accepted besides mailto, acct and tel: lower case, ascending, each once. */
  readonly uriSchemes: readonly string[];
}

/** The rules of a log that configures none. */
export const DEFAULT_IDENTITY_RULES: IdentityRules = { localPart: 'fold-lower-case', uriSchemes: [] };

/** An identity in its one canonical form (DESIGN §6). */
export interface Identity {
  readonly kind: IdentityKind;
  /** For people: `alice@example.com`, `acct:alice@chat.example`, `tel:+15551234567`, or a URI. */
  readonly text: string;
  /** The KEYTRANS label: UTF-8 of `mailto:alice@example.com` and so on, 1..255 bytes. */
  readonly label: Uint8Array;
  /** What the certificate's subjectAltName holds. A `uri` is always ASCII; an `email` can hold a UTF-8 local part. */
  readonly san: { readonly kind: 'email' | 'uri'; readonly value: string };
}
