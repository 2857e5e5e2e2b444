import { ExtensionOid, PurposeOid } from '../../../src/ca/der/oids.ts';
import { der, derOid, derSequence } from '../../../src/ca/der/der-writer.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import {
  caWith,
  commonName,
  constraints,
  critical,
  directory,
  dns,
  email,
  inhibitAnyPolicy,
  ip,
  keyUsage,
  type Made,
  makeCa,
  makeLeaf,
  type MadeExtension,
  mappings,
  names,
  newKey,
  plain,
  policies,
  policyConstraints,
  purposes,
  type Recipe,
  uri,
  VALID_FROM_MS,
  VALID_TO_MS,
  WITHIN_MS,
} from './made-certificates.ts';

/** A path that is to be judged. */
export interface PathCase {
  readonly id: string;
  /** The section of RFC 5280 that decides it. */
  readonly section: string;
  readonly valid: boolean;
  readonly leaf: Made;
  readonly intermediates?: readonly Made[];
  readonly anchors: readonly Made[];
  readonly atMs?: number;
  readonly peer?: { readonly kind: 'DNS' | 'IP' | 'RFC822'; readonly value: string };
  readonly purpose?: 'serverAuth' | 'clientAuth' | 'emailProtection';
  /** Where others judge otherwise, and why that is no reason to. */
  readonly differs?: Readonly<Partial<Record<'openssl' | 'go', string>>>;
}

type Extensions = NonNullable<Recipe['extensions']>;
const POLICY_1 = '1.3.6.1.4.1.55738.1';
const POLICY_2 = '1.3.6.1.4.1.55738.2';
const ANY_POLICY = '2.5.29.32.0';
const UNKNOWN_OID = '1.3.6.1.4.1.55738.9';
const DAY_MS = 24 * 3_600_000;

interface Shape {
  readonly root?: Recipe;
  readonly ca?: Recipe;
  readonly leaf?: Recipe;
}

/** Root, one CA below it, and a leaf. */
function chain({ root, ca, leaf }: Shape): Pick<PathCase, 'leaf' | 'intermediates' | 'anchors'> {
  const anchor = makeCa(root);
  const issuing = makeCa(ca, anchor);
  return { leaf: makeLeaf(issuing, leaf), intermediates: [issuing], anchors: [anchor] };
}

function extensionCase(
  id: string,
  section: string,
  valid: boolean,
  place: keyof Shape,
  extensions: Extensions,
  more: Partial<PathCase> = {},
): PathCase {
  return { id, section, valid, ...chain({ [place]: { extensions } }), ...more };
}

/** Name constraints of the CA against alternative names of the leaf. */
function constraintCase(
  id: string,
  valid: boolean,
  constraint: MadeExtension,
  presented: readonly Uint8Array[],
  more: Partial<PathCase> = {},
): PathCase {
  const ca = { extensions: { [ExtensionOid.nameConstraints]: constraint } };
  const leaf = { extensions: { [ExtensionOid.subjectAltName]: names(dns('host.example'), ...presented) } };
  return { id, section: '4.2.1.10', valid, ...chain({ ca, leaf }), ...more };
}

/** Policies of root's child and of the leaf. */
function policyCase(
  id: string,
  section: string,
  valid: boolean,
  ca: Extensions,
  leaf: Extensions,
  more: Partial<PathCase> = {},
): PathCase {
  return { id, section, valid, ...chain({ ca: { extensions: ca }, leaf: { extensions: leaf } }), ...more };
}

const lenient = (who: 'openssl' | 'go', why: string): Partial<PathCase> => ({ differs: { [who]: why } });
const lenientBoth = (why: string): Partial<PathCase> => ({ differs: { openssl: why, go: why } });

