import { describe, expect, it } from 'vitest';
import { der, derOid, derSequence } from '../../../src/ca/der/der-writer.ts';
import { ExtensionOid, SMTP_UTF8_MAILBOX_OID } from '../../../src/ca/der/oids.ts';
import { validatePath } from '../../../src/ca/path/build-path.ts';
import { type GeneralName, parseGeneralNames } from '../../../src/ca/path/general-name.ts';
import { assertNamesAllowed, MAX_COMPARISONS, parseNameConstraints } from '../../../src/ca/path/name-constraints.ts';
import { verifyChain } from '../../../src/ca/verify-chain.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import {
  commonName,
  constraints,
  directory,
  dns,
  email,
  ip,
  makeCa,
  makeLeaf,
  names,
  uri,
  WITHIN_MS,
} from './made-certificates.ts';

/** Where a name lies with regard to a subtree: within, outside, or nobody can tell. */
type Place = 'in' | 'out' | 'unknown';
/** What the value is, its encoding, the base of the subtree, and where the name lies. */
type Row = readonly [what: string, name: Uint8Array, base: Uint8Array, place: Place];

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
const ones = (count: number): number[] => Array.from({ length: count }, () => 255);
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

const mailbox = (value: string): Uint8Array =>
  der(0xa0, derOid(SMTP_UTF8_MAILBOX_OID), der(0xa0, der(0x0c, encodeUtf8(value))));
const otherName = (oid: string): Uint8Array => der(0xa0, derOid(oid), der(0xa0, der(0x0c, encodeUtf8('x'))));
const dn = (...relative: readonly Uint8Array[]): Uint8Array => directory(derSequence(...relative));
/** A relative name of attributes of type, string type and contents. */
const rdn = (...attributes: readonly (readonly [string, number, Uint8Array])[]): Uint8Array =>
  der(0x31, ...attributes.map(([oid, tag, content]) => derSequence(derOid(oid), der(tag, content))));

const [CN, O, OU] = ['2.5.4.3', '2.5.4.10', '2.5.4.11'];
const UTF8 = 0x0c;
const PRINTABLE = 0x13;
const IA5 = 0x16;
const text = (oid: string, value: string, tag = UTF8): Uint8Array => rdn([oid, tag, encodeUtf8(value)]);
/** ASCII text in characters of `width` bytes. */
const wide = (value: string, width: number): Uint8Array =>
  Uint8Array.from([...encodeUtf8(value)].flatMap((byte) => zeros(width - 1).concat(byte)));
const bmp = (oid: string, value: string): Uint8Array => rdn([oid, 0x1e, wide(value, 2)]);
const evil = dn(text(O, 'Evil Corp'));

const DNS_ROWS: readonly Row[] = [
  ['the host', dns('bad.example'), dns('bad.example'), 'in'],
  ['a host below', dns('a.bad.example'), dns('bad.example'), 'in'],
  ['another case', dns('A.BAD.example'), dns('bad.EXAMPLE'), 'in'],
  ['any host', dns('a.example'), dns(''), 'in'],
  ['another host', dns('good.example'), dns('bad.example'), 'out'],
  ['the same ending', dns('verybad.example'), dns('bad.example'), 'out'],
  ['a wildcard below', dns('*.bad.example'), dns('bad.example'), 'in'],
  ['a wildcard with hosts in and out', dns('*.example.com'), dns('bad.example.com'), 'unknown'],
  ['a wildcard with hosts in and out, deeper', dns('*.example.com'), dns('a.bad.example.com'), 'out'],
  ['a wildcard within a label', dns('b*.example'), dns('bad.example'), 'unknown'],
  ['a wildcard that is not first', dns('a.*.example'), dns('bad.example'), 'unknown'],
  ['a trailing period', dns('bad.example.'), dns('bad.example'), 'unknown'],
  ['a leading period', dns('.bad.example'), dns('bad.example'), 'unknown'],
  ['an underscore', dns('a_b.bad.example'), dns('bad.example'), 'unknown'],
  ['an empty label', dns('bad..example'), dns('bad.example'), 'unknown'],
  ['a space', dns('bad.example '), dns('bad.example'), 'unknown'],
  ['percent-encoding', dns('b%61d.example'), dns('bad.example'), 'unknown'],
  ['an address', dns('192.0.2.1'), dns('bad.example'), 'unknown'],
  ['an address that ends in a hexadecimal number', dns('192.0x201'), dns('bad.example'), 'unknown'],
  ['nothing', dns(''), dns('bad.example'), 'unknown'],
];

