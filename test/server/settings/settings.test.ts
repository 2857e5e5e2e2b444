import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PROFILE, PROFILES } from '../../../src/ca/profile.ts';
import { DEFAULT_PROFILES } from '../../../src/service/log/profile-table.ts';
import { checkSettings } from '../../../src/server/settings/server-settings.ts';
import { TLS_PAIR } from '../../support/tls-pair.ts';
import { settingsSchema } from '../../../src/server/settings/schema.ts';
import { COMPANION_KEYS_OID } from '../../../src/ca/der/oids.ts';

const DOCUMENT = readFileSync(resolve(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');
const EXAMPLES = [...DOCUMENT.matchAll(/^```toml\n([\s\S]*?)^```$/gm)].map(([, text]) => text as string);

/** The files that settings can name. */
const FILES = (name: string): string | undefined =>
  new Map([
    ['mail.txt', 'Your code: {code}'],
    ['codeless.txt', 'Good morning'],
    ['unknown.txt', '{code} {password}'],
    ['recovery.txt', 'Veto it for {identity} before {date}'],
    ['smtp.password', 'secret\n'],
    ['token.pin', '1234\n'],
    ['tls.pem', TLS_PAIR.certificate],
    ['tls.key', TLS_PAIR.key],
    ['intranet-ca.pem', TLS_PAIR.certificate],
    ['attestation-roots.pem', TLS_PAIR.certificate],
    ['lookups.secret', '0123456789abcdef0123456789abcdef\n'],
    ['acme-mail.secret', '0123456789abcdef0123456789abcdef\n'],
    ['short.secret', '0123456789\n'],
    ['webhook.secret', '0123456789abcdef0123456789abcdef\n'],
  ]).get(name);

/** Returns line and member of every problem. */
function problems(text: string): string[] {
  return checkSettings(text, FILES).problems.map(({ line, path }) => `${line}: ${path.join('.')}`);
}

const MAIL = '[email]\nsmtp = "smtps://mail.example.com"\nfrom = "keys@example.com"\n';
const TOKEN = '[pkcs11]\nmodule = "/usr/lib/softhsm/libsofthsm2.so"\ntoken = "glasskey"\n';
const ATTEST = '[acme]\nurl = "https://a.example"\n[acme.attest]\n';
const MAIL_POLICY = '[[policy]]\nidentities = "email"\nevidence = ["email"]\n';

/** Returns every key of a schema, with the path of its tables. */
function keysOf(schema: unknown, path = ''): string[] {
  if (schema instanceof z.ZodPipe) return keysOf(schema.in, path);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodArray) {
    return keysOf(schema instanceof z.ZodArray ? schema.element : schema.unwrap(), path);
  }
  if (!(schema instanceof z.ZodObject)) return [path];
  return Object.entries(schema.shape).flatMap(([key, member]) => keysOf(member, path === '' ? key : `${path}.${key}`));
}

describe('a profile', () => {
  it('is a built-in one, with what the file says instead', () => {
    const of = (text: string) => checkSettings(`[[profile]]\n${text}`, FILES).settings?.profiles[0]?.profile;
    expect(of('')).toEqual({ ...DEFAULT_PROFILE, keyTypes: undefined });
    expect(of('base = "mls"')).toEqual(PROFILES.mls);
    expect(
      of('base = "s-mime"\nvalidity = "30d"\nkeys = ["p384"]\npurposes = ["emailProtection", "1.2.840.1"]'),
    ).toEqual({
      ...PROFILES['s-mime'],
      validityMs: 30 * 86_400_000,
      keyTypes: ['p384'],
      purposes: ['1.3.6.1.5.5.7.3.4', '1.2.840.1'],
    });
  });

  it('is for some identities, and says more', () => {
    const text =
      '[[profile]]\nidentities = "email"\ndomains = ["b.example"]\n' +
      'extensions = [{ oid = "1.2.3", value = "0C0161" }]\n[[profile]]\n';
    const extensions = [{ oid: '1.2.3', value: Uint8Array.of(12, 1, 97) }];
    expect(checkSettings(text, FILES).settings?.profiles).toEqual([
      { identities: 'email', domains: ['b.example'], profile: { ...DEFAULT_PROFILE, extensions } },
      { identities: 'any', domains: undefined, profile: DEFAULT_PROFILE },
    ]);
  });

  it.each([
    'base = "none"',
    'validity = "10y"',
    'validity = "5m"',
    'keys = []',
    'keys = ["dsa"]',
    'purposes = []',
    'purposes = ["any"]',
    'purposes = ["2.5.29.37.0"]',
    'purposes = ["3.1.2"]',
    'extensions = ["x"]',
    'extensions = [{ oid = "1.2.3", value = "0500", critical = true }]',
    'extensions = [{ oid = "2.5.29.17", value = "0500" }]',
    `extensions = [{ oid = "${COMPANION_KEYS_OID}", value = "0500" }]`,
    'extensions = [{ oid = "1.2.3", value = "05" }]',
    'extensions = [{ oid = "1.2.3", value = "05000500" }]',
    `extensions = [{ oid = "1.2.3", value = "048201fd${'00'.repeat(509)}" }]`,
    'extensions = [{ oid = "1.2.3", value = "xyz" }]',
    'extensions = [{ oid = "1.2.3", value = "0500" }, { oid = "1.2.3", value = "0500" }]',
    `extensions = [${'{ oid = "1.2.3", value = "0500" },'.repeat(9)}]`,
    'identities = "host"',
    'domains = ["Example.com"]',
  ])('is none with %s', (text) => {
    expect(problems(`[[profile]]\n${text}`)[0]).toMatch(/^2: profile\.0\./);
  });
});

describe('glasskey.toml', () => {
  it('need not say anything', () => {
    expect(checkSettings('', FILES).settings).toEqual({
      profiles: DEFAULT_PROFILES,
      evidence: {
        policy: [{ identities: 'any', domains: undefined, evidence: ['application'] }],
        identityLimit: undefined,
        oidc: [],
        email: undefined,
        webhook: undefined,
      },
      clients: { perClient: undefined, perApplication: undefined, trustedProxies: [] },
      certificateHeader: { name: undefined, trustedProxies: [] },
      explorer: true,
      tls: undefined,
      pkcs11: undefined,
    });
  });

  it.each([
    ['no TOML', 'policy\n', ['1: ']],
    ['TOML that is broken further down', '[limits]\n\nclient = { requests = }\n', ['3: ']],
    ['a key that nobody knows', '[limits]\nclients = 1\n', ['2: limits.clients']],
    ['a profile that is no list', '\n[profile]\n', ['2: profile']],
    ['a table that nobody knows', '\n[polity]\n', ['2: polity']],
    ['a key beside the tables', 'issuer = "x"\n', ['1: issuer']],
    [
      'evidence that is none',
      '[[policy]]\nidentities = "email"\nevidence = ["trust me"]\n',
      ['3: policy.0.evidence.0'],
    ],
    ['no evidence', '[[policy]]\nidentities = "email"\nevidence = []\n', ['3: policy.0.evidence']],
    ['what is missing', '[[policy]]\nidentities = "email"\n', ['1: policy.0.evidence']],
    [
      'a pattern for a domain',
      '[[policy]]\nidentities = "email"\nevidence = ["application"]\ndomains = ["*.example.com"]\n',
      ['4: policy.0.domains.0'],
    ],
    [
      'another spelling of a domain',
      '[[policy]]\nidentities = "email"\nevidence = ["application"]\ndomains = ["Example.com"]\n',
      ['4: policy.0.domains.0'],
    ],
    ['a limit of nothing', '[limits.client]\nrequests = 0\nper = "1m"\n', ['2: limits.client.requests']],
    ['a duration that is none', '[limits.client]\nrequests = 1\nper = "soon"\n', ['3: limits.client.per']],
    ['a proxy that is no address', '[http]\ntrusted_proxies = ["proxy"]\n', ['2: http.trusted_proxies.0']],
    [
      'an issuer that is a pattern',
      '[[oidc]]\nissuer = "https://*.example.com"\naudience = "a"\nidentity = "{email}"\n',
      ['2: oidc.0.issuer'],
    ],
    [
      'an issuer without TLS, or with a user',
      `[[oidc]]\nissuer = "http://login.example"\naudience = "a"\nidentity = "{email}"\n` +
        '[[oidc]]\nissuer = "https://a@login.example"\naudience = "a"\nidentity = "{email}"\n',
      ['2: oidc.0.issuer', '6: oidc.1.issuer'],
    ],
    [
      'a symmetric algorithm, and none',
      '[[oidc]]\nissuer = "https://login.example"\naudience = "a"\nidentity = "{email}"\n' +
        'algorithms = ["HS256", "none"]\n',
      ['5: oidc.0.algorithms.0', '5: oidc.0.algorithms.1'],
    ],
    [
      'an identity without a claim',
      '[[oidc]]\nissuer = "https://login.example"\naudience = []\nidentity = "alice@example.com"\n',
      ['3: oidc.0.audience', '4: oidc.0.identity'],
    ],
    [
      'an issuer that no row names, and a row that names no issuer',
      '[[oidc]]\nissuer = "https://login.example"\naudience = "a"\nidentity = "{email}"\n' +
        '[[policy]]\nidentities = "email"\nevidence = ["oidc:https://login.example/"]\n',
      ['7: policy.0.evidence', '2: oidc.0.issuer'],
    ],
    ['mail that nobody may use', MAIL, ['2: email.smtp']],
    ['mail that no notice uses either', `${MAIL}[notify]\nmail = false\n`, ['2: email.smtp']],
    [
      'notices that could go anywhere, or nowhere',
      '[notify]\npush_contact = "operator"\ntimeout = "10m"\nports = [0]\nproxy = "socks5://proxy"\n' +
        'allow_private = ["10.0.0.0"]\nca_file = "none"\n',
      [
        '2: notify.push_contact',
        '3: notify.timeout',
        '4: notify.ports.0',
        '5: notify.proxy',
        '6: notify.allow_private.0',
      ],
    ],
    ['CAs that are none', '[notify]\nca_file = "token.pin"\n', ['2: notify.ca_file']],
    ['"email" without mail', '[[policy]]\nidentities = "email"\nevidence = ["email"]\n', ['3: policy.0.evidence']],
    ['a header that goes on', `${MAIL}subject = "Hello\\nBcc: everybody@example.com"\n`, ['4: email.subject']],
    ['a sender that is two', MAIL.replace('keys@example.com', 'a@b.example,c@d.example'), ['3: email.from']],
    ['a server that is none', MAIL.replace('smtps://', 'http://'), ['2: email.smtp']],
    ['a user without a password', `${MAIL_POLICY}${MAIL}user = "keys"\n`, ['7: email.user']],
    ['a text without the code', `${MAIL_POLICY}${MAIL}text_file = "codeless.txt"\n`, ['7: email.text_file']],
    ['a text that says more than there is', `${MAIL_POLICY}${MAIL}text_file = "unknown.txt"\n`, ['7: email.text_file']],
    ['a text that is not there', `${MAIL_POLICY}${MAIL}text_file = "nowhere.txt"\n`, ['7: email.text_file']],
    ['ACME without TLS', '[acme]\nurl = "http://a.example"\n', ['2: acme.url']],
    ['ACME at a URL that ends with a slash', '[acme]\nurl = "https://a.example/"\n', ['2: acme.url']],
    [
      'replies to ACME that nothing asks for',
      '[acme]\nurl = "https://a.example"\n[acme.mail]\nauthserv_id = "mx"\nsecret_file = "lookups.secret"\n',
      ['3: acme.mail'],
    ],
    [
      'attestations by CAs that are none',
      `${ATTEST}roots = "token.pin"\nprefix = "urn:dev:os:63-"\n`,
      ['4: acme.attest.roots'],
    ],
    [
      'attestations by CAs that are not there',
      `${ATTEST}roots = "nowhere.pem"\nprefix = "urn:dev:os:63-"\n`,
      ['4: acme.attest.roots'],
    ],
    [
      'devices whose names do not begin as a URN',
      `${ATTEST}roots = "attestation-roots.pem"\nprefix = "urn:dev:os:63"\n`,
      ['5: acme.attest.prefix'],
    ],
    [
      'a webhook with a short secret',
      '[webhook]\nurl = "https://a.example"\nsecret_file = "smtp.password"\n',
      ['3: webhook.secret_file'],
    ],
    [
      'a webhook without TLS',
      '[webhook]\nurl = "http://a.example"\nsecret_file = "webhook.secret"\n',
      ['2: webhook.url'],
    ],
    [
      'a short secret of lookup tokens',
      '[lookups]\nprivate = ["tel"]\nsecret_file = "short.secret"\n',
      ['3: lookups.secret_file'],
    ],
    [
      'no secret of lookup tokens, and a kind that is none',
      '[lookups]\nprivate = ["phone"]\n',
      ['2: lookups.private.0', '1: lookups.secret_file'],
    ],
    ['a PIN in the settings', `${TOKEN}pin = "1234"\nkeys.issuer = { label = "a" }\n`, ['4: pkcs11.pin']],
    ['a PIN that is not there', `${TOKEN}pin = "file:none"\nkeys.issuer = { label = "a" }\n`, ['4: pkcs11.pin']],
    [
      'one key for two purposes',
      `${TOKEN}pin = "env:PIN"\nkeys.issuer = { label = "a" }\nkeys.ocsp = { label = "a" }\n`,
      ['1: pkcs11.keys'],
    ],
    [
      'a key without a name, an id that is none, and a VRF key in a token',
      `${TOKEN}pin = "env:PIN"\nkeys.issuer = {}\nkeys.ocsp = { id = "xy" }\nkeys.vrf = { label = "a" }\n`,
      ['5: pkcs11.keys.issuer', '6: pkcs11.keys.ocsp.id', '7: pkcs11.keys.vrf'],
    ],
    [
      'a recovery by missing evidence, and a text without its facts',
      '[[policy]]\nidentities = "any"\nevidence = ["application"]\nrecovery = ["email"]\n' +
        '[recovery]\nmax_vetoes = 3\ntext_file = "mail.txt"\n',
      ['3: policy.0.evidence', '7: recovery.text_file'],
    ],
    ['a TLS key that is none', '[tls]\ncertificate = "tls.pem"\nkey = "token.pin"\n', ['3: tls.key']],
    ['TLS without its files', '[tls]\ncertificate = "none"\nkey = "none"\n', ['2: tls.certificate', '3: tls.key']],
    [
      'a certificate in a header that anybody could write',
      '[est]\nclient_certificate_header = "x-client-cert"\n',
      ['2: est.client_certificate_header'],
    ],
    ['codes for ever', `${MAIL}code_lifetime = "1d"\n`, ['4: email.code_lifetime']],
    [
      'everything at once, in the second table too',
      '[[policy]]\nidentities = "any"\nevidence = ["application"]\n' +
        '[[policy]]\nidentities = "everybody"\nx = 1\nevidence = ["application"]\n',
      ['5: policy.1.identities', '6: policy.1.x'],
    ],
  ])('refuses %s, and tells where', (_, text, expected) => {
    expect(problems(text)).toEqual(expected);
  });
});

describe('the table [notify]', () => {
  it('sends mail by the mail server of [email], and lets nothing be connected to but port 443 of public hosts', () => {
    const notify = (text: string) => checkSettings(text, FILES).settings?.notify;
    const egress = { ports: [443], timeoutMs: 5_000, proxy: undefined, allowPrivate: undefined, ca: undefined };
    expect(notify('')).toBeUndefined();
    expect(notify('[notify]\n')).toEqual({ mail: undefined, pushContact: undefined, link: undefined, egress });
    expect(notify(`${MAIL}[notify]\nca_file = "intranet-ca.pem"\n`)).toEqual({
      mail: { smtp: expect.objectContaining({ host: 'mail.example.com' }) as unknown, from: 'keys@example.com' },
      pushContact: undefined,
      link: undefined,
      egress: { ...egress, ca: TLS_PAIR.certificate },
    });
  });
});

describe('docs/configuration.md', () => {
  it('has examples that are accepted', () => {
    expect(EXAMPLES.length).toBeGreaterThan(0);
    for (const text of EXAMPLES) expect(problems(text)).toEqual([]);
  });

  it('shows every setting in its first example', () => {
    const shown = (EXAMPLES[0] ?? '').replaceAll(/#.*$/gm, '');
    const missing = keysOf(settingsSchema).filter((path) => {
      const key = path.split('.').at(-1) ?? '';
      return !new RegExp(`^\\s*${key}\\s*=|[{,]\\s*${key}\\s*=`, 'm').test(shown);
    });
    expect(keysOf(settingsSchema).length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });
});
