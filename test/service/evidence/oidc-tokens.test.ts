import { beforeAll, describe, expect, it } from 'vitest';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { canonicalIdentity } from '../../../src/identity/canonical-identity.ts';
import type { Fetch } from '../../../src/core/net/bounded-fetch.ts';
import { identityTemplate } from '../../../src/service/evidence/oidc/identity-template.ts';
import { OidcTokens } from '../../../src/service/evidence/oidc/oidc-tokens.ts';
import { DEFAULT_OIDC_ALGORITHMS, type OidcIssuerSettings } from '../../../src/service/evidence/oidc/oidc-settings.ts';

const ISSUER = 'https://login.example';
const RULES = { localPart: 'fold-lower-case', uriSchemes: ['https'] } as const;
const NOW_MS = 1_800_000_000_000;
const SPKI = new Uint8Array(32).fill(7);
const NONCE = Buffer.from(SPKI).toString('base64url');

const settings = (more: Partial<OidcIssuerSettings> = {}, template = '{email}'): OidcIssuerSettings => ({
  issuer: ISSUER,
  audiences: ['glasskey'],
  identity: identityTemplate(template) ?? { before: '', claim: 'none', after: '' },
  algorithms: DEFAULT_OIDC_ALGORITHMS,
  clockSkewMs: 60_000,
  maxAgeMs: 600_000,
  jwksUri: undefined,
  ...more,
});

interface Key {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: Parameters<SignJWT['sign']>[0];
  readonly jwk: JWK;
}