const EMAIL_ROWS: readonly Row[] = [
  ['a mailbox of the host', email('a@bad.example'), email('bad.example'), 'in'],
  ['another case of the host', email('a@BAD.example'), email('bad.EXAMPLE'), 'in'],
  ['a host of the domain', email('a@x.bad.example'), email('.bad.example'), 'in'],
  ['the domain itself', email('a@bad.example'), email('.bad.example'), 'out'],
  ['a host below a host', email('a@x.bad.example'), email('bad.example'), 'out'],
  ['the mailbox', email('a@bad.example'), email('a@bad.example'), 'in'],
  ['another mailbox', email('b@bad.example'), email('a@bad.example'), 'out'],
  ['the mailbox at another host', email('a@good.example'), email('a@bad.example'), 'out'],
  ['a mailbox in another case', email('A@bad.example'), email('a@bad.example'), 'unknown'],
  ['a quoted mailbox', email('"a"@bad.example'), email('a@bad.example'), 'unknown'],
  ['a quoted mailbox of the host', email('"a"@bad.example'), email('bad.example'), 'in'],
  ['a quoted mailbox at another host', email('"a"@good.example'), email('a@bad.example'), 'out'],
  ['two at signs', email('a@bad.example@good.example'), email('bad.example'), 'unknown'],
  ['a trailing period', email('a@bad.example.'), email('bad.example'), 'unknown'],
  ['an address as host', email('a@[192.0.2.1]'), email('bad.example'), 'unknown'],
  ['an underscore', email('a@b_c.bad.example'), email('.bad.example'), 'unknown'],
  ['no host', email('a@'), email('bad.example'), 'unknown'],
  ['no mailbox', email('@bad.example'), email('bad.example'), 'unknown'],
  ['no at sign', email('bad.example'), email('bad.example'), 'unknown'],
  ['a UTF-8 mailbox of the host', mailbox('ä@bad.example'), email('bad.example'), 'in'],
  ['a UTF-8 mailbox of another host', mailbox('ä@good.example'), email('bad.example'), 'out'],
  ['a UTF-8 mailbox against a mailbox', mailbox('ä@bad.example'), email('a@bad.example'), 'unknown'],
  ['a UTF-8 mailbox at a U-label', mailbox('ä@bäd.example'), email('xn--bd-via.example'), 'unknown'],
];

