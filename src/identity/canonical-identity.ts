import { decodeUtf8, encodeUtf8, equalBytes } from '../core/encoding/bytes.ts';

import { canonicalUri } from './canonical-uri.ts';
import type { Identity, IdentityKind, IdentityRules } from './identity.ts';
import { assertVisible, refusal } from './name-characters.ts';
import { encodePercent } from './percent-encoding.ts';
import { canonicalUserAtHost } from './user-at-host.ts';

/** Longer input is refused at once: no label of 255 bytes needs as many characters. */
const MAX_TYPED = 1024;
const MAX_LABEL = 255;

/** Schemes besides acct whose URIs are `user@host`, case-insensitive in both parts. */
const USER_AT_HOST_SCHEMES: readonly string[] = ['im', 'pres', 'sip', 'sips', 'xmpp'];

/**
 * Returns the canonical form of an identity as typed (`docs/spec.md#identities` has every rule). `text` is untrusted.
 *
 * Two spellings of one identity have one label, and a canonical form is its own canonical form. Labels of different
 * kinds differ, because each starts with its scheme: `mailto:alice@example.com` typed as a URI is the e-mail address.
 * Throws `invalid-identity` for ambiguous input, with a reason that does not repeat the text.
 */
export function canonicalIdentity(text: string, rules: IdentityRules): Identity {
  if (text.length === 0 || text.length > MAX_TYPED) throw refusal('is empty or too long');
  assertVisible(text);
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/u.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  const rest = match?.[2] ?? '';
  if (scheme === undefined) return withoutScheme(text);
  if (scheme === 'mailto') return email(rest, true);
  if (scheme === 'tel') return telephone(rest);
  if (scheme === 'acct') return userAtHostUri('acct', 'acct', rest);
  if (!rules.uriSchemes.includes(scheme)) throw refusal('has a URI scheme that this log does not accept');
  if (USER_AT_HOST_SCHEMES.includes(scheme)) return userAtHostUri('uri', scheme, rest);
  const uri = canonicalUri(scheme, rest);
  return identity('uri', uri, uri, { kind: 'uri', value: uri });
}

/** Returns the identity with this label. Throws `invalid-identity` if the label is not canonical under `rules`. */
export function identityOfLabel(label: Uint8Array, rules: IdentityRules): Identity {
  let text: string;
  try {
    text = decodeUtf8(label);
  } catch {
    throw refusal('is not UTF-8');
  }
  const found = canonicalIdentity(text, rules);
  if (!equalBytes(found.label, label)) throw refusal('is not in canonical form');
  return found;
}

function withoutScheme(text: string): Identity {
  if (text.includes('@')) return email(text, false);
  if (text.startsWith('+')) return telephone(text);
  throw refusal('is not an e-mail address, a telephone number or a URI');
}

function email(text: string, uri: boolean): Identity {
  const { user, host } = canonicalUserAtHost(text, { uri });
  const address = `${user}@${host}`;
  return identity('email', address, `mailto:${address}`, { kind: 'email', value: address });
}

function userAtHostUri(kind: IdentityKind, scheme: string, rest: string): Identity {
  const { user, host } = canonicalUserAtHost(rest, { uri: true });
  const text = `${scheme}:${user}@${host}`;
  return identity(kind, text, text, { kind: 'uri', value: encodePercent(text) });
}

/**
 * E.164: a plus and 7 to 15 digits, the first not 0. Hyphens and dots between digits (RFC 3966 visual separators) are
 * dropped. Parentheses are refused: in `+44(0)20…` they hold a digit that is not dialled.
 */
function telephone(typed: string): Identity {
  const number = typed.replaceAll(/(?<=[0-9])[-.](?=[0-9])/g, '');
  if (!/^\+[1-9][0-9]{6,14}$/.test(number)) throw refusal('is not a telephone number of + and 7 to 15 digits');
  const text = `tel:${number}`;
  return identity('tel', text, text, { kind: 'uri', value: text });
}

function identity(kind: IdentityKind, text: string, labelText: string, san: Identity['san']): Identity {
  const label = encodeUtf8(labelText);
  if (label.length > MAX_LABEL) throw refusal(`is longer than ${MAX_LABEL} bytes`);
  return { kind, text, label, san };
}