function structure(): PathCase[] {
  const unreadable = { ...makeCa(), pem: makeCa({ version: 0 }).pem };
  const good = chain({});
  return [
    { id: 'valid', section: '6.1', valid: true, ...good },
    {
      id: 'unreadable-other-certificate',
      section: '6.1',
      valid: true,
      ...good,
      intermediates: [unreadable, ...(good.intermediates ?? [])],
    },
    { id: 'leaf-of-root', section: '6.1', valid: true, ...direct({}) },
    {
      id: 'version-1',
      section: '4.1.2.1',
      valid: false,
      ...chain({ leaf: { version: 0 } }),
    },
    {
      id: 'serial-zero',
      section: '4.1.2.2',
      valid: false,
      ...chain({ leaf: { serial: Uint8Array.of(0) } }),
      ...lenientBoth('any serial number is accepted'),
    },
    {
      id: 'serial-of-21-bytes',
      section: '4.1.2.2',
      valid: false,
      ...chain({ leaf: { serial: new Uint8Array(21).fill(0x41) } }),
      ...lenientBoth('serial numbers of any length are accepted'),
    },
    {
      id: 'sha1',
      section: '4.1.1.2',
      valid: false,
      ...chain({ leaf: { hash: 'sha1' } }),
      ...lenient('openssl', 'its default security level may allow SHA-1'),
    },
    { id: 'before-its-time', section: '4.1.2.5', valid: false, ...good, atMs: VALID_FROM_MS - 1000 },
    { id: 'first-moment', section: '4.1.2.5', valid: true, ...good, atMs: VALID_FROM_MS },
    {
      id: 'last-moment',
      section: '4.1.2.5',
      valid: true,
      ...good,
      atMs: VALID_TO_MS,
      ...lenient('openssl', 'the last second does not count'),
    },
    { id: 'after-its-time', section: '4.1.2.5', valid: false, ...good, atMs: VALID_TO_MS + 1000 },
    { id: 'expired-ca', section: '6.1.3', valid: false, ...chain({ ca: { toMs: WITHIN_MS - DAY_MS } }) },
    { id: 'expired-root', section: '6.1.3', valid: false, ...chain({ root: { toMs: WITHIN_MS - DAY_MS } }) },
    {
      id: 'names-do-not-chain',
      section: '6.1.3',
      valid: false,
      ...chain({ leaf: { issuerName: commonName('Somebody Else') } }),
    },
    {
      id: 'names-differ-in-case-only',
      section: '7.1',
      valid: true,
      ...chain({ leaf: { issuerName: commonName('INTERMEDIATE', 0x13) } }),
      ...lenient('go', 'names are compared by their bytes'),
    },
    { id: 'empty-issuer', section: '4.1.2.4', valid: false, ...chain({ leaf: { issuerName: commonName('') } }) },
    { id: 'signed-by-another-key', section: '6.1.3', valid: false, ...withForgedSignature() },
    { id: 'root-not-trusted', section: '6.1', valid: false, ...good, anchors: [makeCa()] },
    {
      id: 'anchor-is-an-intermediate',
      section: '6.1.1',
      valid: true,
      ...good,
      anchors: good.intermediates ?? [],
      intermediates: [],
      ...lenient('openssl', 'a partial chain has to be asked for'),
    },
    { id: 'cycle', section: '6.1', valid: false, ...cycle() },
    { id: 'second-way-is-valid', section: '6.1', valid: true, ...twoWays() },
  ];
}

function direct(leaf: Recipe): Pick<PathCase, 'leaf' | 'anchors'> {
  const root = makeCa();
  return { leaf: makeLeaf(root, leaf), anchors: [root] };
}

function withForgedSignature(): Pick<PathCase, 'leaf' | 'intermediates' | 'anchors'> {
  const root = makeCa();
  const ca = makeCa({}, root);
  return { leaf: makeLeaf({ ...ca, key: newKey() }), intermediates: [ca], anchors: [root] };
}

function cycle(): Pick<PathCase, 'leaf' | 'intermediates' | 'anchors'> {
  const first = makeCa({ subject: 'A' });
  const second = makeCa({ subject: 'B' }, first);
  const again = makeCa({ subject: 'A', key: first.key }, second);
  return { leaf: makeLeaf(second), intermediates: [second, again], anchors: [makeCa()] };
}

