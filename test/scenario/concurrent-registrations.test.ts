import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { formatPem, parsePem } from '../../src/ca/der/pem.ts';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { parseCertificateAnswer } from '../../src/contract/parse-answers.ts';
import { parseProblem } from '../../src/contract/parse-problem.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { equalBytes, formatHex } from '../../src/core/encoding/bytes.ts';
import { checkInvariants } from '../support/invariants.ts';
import { csrFor, identityOf, newDeviceKey } from '../support/owner.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const ALICE = 'alice@example.com';
const REQUESTS = 200;

const database = await createTestDatabase().catch((error: unknown) => {
  if (process.env['CI'] !== undefined) throw error;
  return undefined;
});
const title = database === undefined ? 'one name, many keys (no PostgreSQL here)' : 'one name, many keys';

describe.skipIf(database === undefined)(title, () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await createTestServer({ target: database ?? '' });
  });
  afterAll(() => server?.close());

  /** A first registration of Alice with a key of its own. */
  const prepare = async (): Promise<{ readonly body: string; readonly spki: Uint8Array }> => {
    const key = await newDeviceKey('p256');
    const csr = formatPem('CERTIFICATE REQUEST', await csrFor(key, ALICE));
    return { body: JSON.stringify({ identity: ALICE, csr }), spki: key.spki };
  };

  const send = async (body: string): Promise<{ readonly status: number; readonly json: unknown }> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${server.log.token}` };
    const response = await fetch(server.url + PATHS.certificates, { method: 'POST', headers, body });
    return { status: response.status, json: await response.json() };
  };

  it(`of ${REQUESTS} simultaneous first registrations with different keys one is certified`, async () => {
    const requests = await Promise.all(Array.from({ length: REQUESTS }, prepare));
    const answers = await Promise.all(requests.map(({ body }) => send(body)));
    const winner = answers.findIndex(({ status }) => status === 201);
    const refused = answers.filter((_, index) => index !== winner);
    expect(winner).toBeGreaterThanOrEqual(0);
    for (const { status, json } of refused) {
      expect(status).toBe(409);
      // The others come while the first is under way, or after it.
      expect(['version-conflict', 'change-required']).toContain(parseProblem(json, status).code);
    }

    const answer = parseCertificateAnswer(answers[winner]?.json);
    const certificate = parsePem('CERTIFICATE', answer.certificate);
    expect(parseCertificate(certificate).spki).toEqual(requests[winner]?.spki);
    expect(server.log.events.filter((event) => event.type === 'signed')).toHaveLength(1);
    await expectOneVersion(certificate);

    const found = await (await server.client()).lookup(ALICE);
    const held = found.found ? found.binding.certificates.map(({ der }) => formatHex(der)) : [];
    expect(held).toEqual([formatHex(certificate)]);
    const { bundle } = server.bundle;
    const audited = await auditLog({ baseUrl: server.url, bundle, now: server.log.clock.now });
    expect(audited.updates).toBe(1);
    expect(await checkInvariants(server.log.context, [identityOf(ALICE).label])).toMatchObject({ leaves: 1 });

    // The winner's request again gets the winner's certificate; the losers' get nothing, now and ever.
    const again = await send(requests[winner]?.body ?? '');
    expect(equalBytes(parsePem('CERTIFICATE', parseCertificateAnswer(again.json).certificate), certificate)).toBe(true);
    const loser = await send(requests[(winner + 1) % REQUESTS]?.body ?? '');
    expect([loser.status, parseProblem(loser.json, loser.status).code]).toEqual([409, 'change-required']);
    await expectOneVersion(certificate);
  });

  /** The database holds one certificate, one version of one label, and no intent but that one's. */
  const expectOneVersion = async (certificate: Uint8Array): Promise<void> => {
    const sql = postgres(database ?? '', { max: 1, onnotice: () => {} });
    try {
      const certificates = await sql<{ der: Uint8Array }[]>`select der from certificates`;
      // Its row has the hash; the record has the certificate.
      expect(certificates.map(({ der }) => formatHex(der))).toEqual([formatHex(sha256(certificate))]);
      const [counts] = await sql`select (select count(*)::int from versions) as versions,
        (select count(*)::int from labels) as labels, (select count(*)::int from intents) as intents,
        (select count(*)::int from submissions) as submissions, (select count(*)::int from revocations) as revocations`;
      expect(counts).toEqual({ versions: 1, labels: 1, intents: 1, submissions: 1, revocations: 0 });
    } finally {
      await sql.end();
    }
  };
});
