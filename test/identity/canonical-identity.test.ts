import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { canonicalIdentity, identityOfLabel } from '../../src/identity/canonical-identity.ts';
import { assertIdentityRules } from '../../src/identity/identity-rules.ts';
import type { Identity, IdentityRules } from '../../src/identity/identity.ts';

const RULES: IdentityRules = {
  localPart: 'fold-lower-case',
  uriSchemes: ['did', 'https', 'matrix', 'spiffe', 'urn', 'xmpp'],
};

const read = (text: string): Identity => canonicalIdentity(text, RULES);
const labelOf = (text: string): string => decodeUtf8(read(text).label);
const tryRead = (text: string): Identity | undefined => {
  try {
    return read(text);
  } catch {
    return undefined;
  }
};
const refused = (text: string) =>
  expect(() => read(text)).toThrow(expect.objectContaining({ code: 'invalid-identity' }));

describe('canonical identities', () => {
  it.each([
    ['Alice@Example.COM', 'mailto:alice@example.com'],
    ['MAILTO:Alice@example.com', 'mailto:alice@example.com'],
    ['mailto:%41lice@example.com', 'mailto:alice@example.com'],
    ["o'brien+tag=no@example.com".replace('=', '-'), "mailto:o'brien+tag-no@example.com"],
    ['JÜRGEN@example.com', 'mailto:jürgen@example.com'],
    ['ju\u0308rgen@example.com', 'mailto:jürgen@example.com'],
    ['mailto:j%C3%BCrgen@example.com', 'mailto:jürgen@example.com'],
    ['mailto:ju%CC%88rgen@example.com', 'mailto:jürgen@example.com'],
    ['ΑΛΈΞΑΝΔΡΟΣ@example.gr', 'mailto:αλέξανδροσ@example.gr'],
    ['αλέξανδρος@example.gr', 'mailto:αλέξανδροσ@example.gr'],
    ['\u212Bse@example.com', 'mailto:åse@example.com'],
    ['\u212Aim@example.com', 'mailto:kim@example.com'],
    ['ИВАН@пример.рф', 'mailto:иван@xn--e1afmkfd.xn--p1ai'],
    ['علي@example.com', 'mailto:علي@example.com'],
    ['花子@日本語.jp', 'mailto:花子@xn--wgv71a119e.jp'],
    ['a@bu\u0308cher.example', 'mailto:a@xn--bcher-kva.example'],
    ['a@BÜCHER.example', 'mailto:a@xn--bcher-kva.example'],
    ['a@XN--BCHER-KVA.example', 'mailto:a@xn--bcher-kva.example'],
    ['a@xn--strae-oqa.de', 'mailto:a@xn--strae-oqa.de'],
    ['ACCT:Bob@Chat.Example', 'acct:bob@chat.example'],
    ['acct:j%c3%bcrgen@chat.example', 'acct:jürgen@chat.example'],
    ['tel:+1-555-123.4567', 'tel:+15551234567'],
    ['+15551234567', 'tel:+15551234567'],
    ['TEL:+1555123', 'tel:+1555123'],
    ['XMPP:Alice@Chat.example', 'xmpp:alice@chat.example'],
    ['HTTPS://Example.COM', 'https://example.com'],
    ['https://example.com/', 'https://example.com'],
    ['https://example.com/%7Ealice', 'https://example.com/~alice'],
    ['https://example.com/Alice', 'https://example.com/Alice'],
    ['https://example.com/@alice', 'https://example.com/@alice'],
    ['https://example.com/ü', 'https://example.com/%C3%BC'],
    ['https://example.com/u%cc%88', 'https://example.com/%C3%BC'],
    ['https://bücher.example/x', 'https://xn--bcher-kva.example/x'],
    ['spiffe://Prod.example/ns/web', 'spiffe://prod.example/ns/web'],
    ['URN:UUID:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    ['urn:ISBN:0451450523X', 'urn:isbn:0451450523X'],
    ['did:web:Example', 'did:web:Example'],
    ['matrix:u/alice:example.org', 'matrix:u/alice:example.org'],
  ])('reads %s', (typed, label) => {
    expect(labelOf(typed)).toBe(label);
  });

  it.each([
    '',
    'alice',
    '@example.com',
    'alice@',
    'alice@@example.com',
    'a@b@example.com',
    'alice@localhost',
    'alice@example.com.',
    'alice@.example.com',
    'alice@example..com',
    'alice@-example.com',
    'alice@example-.com',
    'alice@exa_mple.com',
    'alice@192.0.2.1',
    'alice@example.0x7f',
    'alice@[192.0.2.1]',
    'alice@example.com:25',
    'alice@ex%61mple.com',
    'alice@ab--cd.com',
    'alice@xn--.com',
    'alice@xn--a.com',
    'alice@xn--abc-.com',
    'alice@xn--bcher-kvb9999.example',
    'alice@xn--BCHER-KVA\u200d.example',
    'alice@straße.de',
    'alice@λόγος.gr',
    'alice@日本語。jp',
    'alice@☃.net',
    'alice@xn--n3h.net',
    'alice@\u0661\u0662.example',
    'alice@-\u00fc.example',
    `alice@${'a'.repeat(64)}.com`,
    `alice@${'ü'.repeat(60)}\u4e00.com`,
    `alice@${`${'a'.repeat(60)}.`.repeat(5)}com`,
    '.alice@example.com',
    'alice.@example.com',
    'al..ice@example.com',
    '"alice"@example.com',
    '"a b"@example.com',
    'a b@example.com',
    ' alice@example.com',
    'alice@example.com\n',
    'Alice <alice@example.com>',
    'alice@example.com,bob@example.com',
    'al%69ce@example.com',
    'al/ice@example.com',
    'al=ice@example.com',
    'al#ice@example.com',
    'al?ice@example.com',
    'al(x)ice@example.com',
    'al:ice@example.com',
    'alice\0@example.com',
    'ali\u00adce@example.com',
    'ali\u200bce@example.com',
    'ali\u200dce@example.com',
    'ali\u202ece@example.com',
    'ali\u2066ce@example.com',
    'ali\ufe0fce@example.com',
    'ali\ufeffce@example.com',
    'ali\u034fce@example.com',
    'ali\u3164ce@example.com',
    'ali\u115fce@example.com',
    'ali\u00a0ce@example.com',
    'ali\u3000ce@example.com',
    'ali\ue000ce@example.com',
    'ali\u0378ce@example.com',
    'ali\ud800ce@example.com',
    '\u0301alice@example.com',
    'a.\u0301b@example.com',
    'al\u{1f600}ice@example.com',
    'al\u2460ce@example.com',
    'ａlice@example.com',
    'ﬁona@example.com',
    'al\u00b5@example.com',
    'al\u00aa@example.com',
    'al\u0661@example.com',
    'al\u0640@example.com',
    'stra\u00dfe@example.com',
    'stra\u1e9ee@example.com',
    'al\u0131ce@example.com',
    'AL\u0130CE@example.com',
    'ALI\u0307CE@example.com',
    'al\u01c5@example.com',
    'al\u1fb3@example.com',
    'ali\u017fe@example.com',
    `${'a'.repeat(65)}@example.com`,
    `${'ü'.repeat(33)}@example.com`,
    'alice＠example.com',
    'mailto:',
    'mailto:alice',
    'mailto:alice@example.com?subject=x',
    'mailto:alice@example.com,bob@example.com',
    'mailto:alice%40evil.example@example.com',
    'mailto:alice%2540@example.com',
    'mailto:alice%00@example.com',
    'mailto:alice%@example.com',
    'mailto:alice%ff@example.com',
    'mailto:alice%e2%80%ae@example.com',
    'mailto://alice@example.com',
    'mailto:mailto:alice@example.com',
    'acct:alice',
    'acct://alice@example.com',
    'acct:alice%40x@example.com',
    'tel:15551234567',
    'tel:+05551234567',
    'tel:+155512',
    'tel:+1555123456789012',
    'tel:+1--5551234567',
    'tel:+1 555 123 4567',
    'tel:+44(0)2079460000',
    'tel:+15551234567;ext=1',
    'tel:+-15551234567',
    'tel:+15551234567-',
    'tel:+1555123456\u0667',
    'tel:++15551234567',
    'ftp://example.com/x',
    'javascript:alert(1)',
    'https:example.com',
    'https:/example.com',
    'https:',
    'https://',
    'https:///x',
    'https://localhost/x',
    'https://alice@example.com/',
    'https://example.com@evil.example/',
    'https://example.com:443/',
    'https://example.com:8443/x',
    'https://[::1]/',
    'https://127.0.0.1/',
    'https://ex%61mple.com/',
    'https://example.com\\@evil.example/',
    'https://example.com/?',
    'https://example.com/#',
    'https://example.com/x?y',
    'https://example.com/x#y',
    'https://example.com/x/',
    'https://example.com//x',
    'https://example.com/./x',
    'https://example.com/../x',
    'https://example.com/%2e%2e/x',
    'https://example.com/a%2fb',
    'https://example.com/a%3fb',
    'https://example.com/a%20b',
    'https://example.com/a%2',
    'https://example.com/a%',
    'https://example.com/a%c3',
    'https://example.com/a%c0%af',
    'https://example.com/a%ed%a0%80',
    'https://example.com/<x>',
    'https://example.com/"x"',
    'https://example.com/[x]',
    'https://example.com/ﬁ',
    'urn:uuid',
    'urn:x:y',
    'urn:uuid:a?+b',
    'did:WEB:example.com',
    'matrix:u/alice@example.org',
    'xmpp:alice@example.com/phone',
    'a'.repeat(1025),
    `https://example.com/${'a'.repeat(240)}`,
  ])('refuses %j', refused);

  it('names the kind and the subjectAltName', () => {
    expect(read('Alice@example.com')).toMatchObject({
      kind: 'email',
      text: 'alice@example.com',
      san: { kind: 'email', value: 'alice@example.com' },
    });
    expect(read('acct:Jürgen@chat.example')).toMatchObject({
      kind: 'acct',
      text: 'acct:jürgen@chat.example',
      san: { kind: 'uri', value: 'acct:j%C3%BCrgen@chat.example' },
    });
    expect(read('+15551234567')).toMatchObject({
      kind: 'tel',
      text: 'tel:+15551234567',
      san: { kind: 'uri', value: 'tel:+15551234567' },
    });
    expect(read('https://example.com/ü')).toMatchObject({
      kind: 'uri',
      san: { kind: 'uri', value: 'https://example.com/%C3%BC' },
    });
  });

  it('never repeats what was typed in the reason', () => {
    for (const typed of ['secret name@example.com', 'secret@localhost', 'x-secret:y', 'secret']) {
      expect(() => read(typed)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }));
    }
  });

  it('accepts exactly 255 bytes of label', () => {
    const prefix = 'https://example.com/';
    expect(read(prefix + 'a'.repeat(255 - prefix.length)).label).toHaveLength(255);
    refused(prefix + 'a'.repeat(256 - prefix.length));
  });

  it('accepts schemes only where the rules list them', () => {
    const none: IdentityRules = { localPart: 'fold-lower-case', uriSchemes: [] };
    expect(() => canonicalIdentity('https://example.com', none)).toThrow(
      expect.objectContaining({ code: 'invalid-identity' }),
    );
    expect(canonicalIdentity('alice@example.com', none).kind).toBe('email');
  });
});