/** The same CA certified twice, first by somebody who expired. */
function twoWays(): Pick<PathCase, 'leaf' | 'intermediates' | 'anchors'> {
  const root = makeCa();
  const ca = makeCa({}, root);
  const expired = makeCa({ key: ca.key, toMs: WITHIN_MS - DAY_MS }, root);
  return { leaf: makeLeaf(ca), intermediates: [expired, ca], anchors: [root] };
}

function authority(): PathCase[] {
  const { basicConstraints, keyUsage: usage, subjectKeyIdentifier: ski, authorityKeyIdentifier: aki } = ExtensionOid;
  return [
    extensionCase('ca-without-basic-constraints', '4.2.1.9', false, 'ca', { [basicConstraints]: undefined }),
    extensionCase('ca-false', '4.2.1.9', false, 'ca', { [basicConstraints]: critical(derSequence()) }),
    extensionCase(
      'ca-basic-constraints-not-critical',
      '4.2.1.9',
      false,
      'ca',
      { [basicConstraints]: { ...caWith(), critical: false } },
      lenient('go', 'it does not matter'),
    ),
    extensionCase('ca-may-not-sign-certificates', '4.2.1.3', false, 'ca', { [usage]: keyUsage('cRLSign') }),
    extensionCase(
      'ca-without-key-usage',
      '6.1.4',
      true,
      'ca',
      { [usage]: undefined },
      lenient('openssl', 'x509_strict wants it of every CA'),
    ),
    extensionCase(
      'ca-without-ski',
      '4.2.1.2',
      false,
      'ca',
      { [ski]: undefined },
      lenient('go', 'key identifiers are hints'),
    ),
    extensionCase(
      'leaf-without-aki',
      '4.2.1.1',
      false,
      'leaf',
      { [aki]: undefined },
      lenient('go', 'key identifiers are hints'),
    ),
    extensionCase('critical-aki', '4.2.1.1', false, 'leaf', {
      [aki]: critical(derSequence(der(0x80, new Uint8Array(20)))),
    }),
    extensionCase('critical-ski', '4.2.1.2', false, 'leaf', { [ski]: critical(der(4, new Uint8Array(20))) }),
    extensionCase(
      'leaf-may-sign-certificates',
      '4.2.1.9',
      false,
      'leaf',
      { [usage]: keyUsage('digitalSignature', 'keyCertSign') },
      lenient('go', 'it does not matter'),
    ),
    {
      id: 'path-length-0-holds',
      section: '4.2.1.9',
      valid: true,
      ...chain({ ca: { extensions: { [basicConstraints]: caWith(0) } } }),
    },
    {
      id: 'path-length-0-of-root',
      section: '4.2.1.9',
      valid: false,
      ...chain({ root: { extensions: { [basicConstraints]: caWith(0) } } }),
    },
    {
      id: 'path-length-1-of-root',
      section: '4.2.1.9',
      valid: true,
      ...chain({ root: { extensions: { [basicConstraints]: caWith(1) } } }),
    },
    {
      id: 'path-length-without-self-issued',
      section: '6.1.4',
      valid: true,
      ...selfIssued(),
      ...lenient('go', 'self-issued certificates count'),
    },
  ];
}

/** A CA that certified a new key of its own, below a root that allows one CA. */
function selfIssued(): Pick<PathCase, 'leaf' | 'intermediates' | 'anchors'> {
  const root = makeCa({ extensions: { [ExtensionOid.basicConstraints]: caWith(1) } });
  const first = makeCa({}, root);
  const second = makeCa({}, first);
  return { leaf: makeLeaf(second), intermediates: [first, second], anchors: [root] };
}

