import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signedMessage, type SignedEpoch } from '../../src/akd/auditor-signature.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';

/** The published auditor of a log: signs what it is told to, and answers as Cloudflare's does. */
export interface AkdAuditorServer {
  readonly url: string;
  readonly namespace: string;
  /** Hexadecimal. */
  readonly publicKey: string;
  /** Roots by epoch that it signs. */
  readonly roots: Map<number, Uint8Array>;
  /** Changes the answer about an epoch. */
  lie: (answer: Record<string, unknown>) => unknown;
  close(): Promise<void>;
}

/** Starts an auditor on loopback. */
export async function startAkdAuditor(ciphersuite = 1): Promise<AkdAuditorServer> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const namespace = 'log.example';
  const roots = new Map<number, Uint8Array>();
  const answerOf = (epoch: number, digest: Uint8Array): Record<string, unknown> => {
    const unsigned: Omit<SignedEpoch, 'signature'> = {
      ciphersuite,
      namespace,
      timestampMs: 1_700_000_000_000,
      epoch,
      digest,
    };
    const signature = formatHex(new Uint8Array(sign(null, signedMessage(unsigned), privateKey)));
    const timestamp = unsigned.timestampMs;
    return {
      version: ciphersuite,
      ciphersuite,
      namespace,
      timestamp,
      epoch,
      digest: formatHex(digest),
      signature,
      key_id: 7,
    };
  };
  const server = createServer((request, response) => {
    const epoch = Number(/^\/namespaces\/log\.example\/audits\/(\d+)$/.exec(request.url ?? '')?.[1]);
    const digest = roots.get(epoch);
    response.statusCode = digest === undefined ? 404 : 200;
    response.end(digest === undefined ? 'not found' : JSON.stringify(started.lie(answerOf(epoch, digest))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const started: AkdAuditorServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex'),
    roots,
    lie: (answer) => answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return started;
}
