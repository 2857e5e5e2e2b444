import { Hono } from 'hono';
import { connect as connectPlain } from 'node:net';
import { connect, type PeerCertificate } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../../src/http/server.ts';
import { OTHER_TLS_PAIR, TLS_PAIR } from '../support/tls-pair.ts';

/** The name in the certificate that a server shows. */
function shown(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      const { subject }: PeerCertificate = socket.getPeerCertificate();
      socket.destroy();
      resolve(subject.CN);
    });
    socket.once('error', reject);
  });
}

describe('TLS', () => {
  it('gets another certificate while it serves, and no broken one', async () => {
    const server = await serveApp(new Hono(), { host: '127.0.0.1', port: 0 }, TLS_PAIR);
    try {
      expect(await shown(server.url)).toBe('keys.example');
      expect(() => server.replaceTls({ ...TLS_PAIR, key: OTHER_TLS_PAIR.key })).toThrow(
        expect.objectContaining({ code: 'usage' }),
      );
      expect(await shown(server.url)).toBe('keys.example');
      server.replaceTls(OTHER_TLS_PAIR);
      expect(await shown(server.url)).toBe('other.example');
    } finally {
      await server.close();
    }
  });

  it('waits for a handshake no longer than for the head of a request', async () => {
    const server = await serveApp(new Hono(), { host: '127.0.0.1', port: 0 }, TLS_PAIR);
    try {
      const socket = connectPlain(Number(new URL(server.url).port), '127.0.0.1');
      await new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject).resume());
    } finally {
      await server.close();
    }
  }, 60_000);
});