function extensions(): PathCase[] {
  const unknown = { [UNKNOWN_OID]: critical(Uint8Array.of(5, 0)) };
  const { subjectAltName: san, extendedKeyUsage: eku, authorityInformationAccess: aia } = ExtensionOid;
  return [
    extensionCase('unknown-extension', '4.2', true, 'leaf', { [UNKNOWN_OID]: plain(Uint8Array.of(5, 0)) }),
    extensionCase('unknown-critical-in-leaf', '4.2', false, 'leaf', unknown),
    extensionCase('unknown-critical-in-ca', '4.2', false, 'ca', unknown),
    extensionCase('unknown-critical-in-root', '4.2', false, 'root', unknown),
    extensionCase('purpose-of-another-kind', '4.2.1.12', false, 'leaf', { [eku]: purposes(PurposeOid.clientAuth) }),
    extensionCase('no-purpose', '4.2.1.12', true, 'leaf', { [eku]: undefined }),
    extensionCase(
      'purposes-without-one',
      '4.2.1.12',
      false,
      'leaf',
      { [eku]: plain(derSequence()) },
      lenient('go', 'no purpose is any purpose'),
    ),
    extensionCase('ca-of-another-purpose', '4.2.1.12', false, 'ca', { [eku]: purposes(PurposeOid.clientAuth) }),
    extensionCase('names-not-der', '4.2.1.6', false, 'leaf', { [san]: plain(encodeUtf8('host.example')) }),
    extensionCase('names-without-one', '4.2.1.6', false, 'leaf', { [san]: names() }),
    extensionCase(
      'underscore',
      '4.2.1.6',
      false,
      'leaf',
      { [san]: names(dns('host.example'), dns('a_b.example')) },
      lenientBoth('names that are not asked for are not looked at'),
    ),
    extensionCase(
      'address-of-5-bytes',
      '4.2.1.6',
      false,
      'leaf',
      { [san]: names(dns('host.example'), ip(1, 2, 3, 4, 5)) },
      lenient('openssl', 'names that are not asked for are not looked at'),
    ),
    extensionCase('critical-authority-information', '4.2.2.1', false, 'leaf', {
      [aia]: critical(derSequence(derSequence(derOid('1.3.6.1.5.5.7.48.2'), uri('http://ca.example/')))),
    }),
    {
      id: 'no-subject-and-names-not-critical',
      section: '4.1.2.6',
      valid: false,
      ...chain({ leaf: { subject: '' } }),
      ...lenient('go', 'it does not matter'),
    },
    {
      id: 'no-subject-and-critical-names',
      section: '4.1.2.6',
      valid: true,
      ...chain({ leaf: { subject: '', extensions: { [san]: critical(derSequence(dns('host.example'))) } } }),
    },
    {
      id: 'ca-without-subject',
      section: '4.1.2.6',
      valid: false,
      ...chain({ ca: { name: commonName('') } }),
      ...lenient('go', 'it does not matter'),
    },
  ];
}