const base = uri('bad.example.com');
const URI_ROWS: readonly Row[] = [
  ['the host', uri('https://bad.example.com/'), base, 'in'],
  ['the host alone', uri('https://bad.example.com'), base, 'in'],
  ['the host in another case', uri('HTTPS://BAD.example.com/'), base, 'in'],
  ['the host before a query', uri('https://bad.example.com?q'), base, 'in'],
  ['the host before a fragment', uri('https://bad.example.com#f'), base, 'in'],
  ['the host and a port', uri('https://bad.example.com:443/'), base, 'in'],
  ['the host and an empty port', uri('https://bad.example.com:/'), base, 'in'],
  ['the host after user information', uri('https://good.example.com:pw%20@bad.example.com/'), base, 'in'],
  ['another host with it as user', uri('https://bad.example.com@good.example.com/'), base, 'out'],
  ['another host with it in its path', uri('https://good.example.com/@bad.example.com/'), base, 'out'],
  ['another host', uri('https://good.example.com/'), base, 'out'],
  ['a host below the host', uri('https://a.bad.example.com/'), base, 'out'],
  ['a host of the domain', uri('https://a.bad.example.com/'), uri('.bad.example.com'), 'in'],
  ['the domain itself', uri('https://bad.example.com/'), uri('.bad.example.com'), 'out'],
  ['a host of one label', uri('spiffe://prod/a'), uri('prod'), 'in'],
  ['a host of one label, which is not fully qualified', uri('https://bad/'), base, 'unknown'],
  ['a trailing period', uri('https://bad.example.com./'), base, 'unknown'],
  ['percent-encoding', uri('https://b%61d.example.com/'), base, 'unknown'],
  ['an IPv4 address', uri('https://192.0.2.1/'), base, 'unknown'],
  ['an IPv4 address as one number', uri('https://3221225985/'), base, 'unknown'],
  ['an IPv4 address that ends in a hexadecimal number', uri('https://192.0x201/'), base, 'unknown'],
  ['an IPv6 address', uri('https://[2001:db8::1]/'), base, 'unknown'],
  ['no authority', uri('urn:bad.example.com'), base, 'unknown'],
  ['one slash', uri('https:/bad.example.com/'), base, 'unknown'],
  ['an empty authority', uri('https:///bad.example.com/'), base, 'unknown'],
  ['no scheme', uri('//bad.example.com/'), base, 'unknown'],
  ['an underscore', uri('https://a_b.bad.example.com/'), uri('.bad.example.com'), 'unknown'],
  ['a backslash before an at sign', uri('https://bad.example.com\\@good.example.com/'), base, 'unknown'],
  ['a backslash after the host', uri('https://bad.example.com\\a'), base, 'unknown'],
  ['two at signs', uri('https://a@bad.example.com@good.example.com/'), base, 'unknown'],
  ['a port that is no number', uri('https://good.example.com:bad.example.com/'), base, 'unknown'],
  ['two ports', uri('https://bad.example.com:80:443/'), base, 'unknown'],
  ['user information beyond the grammar', uri('https://a"b@good.example.com/'), base, 'unknown'],
  ['a wrong percent-encoding in user information', uri('https://%zz@good.example.com/'), base, 'unknown'],
  ['a space before the host', uri('https:// bad.example.com/'), base, 'unknown'],
];

const v4 = ip(192, 0, 2, 0, 255, 255, 255, 0);
const IP_ROWS: readonly Row[] = [
  ['an address of the network', ip(192, 0, 2, 9), v4, 'in'],
  ['an address of another network', ip(192, 0, 3, 9), v4, 'out'],
  ['an IPv6 address', ip(0x20, 1, ...zeros(14)), v4, 'out'],
  ['the address in an IPv6 address', ip(...MAPPED_PREFIX, 192, 0, 2, 9), v4, 'unknown'],
  ['another address in an IPv6 address', ip(...MAPPED_PREFIX, 192, 0, 3, 9), v4, 'out'],
  ['IPv4 against all of IPv6', ip(192, 0, 2, 9), ip(...zeros(32)), 'out'],
  [
    'IPv4 against a network of mapped addresses',
    ip(192, 0, 2, 9),
    ip(...MAPPED_PREFIX, 192, 0, 2, 0, ...ones(15), 0),
    'unknown',
  ],
  [
    'a mapped address against such a network',
    ip(...MAPPED_PREFIX, 192, 0, 2, 9),
    ip(...MAPPED_PREFIX, 192, 0, 2, 0, ...ones(15), 0),
    'in',
  ],
  ['an address of 5 bytes', ip(192, 0, 2, 9, 1), v4, 'unknown'],
  ['an address of none', ip(), v4, 'unknown'],
];

