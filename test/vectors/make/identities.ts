import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { hex, type OwnCase, type OwnFile, refused } from './own-file.ts';

const RULES = { localPart: 'fold-lower-case', uriSchemes: ['https', 'sip', 'urn'] };

/** As typed, what it is called, and its label. */
const CANONICAL: readonly (readonly [string, string, string])[] = [
  ['alice@example.com', 'alice@example.com', 'mailto:alice@example.com'],
  ['Alice@EXAMPLE.com', 'alice@example.com', 'mailto:alice@example.com'],
  ['mailto:alice@example.com', 'alice@example.com', 'mailto:alice@example.com'],
  ['mailto:%61lice@example.com', 'alice@example.com', 'mailto:alice@example.com'],
  ['first.last+tag@mail.example.org', 'first.last+tag@mail.example.org', 'mailto:first.last+tag@mail.example.org'],
  ['Jos\u00e9@example.com', 'jos\u00e9@example.com', 'mailto:jos\u00e9@example.com'],
  ['jose\u0301@example.com', 'jos\u00e9@example.com', 'mailto:jos\u00e9@example.com'],
  [
    '\u03b3\u03c1\u03ac\u03c6\u03c9\u03c2@example.com',
    '\u03b3\u03c1\u03ac\u03c6\u03c9\u03c3@example.com',
    'mailto:\u03b3\u03c1\u03ac\u03c6\u03c9\u03c3@example.com',
  ],
  ['info@B\u00fccher.example', 'info@xn--bcher-kva.example', 'mailto:info@xn--bcher-kva.example'],
  ['info@xn--bcher-kva.example', 'info@xn--bcher-kva.example', 'mailto:info@xn--bcher-kva.example'],
  ['x\u0302y@example.com', 'x\u0302y@example.com', 'mailto:x\u0302y@example.com'],
  ['x\u0302\u0323@example.com', 'x\u0323\u0302@example.com', 'mailto:x\u0323\u0302@example.com'],
  ['a!b@a-b--c.example', 'a!b@a-b--c.example', 'mailto:a!b@a-b--c.example'],
  [
    'acct:Jos%C3%A9@B\u00fccher.example',
    'acct:jos\u00e9@xn--bcher-kva.example',
    'acct:jos\u00e9@xn--bcher-kva.example',
  ],
  ['acct:Alice@chat.example', 'acct:alice@chat.example', 'acct:alice@chat.example'],
  ['tel:+1-555-123-4567', 'tel:+15551234567', 'tel:+15551234567'],
  ['+44.20.79460000', 'tel:+442079460000', 'tel:+442079460000'],
  ['sip:Alice@pbx.example', 'sip:alice@pbx.example', 'sip:alice@pbx.example'],
  ['https://Example.com/%7Ealice', 'https://example.com/~alice', 'https://example.com/~alice'],
  [
    'urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6',
    'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  ],
];

/** Why, and what was typed. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['no host', 'alice'],
  ['a space', 'alice @example.com'],
  ['a control character', 'alice\u0000@example.com'],
  ['a bidirectional control', 'alice\u202e@example.com'],
  ['a zero-width space', 'ali\u200bce@example.com'],
  ['a quoted local part', '"alice"@example.com'],
  ['two at signs', 'alice@home@example.com'],
  ['two dots', 'al..ice@example.com'],
  ['a dot at the end of the local part', 'alice.@example.com'],
  ['a local part of 65 bytes', `${'a'.repeat(65)}@example.com`],
  ['a host of one label', 'alice@localhost'],
  ['a host with a final dot', 'alice@example.com.'],
  ['an address literal', 'alice@[192.0.2.1]'],
  ['a host that ends in a number', 'alice@192.0.2.1'],
  ['a letter that has two lower cases', 'stra\u00dfe@example.com'],
  ['a full-width letter', '\uff41lice@example.com'],
  ['an A-label of nothing', 'info@xn--.example'],
  ['an A-label that is not minimal', 'info@xn--example-.com'],
  ['a mark before any letter', '\u0302alice@example.com'],
  ['a mark on a digit', 'alice1\u0302@example.com'],
  ['a mark on a hyphen', 'alice-\u0302@example.com'],
  ['a host whose label begins with a hyphen', 'alice@-mail.example'],
  ['a host whose label ends with a hyphen', 'alice@mail-.example'],
  ['a host with hyphens in third and fourth place', 'alice@ab--c.example'],
  ['a U-label that ends with a hyphen', 'alice@b\u00fccher-.example'],
  ['a U-label with hyphens in third and fourth place', 'alice@b\u00fc--cher.example'],
  ['a percent-encoded host', 'mailto:alice@%65xample.com'],
  ['a percent-encoded local part without a scheme', '%61lice@example.com'],
  ['a percent-encoded delimiter', 'mailto:alice%40home@example.com'],
  ['a telephone number without country', 'tel:5551234567'],
  ['a telephone number that starts with 0', '+0123456789'],
  ['a telephone number with parentheses', '+44(0)2079460000'],
  ['a scheme that the rules do not list', 'ftp://example.com/alice'],
  ['a URI with a query', 'https://example.com/alice?x=1'],
  ['a URI with a fragment', 'https://example.com/alice#x'],
  ['a URI with a port', 'https://example.com:8443/alice'],
  ['a URI with user information', 'https://alice@example.com/'],
  ['a URI with dot segments', 'https://example.com/a/../b'],
  ['a label of 256 bytes', `urn:example:${'a'.repeat(244)}`],
];

/** The name in a certificate, written again from the specification. */
function sanOf(text: string): OwnCase['expect'] {
  if (!text.includes(':')) return { kind: 'email', value: text };
  const value = text.replaceAll(/[^\0-\x7f]/gu, (character) => encodeURIComponent(character));
  return { kind: 'uri', value };
}

/** Identities as typed, and their labels. */
export function makeIdentities(): OwnFile {
  return {
    primitive: 'identity',
    notes: [
      'input.typed: what a person typed; input.rules: identityRules of the trust bundle.',
      'expect.text: the canonical form; expect.label: the KEYTRANS label, hex.',
      'expect.san: the name in a certificate: kind is email (an rfc822Name, or an SmtpUTF8Mailbox where the local part is not',
      'ASCII) or uri.',
    ],
    cases: [
      ...CANONICAL.map(([typed, text, label]) => ({
        name: `${typed} is ${text}`,
        input: { typed, rules: RULES },
        expect: { text, label: hex(encodeUtf8(label)), san: sanOf(text) },
      })),
      ...REFUSED.map(([why, typed]) => refused(why, { typed, rules: RULES }, 'invalid-identity')),
    ],
  };
}