function nameConstraints(): PathCase[] {
  const mail = { peer: { kind: 'RFC822', value: 'a@host.example' }, purpose: 'emailProtection' } as const;
  const department = commonName('Department');
  return [
    constraintCase('dns-within', true, constraints([dns('example')]), []),
    constraintCase('dns-outside', false, constraints([dns('other')]), []),
    constraintCase('dns-same-ending', false, constraints([dns('st.example')]), []),
    constraintCase('dns-excluded', false, constraints([], [dns('host.example')]), []),
    constraintCase('dns-excluded-within-permitted', false, constraints([dns('example')], [dns('host.example')]), []),
    constraintCase('dns-other-case', true, constraints([dns('EXAMPLE')]), []),
    constraintCase(
      'dns-excluded-wildcard',
      false,
      constraints([dns('example')], [dns('a.b.example')]),
      [dns('*.b.example')],
      lenient('openssl', 'a wildcard is compared as it stands'),
    ),
    constraintCase('dns-constraint-of-a-wildcard', false, constraints([dns('*.example')]), []),
    constraintCase('one-of-two-names-outside', false, constraints([dns('host.example')]), [dns('else.example')]),
    constraintCase('ip-within', true, constraints([ip(192, 0, 2, 0, 255, 255, 255, 0)]), [ip(192, 0, 2, 9)]),
    constraintCase('ip-outside', false, constraints([ip(192, 0, 2, 0, 255, 255, 255, 0)]), [ip(192, 0, 3, 9)]),
    constraintCase(
      'ip-mask-with-holes',
      false,
      constraints([ip(192, 0, 2, 0, 255, 0, 255, 0)]),
      [ip(192, 0, 2, 9)],
      lenient('openssl', 'any mask is applied'),
    ),
    constraintCase('ip-of-the-other-family', false, constraints([ip(192, 0, 2, 0, 255, 255, 255, 0)]), [
      ip(...Array.from({ length: 16 }, () => 1)),
    ]),
    constraintCase('uri-within', true, constraints([uri('.example')]), [uri('https://a.example/b')]),
    constraintCase('uri-outside', false, constraints([uri('.example')]), [uri('https://example.org/')]),
    constraintCase('uri-without-host', false, constraints([uri('.example')]), [uri('urn:isbn:1')]),
    mailCase('mail-mailbox', true, constraints([email('a@host.example')]), mail),
    mailCase('mail-host', true, constraints([email('host.example')]), mail),
    mailCase('mail-domain', true, constraints([email('.example')]), mail),
    mailCase('mail-domain-is-not-its-host', false, constraints([email('.host.example')]), mail),
    mailCase('mail-another-mailbox', false, constraints([email('b@host.example')]), mail),
    {
      id: 'directory-within',
      section: '4.2.1.10',
      valid: true,
      ...chain({
        ca: { extensions: { [ExtensionOid.nameConstraints]: constraints([directory(commonName('host.example'))]) } },
      }),
      ...lenient('go', 'critical constraints on directory names are refused'),
    },
    {
      id: 'directory-outside',
      section: '4.2.1.10',
      valid: false,
      ...chain({ ca: { extensions: { [ExtensionOid.nameConstraints]: constraints([directory(department)]) } } }),
    },
    {
      id: 'constraints-not-critical',
      section: '4.2.1.10',
      valid: false,
      ...chain({
        ca: { extensions: { [ExtensionOid.nameConstraints]: { ...constraints([dns('example')]), critical: false } } },
      }),
      ...lenientBoth('they hold, critical or not'),
    },
    {
      id: 'constraints-in-a-leaf',
      section: '4.2.1.10',
      valid: false,
      ...chain({ leaf: { extensions: { [ExtensionOid.nameConstraints]: constraints([dns('example')]) } } }),
      ...lenientBoth('they bind nobody'),
    },
    {
      id: 'constraints-without-a-subtree',
      section: '4.2.1.10',
      valid: false,
      ...chain({ ca: { extensions: { [ExtensionOid.nameConstraints]: constraints([]) } } }),
      ...lenient('openssl', 'an empty sequence asks for nothing'),
    },
  ];
}

function mailCase(id: string, valid: boolean, constraint: MadeExtension, more: Partial<PathCase>): PathCase {
  const leaf = {
    extensions: {
      [ExtensionOid.subjectAltName]: names(email('a@host.example')),
      [ExtensionOid.extendedKeyUsage]: purposes(PurposeOid.emailProtection),
    },
  };
  const ca = { extensions: { [ExtensionOid.nameConstraints]: constraint } };
  return { id, section: '4.2.1.10', valid, ...chain({ ca, leaf }), ...more };
}