describe('labels', () => {
  it('reads canonical labels only', () => {
    const read = (label: string) => identityOfLabel(encodeUtf8(label), RULES);
    expect(read('mailto:alice@example.com').text).toBe('alice@example.com');
    for (const label of ['alice@example.com', 'mailto:Alice@example.com', 'MAILTO:alice@example.com', 'x']) {
      expect(() => read(label)).toThrow(expect.objectContaining({ code: 'invalid-identity' }));
    }
    expect(() => identityOfLabel(Uint8Array.of(0xff), RULES)).toThrow(
      expect.objectContaining({ code: 'invalid-identity' }),
    );
  });
});

// Text that is often accepted, and has every trap in it.
const name = fc.string({
  unit: fc.constantFrom(
    ...Array.from('abzAZ019._-+ßςΣσıİiIÄäÅåéĐđЖжאبकज़क्षข가日ǅǆﬁＡ\u0301\u0308\u0307\u0323\u0345%@/:'),
  ),
  minLength: 1,
  maxLength: 12,
});
const typed = fc.oneof(
  fc.tuple(name, name).map(([user, host]) => `${user}@${host}.com`),
  name.map((user) => `${user}@example.com`),
  name.map((user) => `acct:${user}@example.com`),
  name.map((path) => `https://example.com/${path}`),
  name.map((path) => `urn:example:${path}`),
  fc.string({ unit: 'binary', maxLength: 12 }).map((user) => `${user}@example.com`),
);

