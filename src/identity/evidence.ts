import { type Codec, enumeration } from '../core/encoding/codec.ts';
import { shortText } from './text-codec.ts';

/**
 * The evidence that the requester holds the identity. It is in the record, so every contact of the identity sees it.
 *
 * - `application`: the application's own backend, by an application token. The record does not name the token.
 * - `oidc`: an OpenID provider, named by its issuer URL (1..255 bytes).
 * - `email`: an answered e-mail challenge.
 * - `import`: only the log's administrator, who took the identity over from elsewhere. With `possession`, the key
 *   signed a request that names the identity. Without it, nobody proved possession of the private key.
 */
export type Evidence =
  | { readonly type: 'application' }
  | { readonly type: 'oidc'; readonly issuer: string }
  | { readonly type: 'email' }
  | { readonly type: 'import'; readonly possession: boolean };

const APPLICATION = 1;
const OIDC = 2;
const EMAIL = 3;
const IMPORT = 4;

const NOT_SHOWN = 1;
const SHOWN = 2;
const possession = enumeration([NOT_SHOWN, SHOWN]);
const kind = enumeration([APPLICATION, OIDC, EMAIL, IMPORT]);

/**
 * Codec of {@link Evidence}: `enum { application(1), oidc(2), email(3), import(4) } type; select (type) { case oidc:
 * opaque issuer<1..2^8-1>; case import: enum { notShown(1), shown(2) } possession; }`. Throws `malformed-encoding`.
 */
export const evidenceCodec: Codec<Evidence> = {
  write: (writer, evidence) => {
    switch (evidence.type) {
      case 'application':
        return kind.write(writer, APPLICATION);
      case 'email':
        return kind.write(writer, EMAIL);
      case 'import':
        kind.write(writer, IMPORT);
        return possession.write(writer, evidence.possession ? SHOWN : NOT_SHOWN);
      case 'oidc':
        kind.write(writer, OIDC);
        return shortText.write(writer, evidence.issuer);
    }
  },
  read: (reader) => {
    const type = kind.read(reader);
    if (type === OIDC) return { type: 'oidc', issuer: shortText.read(reader) };
    if (type === IMPORT) return { type: 'import', possession: possession.read(reader) === SHOWN };
    return type === EMAIL ? { type: 'email' } : { type: 'application' };
  },
};