function certificatePolicies(): PathCase[] {
  const {
    certificatePolicies: of,
    policyMappings: map,
    policyConstraints: require,
    inhibitAnyPolicy: inhibit,
  } = ExtensionOid;
  return [
    policyCase(
      'policies-along',
      '6.1.3',
      true,
      { [of]: policies(POLICY_1), [require]: policyConstraints(0) },
      { [of]: policies(POLICY_1) },
    ),
    policyCase(
      'policies-required-and-absent',
      '6.1.5',
      false,
      { [of]: policies(POLICY_1), [require]: policyConstraints(0) },
      {},
    ),
    policyCase(
      'policies-required-and-others',
      '6.1.5',
      false,
      { [of]: policies(POLICY_1), [require]: policyConstraints(0) },
      { [of]: policies(POLICY_2) },
    ),
    policyCase('policies-not-required', '6.1.5', true, { [of]: policies(POLICY_1) }, { [of]: policies(POLICY_2) }),
    policyCase(
      'any-policy-of-ca',
      '6.1.3',
      true,
      { [of]: policies(ANY_POLICY), [require]: policyConstraints(0) },
      { [of]: policies(POLICY_2) },
    ),
    policyCase(
      'any-policy-of-leaf',
      '6.1.3',
      true,
      { [of]: policies(POLICY_1), [require]: policyConstraints(0) },
      { [of]: policies(ANY_POLICY) },
    ),
    policyCase(
      'any-policy-inhibited',
      '6.1.3',
      false,
      { [of]: policies(POLICY_1), [require]: policyConstraints(0), [inhibit]: inhibitAnyPolicy(0) },
      { [of]: policies(ANY_POLICY) },
    ),
    policyCase(
      'mapped',
      '6.1.4',
      true,
      { [of]: policies(POLICY_1), [map]: mappings([POLICY_1, POLICY_2]), [require]: policyConstraints(0) },
      { [of]: policies(POLICY_2) },
    ),
    policyCase(
      'mapped-away',
      '6.1.4',
      false,
      { [of]: policies(POLICY_1), [map]: mappings([POLICY_1, POLICY_2]), [require]: policyConstraints(0) },
      { [of]: policies(POLICY_1) },
    ),
    policyCase(
      'mapping-of-any-policy',
      '6.1.4',
      false,
      { [of]: policies(POLICY_1), [map]: mappings([ANY_POLICY, POLICY_2]) },
      { [of]: policies(POLICY_2) },
    ),
    policyCase(
      'constraints-not-critical-policy',
      '4.2.1.11',
      false,
      { [of]: policies(POLICY_1), [require]: { ...policyConstraints(0), critical: false } },
      { [of]: policies(POLICY_1) },
      lenientBoth('they hold, critical or not'),
    ),
    policyCase(
      'policy-given-twice',
      '4.2.1.4',
      false,
      { [of]: policies(POLICY_1) },
      { [of]: policies(POLICY_1, POLICY_1) },
    ),
    policyCase(
      'policy-constraints-empty',
      '4.2.1.11',
      false,
      { [require]: policyConstraints() },
      {},
      lenient('go', 'an empty sequence asks for nothing'),
    ),
  ];
}

/** All cases, made anew: keys and serial numbers are random. */
export function pathCases(): readonly PathCase[] {
  return [...structure(), ...authority(), ...extensions(), ...nameConstraints(), ...certificatePolicies()];
}

/** A case in the schema of x509-limbo. */
export function limboCase(one: PathCase): Record<string, unknown> {
  const purpose = one.purpose ?? 'serverAuth';
  const peer = one.peer ?? { kind: 'DNS', value: 'host.example' };
  const isServer = purpose === 'serverAuth';
  return {
    id: `glasskey::${one.id}`,
    description: `RFC 5280 §${one.section}`,
    features: [],
    importance: 'undetermined',
    conflicts_with: [],
    validation_kind: isServer ? 'SERVER' : 'CLIENT',
    trusted_certs: one.anchors.map(({ pem }) => pem),
    untrusted_intermediates: (one.intermediates ?? []).map(({ pem }) => pem),
    peer_certificate: one.leaf.pem,
    peer_certificate_key: null,
    validation_time: new Date(one.atMs ?? WITHIN_MS).toISOString(),
    signature_algorithms: [],
    key_usage: [],
    extended_key_usage: [purpose],
    expected_result: one.valid ? 'SUCCESS' : 'FAILURE',
    expected_peer_name: isServer ? peer : null,
    expected_peer_names: isServer ? [] : [peer],
    max_chain_depth: null,
    crls: [],
  };
}