const DIRECTORY_ROWS: readonly Row[] = [
  ['the name', evil, evil, 'in'],
  ['a name below', dn(text(O, 'Evil Corp'), text(CN, 'a')), evil, 'in'],
  ['another case and more spaces', dn(text(O, ' EVIL  corp ')), evil, 'in'],
  ['a PrintableString', dn(text(O, 'Evil Corp', PRINTABLE)), evil, 'in'],
  ['any name', dn(text(O, 'a')), dn(), 'in'],
  ['another name', dn(text(O, 'Good Corp')), evil, 'out'],
  ['another attribute', dn(text(OU, 'Evil Corp')), evil, 'out'],
  ['a shorter name', dn(), evil, 'out'],
  ['a name above', dn(text(O, 'Evil Corp')), dn(text(O, 'Evil Corp'), text(OU, 'a')), 'out'],
  [
    'more attributes in one relative name',
    dn(rdn([O, UTF8, encodeUtf8('Evil Corp')], [OU, UTF8, encodeUtf8('a')])),
    evil,
    'out',
  ],
  ['a BMPString', dn(bmp(O, 'Evil Corp')), evil, 'unknown'],
  ['a UniversalString', dn(rdn([O, 0x1c, wide('Evil Corp', 4)])), evil, 'unknown'],
  ['a TeletexString', dn(text(O, 'Evil Corp', 0x14)), evil, 'unknown'],
  ['a VisibleString', dn(text(O, 'Evil Corp', 0x1a)), evil, 'unknown'],
  ['a NumericString', dn(text(O, '1', 0x12)), dn(text(O, '1')), 'unknown'],
  ['a BMPString as base', evil, dn(bmp(O, 'Evil Corp')), 'unknown'],
  ['two BMPStrings that are the same', dn(bmp(O, 'Evil')), dn(bmp(O, 'Evil')), 'in'],
  ['two BMPStrings in another case', dn(bmp(O, 'EVIL')), dn(bmp(O, 'Evil')), 'unknown'],
  ['a BMPString below another name', dn(text(CN, 'a'), bmp(O, 'b')), dn(text(CN, 'b'), text(O, 'b')), 'out'],
  ['another attribute as a BMPString', dn(bmp(OU, 'Evil Corp')), evil, 'out'],
  ['a soft hyphen', dn(text(O, 'Ev\u00adil Corp')), evil, 'unknown'],
  ['a space of no width', dn(text(O, 'Evil\u200b Corp')), evil, 'unknown'],
  ['no space', dn(text(O, 'EvilCorp')), evil, 'unknown'],
  ['a control character', dn(text(O, 'Evil\u0000 Corp')), evil, 'unknown'],
  ['a sharp s', dn(text(O, 'Strasse')), dn(text(O, 'Straße')), 'unknown'],
  [
    'the same type twice',
    dn(rdn([O, UTF8, encodeUtf8('a')], [O, 0x1e, wide('b', 2)])),
    dn(rdn([O, UTF8, encodeUtf8('b')], [O, UTF8, encodeUtf8('a')])),
    'unknown',
  ],
];

const OTHER_ROWS: readonly Row[] = [
  ['an otherName of the type', otherName('1.2.3.4'), otherName('1.2.3.4'), 'unknown'],
  ['an otherName of another type', otherName('1.2.3.4'), otherName('1.2.3.5'), 'out'],
  ['a UTF-8 mailbox against an otherName', mailbox('ä@good.example'), otherName(SMTP_UTF8_MAILBOX_OID), 'unknown'],
  ['a registeredID', der(0x88, Uint8Array.of(0x2a)), der(0x88, Uint8Array.of(0x2a)), 'unknown'],
  ['an x400Address', der(0xa3), der(0xa3), 'unknown'],
  ['an ediPartyName', der(0xa5), der(0xa5), 'unknown'],
  ['another form', der(0xa5), der(0xa3), 'out'],
];

function isAllowed(list: 'permitted' | 'excluded', subtree: Uint8Array, presented: readonly GeneralName[]): boolean {
  const value = list === 'permitted' ? constraints([subtree]) : constraints([], [subtree]);
  try {
    assertNamesAllowed(parseNameConstraints(value.value), presented, { comparisons: MAX_COMPARISONS });
    return true;
  } catch {
    return false;
  }
}

describe.each([
  ['dNSName', DNS_ROWS],
  ['rfc822Name', EMAIL_ROWS],
  ['uniformResourceIdentifier', URI_ROWS],
  ['iPAddress', IP_ROWS],
  ['directoryName', DIRECTORY_ROWS],
  ['other forms', OTHER_ROWS],
] as const)('name constraints on a %s', (_, rows) => {
  it.each(rows.map((row) => [row[0], row[3], row] as const))('%s: %s', (_what, place, [, name, subtree]) => {
    const presented = parseGeneralNames(derSequence(name));
    expect(isAllowed('permitted', subtree, presented), 'within the permitted subtree').toBe(place === 'in');
    expect(isAllowed('excluded', subtree, presented), 'outside the excluded subtree').toBe(place === 'out');
  });
});

