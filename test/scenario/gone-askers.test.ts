import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { KT_128_SHA256_ED25519 } from '../../src/core/crypto/cipher-suite.ts';
import { lookupRequestCodec } from '../../src/core/keytrans/messages.ts';
import { nativeVrfProver } from '../../src/service/threads/native-vrf-prover.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const AT_ONCE = 4;
const ASKERS = 200;
/** For a busy machine. */
const PATIENCE = { timeout: 30_000 };

let server: TestServer;
/** VRF proofs begun. */
let proofs = 0;
/** Proofs wait for it. */
let gate: Promise<void> = Promise.resolve();
beforeAll(async () => {
  server = await createTestServer({
    limits: { maxAnswersAtOnce: AT_ONCE },
    vrfProver: (secretKey) => {
      const prover = nativeVrfProver(KT_128_SHA256_ED25519, secretKey);
      const prove = async (inputs: readonly Uint8Array[]) => {
        proofs += inputs.length;
        await gate;
        return prover.prove(inputs);
      };
      return { publicKey: prover.publicKey, prove };
    },
  });
});
afterAll(() => server.close());

/** Sends a lookup of an absent name on a connection of its own. */
function ask(name: string): Socket {
  const { hostname, port } = new URL(server.url);
  const body = encode(lookupRequestCodec, { last: undefined, label: identityOf(name).label });
  const head = [
    `POST ${PATHS.lookup} HTTP/1.1`,
    `host: ${hostname}`,
    `content-type: ${KEYTRANS_MEDIA_TYPE}`,
    `content-length: ${body.length}`,
  ];
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(body);
  return socket;
}

it('200 askers who hang up cost no more than the answers that were under way', async () => {
  const { answering } = server.log.service;
  let open = (): void => undefined;
  gate = new Promise((resolve) => (open = resolve));
  const before = proofs;
  const sockets = Array.from({ length: ASKERS }, (_, i) => ask(`nobody${i}@example.com`));
  const counts = () => [answering.underWay, answering.waiting];
  await vi.waitFor(() => expect(counts()).toEqual([AT_ONCE, ASKERS - AT_ONCE]), PATIENCE);
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(() => expect(answering.waiting).toBe(0), PATIENCE);
  // The server has seen the end of the other connections, too, once it answers on a new one.
  await fetch(server.url + PATHS.health);
  open();
  await vi.waitFor(() => expect(answering.underWay).toBe(0), PATIENCE);
  // The search key of the name, and nothing after it.
  expect(proofs - before).toBe(AT_ONCE);
  expect(await (await server.client()).lookup('somebody@example.com')).toMatchObject({ found: false });
  expect(server.errors.every((error) => (error as { code?: string }).code === 'invalid-request')).toBe(true);
});
