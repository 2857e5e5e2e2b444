import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { openOpensslWorld, type OpensslWorld, programMissing } from '../support/openssl.ts';

const missing = programMissing('openssl', 'version');
const title = missing === undefined ? 'certificates in use' : `certificates in use (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let world: OpensslWorld;
  beforeAll(async () => {
    world = await openOpensslWorld();
    const { client, server, folder } = world;
    const key = await generateKey();
    const { certificate } = await client.register('alice@example.com', { token: server.log.token, key });
    writeFileSync(join(folder, 'alice.pem'), certificate);
    writeFileSync(join(folder, 'alice.key'), await key.exportPem(), { mode: 0o600 });
    writeFileSync(join(folder, 'mail.txt'), 'hello\n');
    const files = ['-keyout', 'tls.key', '-out', 'tls.pem'];
    world.openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=tls', '-days', '36500', ...files);
  });
  afterAll(() => world.close());

  it('sign mail, which openssl verifies under this authority and no other', () => {
    const { openssl } = world;
    const signer = ['-signer', 'alice.pem', '-inkey', 'alice.key', '-certfile', 'issuer.pem'];
    openssl('cms', '-sign', ...signer, '-in', 'mail.txt', '-out', 'mail.eml');
    const verify = (root: string): string =>
      openssl('cms', '-verify', '-in', 'mail.eml', '-purpose', 'smimesign', ...world.attime(), '-CAfile', root);
    expect(verify('root.pem')).toContain('hello');
    expect(() => verify('tls.pem')).toThrow(/Verification failure/);
  });

  it('open a TLS connection to a server that trusts the authority, until they are revoked', async () => {
    const { server } = world;
    await world.fetchCrl();
    const credentials = ['-cert', 'alice.pem', '-cert_chain', 'issuer.pem', '-key', 'alice.key'];
    expect(await connect(world, credentials)).toContain('email:alice@example.com');
    expect(await connect(world, [])).toContain('alert certificate required');
    const { token } = server.log;
    const order = { identity: 'alice@example.com', token, change: undefined, last: undefined, reason: 1 } as const;
    await server.log.service.revoke({ ...order, serials: 'all' });
    server.log.clock.advance(5_000);
    await world.fetchCrl();
    expect(await connect(world, credentials)).toContain('alert certificate revoked');
  });
});

/** What s_client, with these credentials, gets of an s_server that wants a certificate which is on no CRL. */
async function connect({ folder, attime }: OpensslWorld, credentials: readonly string[]): Promise<string> {
  const asks = ['-Verify', '2', '-verify_return_error', '-CAfile', 'root.pem', '-crl_check', '-CRL', 'crl.pem'];
  const listens = ['-accept', '127.0.0.1:0', '-naccept', '1', '-www', '-cert', 'tls.pem', '-key', 'tls.key'];
  const server = spawn('openssl', ['s_server', ...listens, ...asks, ...attime()], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const address = await accepts(server.stdout);
    const client = spawn('openssl', ['s_client', '-connect', address, '-quiet', ...credentials], { cwd: folder });
    let output = '';
    for (const stream of [client.stdout, client.stderr]) stream.on('data', (data: Buffer) => (output += data));
    client.stdin.on('error', () => undefined); // it may be gone before it has read
    client.stdin.write('GET / HTTP/1.0\r\n\r\n');
    await once(client, 'close');
    return output;
  } finally {
    server.kill('SIGKILL');
  }
}

async function accepts(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const address = /^ACCEPT (127\.0\.0\.1:\d+)$/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error('s_server does not listen');
}
