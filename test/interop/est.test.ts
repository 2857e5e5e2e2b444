import { execFile, execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPem } from '../../src/ca/der/pem.ts';
import { leafValidity } from '../../src/ca/profile.ts';
import { serveApi } from '../../src/http/server.ts';
import { profileOf } from '../../src/service/log/profile-table.ts';
import { leafRequest, sign } from '../../src/service/issuance/sign.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasskey-est-'));
const at = (name: string): string => join(folder, name);
const openssl = (...args: string[]): string => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder }).toString();
const EST = '/.well-known/est';
/** Not in the way of the server, which is in this process. */
const run = promisify(execFile);

let server: TestServer;

beforeAll(async () => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '30'];
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'tls.key', '-out', 'tls.pem', ...subject);
  const [certificate, key] = ['tls.pem', 'tls.key'].map((name) => readFileSync(at(name), 'utf8'));
  server = await createTestServer({ tls: { certificate: certificate ?? '', key: key ?? '' } });
  request('alice', 'email:alice@example.com');
}, 120_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A key (where there is none of that name) and a request in base64, as OpenSSL makes them. */
function request(key: string, san: string, file = key): string {
  if (!existsSync(at(`${key}.key`)))
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${key}.key`);
  const names = ['-subj', '/', '-addext', `subjectAltName=${san}`];
  openssl('req', '-new', '-key', `${key}.key`, ...names, '-outform', 'DER', '-out', `${file}.der`);
  openssl('base64', '-in', `${file}.der`, '-out', `${file}.b64`);
  return `${file}.b64`;
}

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** What curl gets. */
async function curl(url: string, ...args: string[]): Promise<Answer> {
  const common = [
    '-sS',
    '--max-time',
    '60',
    '--cacert',
    'tls.pem',
    '-D',
    'headers.txt',
    '-o',
    'body.txt',
    '-w',
    '%{http_code}',
  ];
  const { stdout } = await run('curl', [...common, ...args, url], { cwd: folder });
  const [headers = '', body = ''] = ['headers.txt', 'body.txt'].map((name) => readFileSync(at(name), 'utf8'));
  return { status: Number(stdout), headers: headers.toLowerCase(), body };
}
const post = (operation: string, file: string, ...args: string[]): Promise<Answer> =>
  curl(
    `${server.url}${EST}/${operation}`,
    '-H',
    'Content-Type: application/pkcs10',
    '--data-binary',
    `@${file}`,
    ...args,
  );
const basic = (): string[] => ['-u', `device:${server.log.token}`];
const withCertificate = (name: string, key = name): string[] => ['--cert', `${name}.pem`, '--key', `${key}.key`];
const codeOf = ({ status, body }: Answer): string => `${status} ${(JSON.parse(body) as { code: string }).code}`;

/** The certificates of an answer, as OpenSSL reads them. */
function certificates({ status, body }: Answer): string[] {
  expect(status).toBe(200);
  writeFileSync(at('answer.b64'), body);
  openssl('base64', '-d', '-in', 'answer.b64', '-out', 'answer.p7');
  const printed = openssl('pkcs7', '-inform', 'DER', '-in', 'answer.p7', '-print_certs');
  return printed.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
}
function enrolled(answer: Answer, name: string): X509Certificate {
  const [pem, ...others] = certificates(answer);
  expect(others).toEqual([]);
  writeFileSync(at(`${name}.pem`), `${pem}\n`);
  return new X509Certificate(pem ?? '');
}

describe('curl and OpenSSL as a client of EST', () => {
  it('get the certificates of the CAs, and what a request should hold', async () => {
    const answer = await curl(`${server.url}${EST}/cacerts`);
    expect(answer.headers).toContain('content-type: application/pkcs7-mime; smime-type=certs-only');
    expect(certificates(answer)).toHaveLength(2);
    const attributes = await curl(`${server.url}${EST}/csrattrs`);
    expect(attributes.headers).toContain('content-type: application/csrattrs');
    writeFileSync(at('attributes.b64'), attributes.body);
    openssl('base64', '-d', '-in', 'attributes.b64', '-out', 'attributes.der');
    const parsed = openssl('asn1parse', '-inform', 'DER', '-in', 'attributes.der');
    for (const part of ['id-ecPublicKey', 'prime256v1', 'Extension Request', 'X509v3 Subject Alternative Name'])
      expect(parsed).toContain(part);
  });

  it('enroll by an application token, once it is in the released log', async () => {
    const none = await post('simpleenroll', 'alice.b64');
    expect([codeOf(none), none.headers.includes('www-authenticate: basic realm="glasskey"')]).toEqual([
      '401 unauthenticated',
      true,
    ]);
    expect(codeOf(await post('simpleenroll', 'alice.b64', '-u', 'device:wrong'))).toBe('401 unauthenticated');
    const certificate = enrolled(await post('simpleenroll', 'alice.b64', ...basic()), 'alice');
    expect(certificate.subjectAltName).toBe('email:alice@example.com');
    const [issuer = '', root = ''] = certificates(await curl(`${server.url}${EST}/cacerts`));
    writeFileSync(at('issuer.pem'), issuer);
    writeFileSync(at('root.pem'), root);
    const time = ['-attime', String(Math.floor(server.log.clock.nowMs / 1000))];
    expect(
      openssl('verify', '-x509_strict', ...time, '-CAfile', 'root.pem', '-untrusted', 'issuer.pem', 'alice.pem'),
    ).toContain('OK');
    // A lost answer is none.
    expect(enrolled(await post('simpleenroll', 'alice.b64', ...basic()), 'again').serialNumber).toBe(
      certificate.serialNumber,
    );
  });

  it('renew for the same key, by the certificate or by a token', async () => {
    const before = new X509Certificate(readFileSync(at('alice.pem')));
    const renewed = enrolled(
      await post('simplereenroll', request('alice', 'email:alice@example.com', 'renewal'), ...withCertificate('alice')),
      'renewed',
    );
    expect(renewed.serialNumber).not.toBe(before.serialNumber);
    expect(renewed.publicKey.equals(before.publicKey)).toBe(true);
    const second = enrolled(
      await post('simplereenroll', request('alice', 'email:alice@example.com', 'second'), ...basic()),
      'alice',
    );
    expect(second.serialNumber).not.toBe(renewed.serialNumber);
  });

  it('get no other key for a name, with whatever they show', async () => {
    request('mallory', 'email:alice@example.com');
    enrolled(await post('simpleenroll', request('bob', 'email:bob@example.com'), ...basic()), 'bob');
    for (const shown of [basic(), withCertificate('alice')])
      for (const operation of ['simpleenroll', 'simplereenroll'])
        expect(codeOf(await post(operation, 'mallory.b64', ...shown))).toBe('409 change-required');
    // Bob's certificate lets nobody in for Alice's key either.
    expect(codeOf(await post('simplereenroll', 'renewal.b64', ...withCertificate('bob')))).toBe('409 change-required');
  });

  it('begin no name by a certificate, nor by renewing', async () => {
    request('carol', 'email:carol@example.com');
    expect(codeOf(await post('simplereenroll', 'carol.b64', ...basic()))).toBe('401 unauthenticated');
  });

  it('are not told by a certificate of another name whether a name is there', async () => {
    for (const operation of ['simpleenroll', 'simplereenroll']) {
      const ask = async (name: string): Promise<Answer> => {
        // With the key of the certificate, which renewing asks for first.
        const file = request('bob', `email:${name}@example.com`, `bob-for-${name}`);
        const answer = await post(operation, file, ...withCertificate('bob'));
        return { ...answer, headers: '' };
      };
      const there = await ask('alice');
      expect(codeOf(there)).toBe('400 csr-identity-mismatch');
      expect(await ask('nobody')).toEqual(there);
    }
  });

  it('are refused with certificates of others, revoked ones, and expired ones', async () => {
    openssl('req', '-x509', '-key', 'carol.key', '-subj', '/CN=stranger', '-days', '3000', '-out', 'stranger.pem');
    expect(codeOf(await post('simplereenroll', 'renewal.b64', ...withCertificate('stranger', 'carol')))).toBe(
      '401 unauthenticated',
    );
    const revoked = await server.log.service.revoke({
      identity: 'bob@example.com',
      serials: 'all',
      reason: 1,
      token: server.log.token,
      change: undefined,
      last: undefined,
    });
    expect(revoked.revoked).toHaveLength(1);
    expect(codeOf(await post('simplereenroll', 'bob.b64', ...withCertificate('bob')))).toBe('401 unauthenticated');
  });

  it('are refused with a certificate that a stolen CA key signed, also under a serial that is in the log', async () => {
    const { context } = server.log;
    const identity = identityOf('alice@example.com');
    const csr = await context.parseCsr(new Uint8Array(readFileSync(at('mallory.der'))));
    const settings = context.reloadable.at(context.now());
    const validity = leafValidity(
      profileOf(settings.profiles, identity),
      context.keys.issuer.certificate,
      context.now(),
    );
    const { serialNumber } = new X509Certificate(readFileSync(at('alice.pem')));
    const serial = new Uint8Array(Buffer.from(serialNumber, 'hex'));
    const forged = await sign(context, settings, {
      ...(await leafRequest(context, settings, csr, identity, validity)),
      serial,
    });
    writeFileSync(at('mallory.pem'), formatPem('CERTIFICATE', forged));
    expect(codeOf(await post('simplereenroll', 'mallory.b64', ...withCertificate('mallory')))).toBe(
      '401 unauthenticated',
    );
  });

  it('are told what is wrong with a request', async () => {
    const lines = readFileSync(at('alice.b64'), 'utf8');
    writeFileSync(at('crlf.b64'), lines.replaceAll('\n', '\r\n'));
    enrolled(await post('simpleenroll', 'crlf.b64', ...basic()), 'alice');

    openssl('req', '-inform', 'DER', '-in', 'alice.der', '-out', 'alice.csr.pem');
    enrolled(await post('simpleenroll', 'alice.csr.pem', ...basic()), 'alice');
    writeFileSync(at('broken.b64'), `${lines.slice(0, 99)}!`);
    writeFileSync(at('long.b64'), 'A'.repeat(20_000));
    expect(codeOf(await post('simpleenroll', 'alice.der', ...basic()))).toBe('400 bad-csr');
    expect(codeOf(await post('simpleenroll', 'broken.b64', ...basic()))).toBe('400 bad-csr');
    expect(codeOf(await post('simpleenroll', 'long.b64', ...basic()))).toBe('413 payload-too-large');
    const two = request('two', 'email:a@example.com,email:b@example.com');
    expect(codeOf(await post('simpleenroll', two, ...basic()))).toBe('400 csr-identity-mismatch');
    const type = ['-H', 'Content-Type: text/plain', '--data-binary', '@alice.b64', ...basic()];
    expect(codeOf(await curl(`${server.url}${EST}/simpleenroll`, ...type))).toBe('415 unsupported-media-type');
  });
});

describe('a certificate in a header', () => {
  const pem = (): string => `X-Client-Cert: ${encodeURIComponent(readFileSync(at('alice.pem'), 'utf8'))}`;
  const rfc9440 = (): string =>
    `X-Client-Cert: :${new X509Certificate(readFileSync(at('alice.pem'))).raw.toString('base64')}:`;

  it('counts where a trusted proxy passes it on, and from nobody else', async () => {
    const body = request('alice', 'email:alice@example.com', 'proxied');
    expect(codeOf(await post('simplereenroll', body, '-H', pem()))).toBe('401 unauthenticated');
    const { service, store } = server.log;
    const common = {
      service,
      documents: { root: new Uint8Array(), issuer: new Uint8Array(), trustBundle: '{}' },
      metrics: server.metrics,
      ping: () => store.ping(),
      listen: { host: '127.0.0.1', port: 0 },
    };
    const answers: string[] = [];
    for (const trustedProxies of [['127.0.0.1'], ['192.0.2.1']]) {
      const certificateHeader = () => ({ name: 'x-client-cert', trustedProxies });
      const behind = await serveApi({ ...common, certificateHeader });
      const ask = async (header: string): Promise<string> => {
        const send = ['-H', 'Content-Type: application/pkcs10', '-H', header, '--data-binary', `@${body}`];
        const answer = await curl(`${behind.url}${EST}/simplereenroll`, ...send);
        return answer.status === 200 ? '200' : codeOf(answer);
      };
      answers.push(
        await ask(pem()),
        await ask(rfc9440()),
        await ask('X-Client-Cert: nonsense'),
        await ask('X-Forwarded-For: 127.0.0.1'),
      );
      await behind.close();
    }
    expect(answers.slice(0, 2)).toEqual(['200', '200']);
    expect(new Set(answers.slice(2))).toEqual(new Set(['401 unauthenticated']));
  });
});

describe('EST, by its own log', () => {
  it('answers 202 until the certificate is released, and asks the policy table what a token is worth', async () => {
    const policy = [{ identities: 'email', domains: ['example.com'], evidence: ['application'] }] as const;
    const evidence = { policy, identityLimit: undefined, oidc: [], email: undefined, webhook: undefined };
    const slow = await createTestServer({ loop: false, limits: { requestTimeoutMs: 500 }, evidence });
    try {
      const send = (file: string): Promise<Answer> => {
        const headers = ['-H', 'Content-Type: application/pkcs10', '-u', `:${slow.log.token}`];
        return curl(`${slow.url}${EST}/simpleenroll`, ...headers, '--data-binary', `@${file}`);
      };
      expect(codeOf(await send(request('dave', 'email:dave@example.org')))).toBe('403 forbidden');
      const waiting = await send('alice.b64');
      expect([waiting.status, waiting.headers.includes('retry-after: ')]).toEqual([202, true]);
      expect(await slow.log.service.sequencer.step()).toBe('appended');
      await expect.poll(async () => (await send('alice.b64')).status, { timeout: 60_000 }).toBe(200);
    } finally {
      await slow.close();
    }
  });
});