async function newKey(kid: string, alg = 'ES256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

/** A provider that is a function: what it serves, and every URL that it was asked for. */
class FakeProvider {
  keys: unknown[] = [];
  asked: string[] = [];
  answer: ((url: string) => Response) | undefined;
  nowMs = NOW_MS;
  readonly fetch: Fetch = (url, init) => {
    this.asked.push(url);
    expect(init.redirect).toBe('manual');
    if (this.answer !== undefined) return Promise.resolve(this.answer(url));
    if (url === `${ISSUER}/.well-known/openid-configuration`) {
      return Promise.resolve(Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` }));
    }
    if (url === `${ISSUER}/keys`) return Promise.resolve(Response.json({ keys: this.keys }));
    return Promise.reject(new TypeError(`nobody serves ${url}`));
  };

  tokens(...issuers: OidcIssuerSettings[]): OidcTokens {
    return new OidcTokens(issuers.length === 0 ? [settings()] : issuers, RULES, this.fetch, () => this.nowMs);
  }
}

let key: Key;
let stranger: Key;
beforeAll(async () => {
  key = await newKey('one');
  stranger = await newKey('one');
});

type Claims = Readonly<Record<string, unknown>>;
const CLAIMS: Claims = {
  iss: ISSUER,
  aud: 'glasskey',
  sub: '1234',
  iat: NOW_MS / 1000 - 10,
  exp: NOW_MS / 1000 + 300,
  nonce: NONCE,
  email: 'alice@example.com',
  email_verified: true,
};

function sign(claims: Claims = {}, by = key, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...claims })
    .setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
    .sign(by.privateKey);
}

function provider(...keys: Key[]): FakeProvider {
  const made = new FakeProvider();
  made.keys = (keys.length === 0 ? [key] : keys).map(({ jwk }) => jwk);
  return made;
}

const expected = (name = 'alice@example.com') => ({ spkiSha256: SPKI, identity: canonicalIdentity(name, RULES) });
const refused = { code: 'token-refused' };

describe('an ID token', () => {
  it('vouches for the identity of its claims, as the word of its issuer', async () => {
    const found = await provider()
      .tokens()
      .verify(await sign(), expected());
    expect(found).toEqual({ type: 'oidc', issuer: ISSUER });
  });

  it.each([
    ['another audience', { aud: 'other' }],
    ['several audiences, asked for by nobody', { aud: ['glasskey', 'other'] }],
    ['an audience that another client asked for', { aud: ['glasskey', 'other'], azp: 'other' }],
    ['no audience', { aud: undefined }],
    ['another nonce', { nonce: Buffer.alloc(32, 8).toString('base64url') }],
    ['a nonce in another encoding', { nonce: Buffer.from(SPKI).toString('base64') }],
    ['no nonce', { nonce: undefined }],
    ['a nonce that is no text', { nonce: [NONCE] }],
    ['an end that has passed', { exp: NOW_MS / 1000 - 61 }],
    ['no end', { exp: undefined }],
    ['too great an age, though it ends later', { iat: NOW_MS / 1000 - 661 }],
    ['a beginning in the future', { iat: NOW_MS / 1000 + 61 }],
    ['a beginning that has not come', { nbf: NOW_MS / 1000 + 61 }],
    ['no beginning', { iat: undefined }],
    ['no subject', { sub: undefined }],
    ['an address that was not verified', { email_verified: false }],
    ['an address that is said not to be verified by a text', { email_verified: 'false' }],
    ['an address that is said to be verified by a number', { email_verified: 1 }],
    ['an address of which nothing is said', { email_verified: undefined }],
    ['no address', { email: undefined }],
    ['an address that is something else', { email: 'acct:alice@example.com' }],
    ['an address that is none', { email: 'alice' }],
  ])('with %s is refused', async (_, claims) => {
    await expect(
      provider()
        .tokens()
        .verify(await sign(claims), expected()),
    ).rejects.toMatchObject(refused);
  });

  it('is accepted within the skew of clocks, and for its authorised party', async () => {
    const fine = [
      { exp: NOW_MS / 1000 - 50 },
      { iat: NOW_MS / 1000 + 50 },
      { aud: ['glasskey', 'other'], azp: 'glasskey' },
      { email: 'Alice@Example.COM' },
      { email_verified: 'true' },
    ];
    for (const claims of fine)
      await provider()
        .tokens()
        .verify(await sign(claims), expected());
  });

  it('of somebody else is forbidden', async () => {
    const token = await sign({ email: 'mallory@example.com' });
    await expect(provider().tokens().verify(token, expected())).rejects.toMatchObject({ code: 'forbidden' });
  });

  it.each([
    ['is signed with another key', () => sign({}, stranger)],
    ['is an access token', () => sign({}, key, { typ: 'at+jwt' })],
    ['is a logout token', () => sign({}, key, { typ: 'logout+jwt' })],
    ['demands an extension', () => sign({}, key, { crit: ['exp'] }).catch(() => 'a.b.c')],
    ['is not signed', () => Promise.resolve(unsigned({ alg: 'none' }))],
    ['is not signed, in other letters', () => Promise.resolve(unsigned({ alg: 'nOnE' }))],
    ['says nothing of its algorithm', () => Promise.resolve(unsigned({}))],
    ['takes the public key for a secret', async () => hmacToken()],
  ])('that %s is refused', async (_, make) => {
    await expect(
      provider()
        .tokens()
        .verify(await make(), expected()),
    ).rejects.toMatchObject(refused);
  });

  it('with an algorithm that is not allowed is refused, though its key is the provider’s', async () => {
    const other = await newKey('two', 'ES384');
    const token = await sign({}, other);
    await expect(provider(key, other).tokens().verify(token, expected())).rejects.toMatchObject(refused);
    await provider(key, other)
      .tokens(settings({ algorithms: ['ES384'] }))
      .verify(token, expected());
  });
});

function unsigned(header: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(CLAIMS)}.AAAA`;
}

async function hmacToken(): Promise<string> {
  const secret = new TextEncoder().encode(JSON.stringify(key.jwk));
  return new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256', kid: key.kid }).sign(secret);
}

describe('the issuer of a token', () => {
  // An advisory of a peer (Fulcio): an issuer that was matched by a pattern without anchors led the authority to any host.
  it.each([
    `${ISSUER}/`,
    `${ISSUER}.evil.example`,
    `${ISSUER}@evil.example`,
    `https://evil.example/${ISSUER}`,
    `https://evil.example#${ISSUER}`,
    'https://LOGIN.example',
    'http://login.example',
    'https://login.example:443',
    'http://169.254.169.254/latest/meta-data',
    '',
    7,
    [ISSUER],
  ])('must be configured, byte for byte: %j leads nowhere', async (iss) => {
    const made = provider();
    await expect(made.tokens().verify(await sign({ iss }, stranger), expected())).rejects.toMatchObject(refused);
    expect(made.asked).toEqual([]);
  });

  it('is the only one that is asked, whatever a token says of its keys', async () => {
    const made = provider();
    const header = { jku: 'https://evil.example/keys', x5u: 'https://evil.example/x5u', jwk: stranger.jwk };
    await expect(made.tokens().verify(await sign({}, stranger, header), expected())).rejects.toMatchObject(refused);
    expect(made.asked.every((url) => url.startsWith(`${ISSUER}/`))).toBe(true);
  });

  it('must be that of its own discovery document, whose keys are behind https', async () => {
    for (const document of [
      { issuer: 'https://other.example', jwks_uri: `${ISSUER}/keys` },
      { issuer: ISSUER },
      { issuer: ISSUER, jwks_uri: 'http://login.example/keys' },
      { issuer: ISSUER, jwks_uri: 'file:///etc/passwd' },
      [],
      null,
    ]) {
      const made = provider();
      made.answer = () => Response.json(document);
      const asked = made.tokens().verify(await sign(), expected());
      await expect(asked).rejects.toMatchObject({ code: 'issuer-unavailable' });
      expect(made.asked).toHaveLength(1);
    }
  });
});

describe('malformed tokens', () => {
  // An advisory of a peer (Fulcio, CVE-2025-66506): a token of nothing but dots was split into millions of parts before anything was checked.
  it('are refused before anything is allocated for them', async () => {
    const made = provider();
    const tokens = made.tokens();
    const before = process.memoryUsage().heapUsed;
    const bombs = ['.'.repeat(8 << 20), 'a'.repeat(8 << 20), 'a.'.repeat(4 << 20), '.'.repeat(16_000)];
    const started = performance.now();
    for (const bomb of bombs) await expect(tokens.verify(bomb, expected())).rejects.toMatchObject(refused);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 << 20);
    expect(made.asked).toEqual([]);
  });

  it('are refused whatever they are', async () => {
    const good = await sign();
    const [header = '', payload = '', signature = ''] = good.split('.');
    const text = (value: string) => Buffer.from(value).toString('base64url');
    for (const token of [
      '',
      'a.b',
      'a.b.c',
      'a.b.c.d',
      `${good}.`,
      `${good}=`,
      `${header}..${signature}`,
      `${header}.${payload}.AAAA`,
      `${text('[]')}.${payload}.${signature}`,
      `${header}.${text('null')}.${signature}`,
      `${header}.${text('['.repeat(10_000))}.${signature}`,
      `${header}.${text('"x"')}.${signature}`,
      `${text('{"alg":"ES256","alg":"none"}')}.${payload}.${signature}`,
    ]) {
      await expect(provider().tokens().verify(token, expected())).rejects.toMatchObject(refused);
    }
  });

  it('are refused wherever one character is changed', async () => {
    const tokens = provider().tokens();
    const good = await sign();
    for (let i = 0; i < good.length - 1; i += 3) {
      const other = good[i] === 'A' ? 'B' : 'A';
      const damaged = good.slice(0, i) + other + good.slice(i + 1);
      await expect(tokens.verify(damaged, expected())).rejects.toMatchObject(refused);
    }
  });
});

describe('the keys of a provider', () => {
  it('are asked for once, and again when they are old', async () => {
    const made = provider();
    const tokens = made.tokens();
    const token = await sign({ exp: NOW_MS / 1000 + 7_200 });
    await Promise.all([1, 2, 3].map(() => tokens.verify(token, expected())));
    await tokens.verify(token, expected());
    expect(made.asked).toHaveLength(2);
    made.nowMs += 600_000;
    await tokens.verify(await sign({ iat: made.nowMs / 1000, exp: made.nowMs / 1000 + 60 }), expected());
    expect(made.asked).toHaveLength(4);
  });

  it('are asked for anew when a token names one that is not known, but not for every such token', async () => {
    const made = provider();
    const tokens = made.tokens();
    const next = await newKey('next');
    await tokens.verify(await sign(), expected());
    made.nowMs += 31_000;
    made.keys = [next.jwk];
    await tokens.verify(await sign({}, next), expected());
    expect(made.asked).toHaveLength(4);
    await expect(tokens.verify(await sign(), expected())).rejects.toMatchObject(refused);
    for (let i = 0; i < 20; i++) {
      const unknown = await sign({}, { ...key, kid: `made up ${i}` });
      await expect(tokens.verify(unknown, expected())).rejects.toMatchObject(refused);
    }
    expect(made.asked).toHaveLength(4);
  });

  it('are believed for a while when the provider is down, and not for ever', async () => {
    const made = provider();
    const tokens = made.tokens();
    const fresh = () => sign({ iat: made.nowMs / 1000, exp: made.nowMs / 1000 + 60 });
    await tokens.verify(await fresh(), expected());
    made.answer = () => new Response('out of order', { status: 503 });
    made.nowMs += 601_000;
    await tokens.verify(await fresh(), expected());
    await tokens.verify(await fresh(), expected());
    expect(made.asked).toHaveLength(3);
    made.nowMs += 3_600_000;
    const late = tokens.verify(await fresh(), expected());
    await expect(late).rejects.toMatchObject({ code: 'issuer-unavailable', retryAfterSeconds: 30 });
    made.answer = undefined;
    await expect(tokens.verify(await fresh(), expected())).rejects.toMatchObject({ code: 'issuer-unavailable' });
    made.nowMs += 30_000;
    await tokens.verify(await fresh(), expected());
  });

  it.each([
    ['too much', () => new Response('x'.repeat(300 * 1024))],
    [
      'too many',
      () => Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys`, keys: Array.from({ length: 65 }, () => ({})) }),
    ],
    ['no JSON', () => new Response('<html>')],
    ['no UTF-8', () => new Response(Uint8Array.of(0xff))],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } })],
  ])('are not taken from a provider that gives %s', async (_, answer) => {
    const made = provider();
    made.answer = answer;
    const asked = made.tokens().verify(await sign(), expected());
    await expect(asked).rejects.toMatchObject({ code: 'issuer-unavailable' });
    expect(made.asked.length).toBeLessThan(3);
  });

  it('that are secrets, for encryption, or nonsense are none', async () => {
    const made = provider();
    made.keys = [null, 7, 'x', [], { kty: 'oct', k: 'AAAA', kid: 'one' }, { ...key.jwk, use: 'enc' }];
    await expect(made.tokens().verify(await sign(), expected())).rejects.toMatchObject(refused);
  });
});

describe('claims become identities', () => {
  const verify = async (template: string, claims: Claims, name: string) =>
    provider()
      .tokens(settings({}, template))
      .verify(await sign(claims), expected(name));

  it.each([
    ['acct:{sub}@chat.example', { sub: 'alice' }, 'acct:alice@chat.example'],
    ['{sub}@example.com', { sub: 'alice' }, 'alice@example.com'],
    ['https://id.example/u/{sub}', { sub: 'Alice-1' }, 'https://id.example/u/Alice-1'],
    ['{https://example.com/handle}', { 'https://example.com/handle': 'acct:a@b.example' }, 'acct:a@b.example'],
    ['{phone_number}', { phone_number: 'tel:+15551234567', phone_number_verified: true }, 'tel:+15551234567'],
  ])('%s of %j is an identity', async (template, claims, name) => {
    expect(await verify(template, claims, name)).toMatchObject({ type: 'oidc' });
  });

  it.each([
    ['letters that would be folded: two subjects, one name', 'acct:{sub}@chat.example', { sub: 'Alice' }],
    ['a second host', 'acct:{sub}@chat.example', { sub: 'alice@chat.example' }],
    ['a host of its own', '{sub}@chat.example', { sub: 'alice@evil.example,' }],
    ['another path', 'https://id.example/{sub}', { sub: 'u/alice' }],
    ['a way up', 'https://id.example/u/{sub}', { sub: '..' }],
    ['an escape', 'https://id.example/u/{sub}', { sub: 'a%2fb' }],
    ['nothing', 'acct:{sub}@chat.example', { sub: '' }],
    ['a number', 'acct:{uid}@chat.example', { uid: 7 }],
    ['what every object has', '{constructor}', {}],
    ['a telephone number that was not verified', '{phone_number}', { phone_number: 'tel:+15551234567' }],
    ['another form of a name', '{handle}', { handle: 'acct:Alice@Chat.example' }],
    ['letters beyond ASCII', 'acct:{sub}@chat.example', { sub: 'аlice' }],
  ])('%s makes none', async (_, template, claims) => {
    await expect(verify(template, claims, 'acct:alice@chat.example')).rejects.toMatchObject(refused);
  });

  it('a template has exactly one claim', () => {
    for (const text of ['', 'alice', '{}', '{a}{b}', '{a', 'a}', '{a b}', '{{a}}'])
      expect(identityTemplate(text)).toBeUndefined();
  });
});