describe('properties of canonical forms', () => {
  it('a canonical form is its own', () => {
    fc.assert(
      fc.property(typed, (text) => {
        const first = tryRead(text);
        if (first === undefined) return;
        expect(read(first.text)).toEqual(first);
        expect(identityOfLabel(first.label, RULES)).toEqual(first);
        expect(labelOf(first.san.value)).toBe(decodeUtf8(first.label));
      }),
      { numRuns: 1000 },
    );
  });

  it('normalisation and the case of user and host make no other label', () => {
    const users = fc.oneof(
      name.map((user) => `${user}@example.com`),
      name.map((host) => `a@${host}.com`),
    );
    fc.assert(
      fc.property(users, (text) => {
        const first = tryRead(text);
        if (first === undefined) return;
        const spellings = [text.normalize('NFD'), text.toUpperCase(), text.toLowerCase(), first.text.toUpperCase()];
        for (const spelling of spellings) {
          const other = tryRead(spelling);
          if (other !== undefined) expect(other).toEqual(first);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('every letter of the basic plane folds to one form or is refused', () => {
    for (let point = 0x80; point < 0x10000; point += 7) {
      const first = tryRead(`x${String.fromCodePoint(point)}x@example.com`);
      if (first === undefined) continue;
      const user = first.text.slice(0, first.text.indexOf('@'));
      expect(user).toBe(user.normalize('NFC'));
      expect(user).toBe(user.normalize('NFKC'));
      expect(user.toUpperCase().toLowerCase().replaceAll('ς', 'σ')).toBe(user);
      for (const spelling of [user.toUpperCase(), user.normalize('NFD'), user.toUpperCase().normalize('NFD')]) {
        expect(tryRead(`${spelling}@example.com`)?.text).toBe(first.text);
      }
    }
  });

  it('every accepted domain is what the platform makes of it, where it makes anything of the spelling', () => {
    const platform = (host: string): string | undefined => {
      try {
        return new URL(`http://${host}/`).hostname;
      } catch {
        return undefined;
      }
    };
    for (let point = 0x80; point < 0x10000; point += 3) {
      const typedHost = `x${String.fromCodePoint(point)}x.com`;
      const host = tryRead(`a@${typedHost}`)?.text.slice(2);
      if (host === undefined) continue;
      expect(host).toMatch(/^xn--[a-z0-9-]+\.com$/);
      expect([host, undefined]).toContain(platform(typedHost));
      expect(platform(host)).toBe(host);
    }
  });
});

describe('identity rules', () => {
  it.each([[['https', 'urn']], [[]], [['web+x', 'x.y', 'z-1']]])('accepts %j', (uriSchemes) => {
    expect(() => assertIdentityRules({ localPart: 'fold-lower-case', uriSchemes })).not.toThrow();
  });

  it.each([
    [['urn', 'https']],
    [['urn', 'urn']],
    [['HTTPS']],
    [['']],
    [['1x']],
    [['mailto']],
    [['tel']],
    [['acct']],
    [['a:b']],
  ])('refuses %j', (uriSchemes) => {
    expect(() => assertIdentityRules({ localPart: 'fold-lower-case', uriSchemes })).toThrow(
      expect.objectContaining({ code: 'value-out-of-range' }),
    );
  });
});