describe('name constraints', () => {
  it('do not bind names of other forms', () => {
    const forms = [dns('a.example'), email('a@b.example'), uri('urn:a'), ip(192, 0, 2, 1), directory(commonName('a'))];
    for (const [i, subtree] of [dns('x.example'), email('x.example'), uri('x.example'), v4, evil].entries()) {
      const presented = parseGeneralNames(derSequence(...forms.filter((__, form) => form !== i)));
      expect([isAllowed('permitted', subtree, presented), isAllowed('excluded', subtree, presented)]).toEqual([
        true,
        true,
      ]);
    }
  });

  it('are compared within one budget, whichever paths are tried', async () => {
    const count = (number: number, one: (i: number) => Uint8Array): Uint8Array[] =>
      Array.from({ length: number }, (__, i) => one(i));
    const excluded = {
      [ExtensionOid.nameConstraints]: constraints(
        [],
        count(160, (i) => dns(`x${i}.example`)),
      ),
    };
    const root = makeCa();
    const ca = makeCa({ extensions: excluded }, root);
    const again = makeCa({ extensions: excluded, key: ca.key }, root);
    const presented = { [ExtensionOid.subjectAltName]: names(...count(1_000, (i) => dns(`h${i}.a`))) };
    let accepted = 0;
    const accept = (): Promise<void> => {
      accepted += 1;
      return Promise.reject(new GlasskeyError('certificate-revoked', 'the first path is not good enough'));
    };
    const options = { anchors: [root.der], intermediates: [ca.der, again.der], atMs: WITHIN_MS, accept };
    const paths = validatePath({ leaf: makeLeaf(ca, { extensions: presented }).der, ...options });
    await expect(paths).rejects.toMatchObject({ code: 'certificate-revoked' });
    expect(accepted).toBe(1);
    const few = { [ExtensionOid.subjectAltName]: names(dns('h.a')) };
    const others = validatePath({ leaf: makeLeaf(ca, { extensions: few }).der, ...options });
    await expect(others).rejects.toMatchObject({ code: 'certificate-revoked' });
    expect(accepted).toBe(3);
  });

  it('bind the mail addresses of a subject, beside those of the alternative names', async () => {
    const root = makeCa();
    const ca = makeCa(
      { extensions: { [ExtensionOid.nameConstraints]: constraints([], [email('bad.example')]) } },
      root,
    );
    const judge = async (address: string): Promise<unknown> => {
      const name = derSequence(rdn(['1.2.840.113549.1.9.1', IA5, encodeUtf8(address)]));
      const extensions = { [ExtensionOid.subjectAltName]: names(email('a@good.example')) };
      const leaf = makeLeaf(ca, { name, extensions }).der;
      return validatePath({ leaf, anchors: [root.der], intermediates: [ca.der], atMs: WITHIN_MS });
    };
    await expect(judge('a@other.example')).resolves.toBeDefined();
    await expect(judge('a@bad.example')).rejects.toMatchObject({ code: 'bad-certificate' });
  });

  it('bind the CAs of a chain, beside its leaf', async () => {
    const permitted = constraints([uri('.good.example')]);
    const root = makeCa({ extensions: { [ExtensionOid.nameConstraints]: permitted } });
    const leafNames = { [ExtensionOid.subjectAltName]: names(uri('https://a.good.example/')) };
    const judge = async (host: string): Promise<unknown> => {
      const caNames = { [ExtensionOid.subjectAltName]: names(uri(`https://${host}/`)) };
      const ca = makeCa({ extensions: caNames }, root);
      const certificate = makeLeaf(ca, { extensions: leafNames }).der;
      return verifyChain({ certificate, intermediates: [ca.der], roots: [root.der], atMs: WITHIN_MS });
    };
    await expect(judge('b.good.example')).resolves.toBeDefined();
    await expect(judge('b.bad.example')).rejects.toMatchObject({ code: 'bad-certificate' });
  });
});
