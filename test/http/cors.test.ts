import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server.close());

const ORIGIN = 'https://app.example';
const send = (path: string, init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {}) =>
  fetch(server.url + path, { ...init, headers: { origin: ORIGIN, ...init.headers } });
const allowed = (response: Response): string | null => response.headers.get('access-control-allow-origin');

function preflight(path: string, method: string, headers: string): Promise<Response> {
  return send(path, {
    method: 'OPTIONS',
    headers: { 'access-control-request-method': method, 'access-control-request-headers': headers },
  });
}

describe('a page of another origin', () => {
  it.each([PATHS.trustBundle, PATHS.checkpoint, '/log/updates/000', PATHS.issuerPem, PATHS.issuerCrl])(
    'may read %s',
    async (path) => {
      const response = await send(path);
      expect([response.status, allowed(response)]).toEqual([200, '*']);
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  it.each([
    [PATHS.certificates, 'authorization,content-type'],
    [PATHS.revocations, 'authorization,content-type'],
    [PATHS.lookup, 'content-type,glasskey-lookup-token'],
    [PATHS.ownerMonitor, 'content-type'],
  ])('may post to %s, after asking', async (path, headers) => {
    const response = await preflight(path, 'POST', headers);
    expect([response.status, allowed(response), await response.text()]).toEqual([204, '*', '']);
    const listed = (name: string): string[] => (response.headers.get(name) ?? '').toLowerCase().split(',');
    expect(listed('access-control-allow-methods')).toContain('post');
    expect(listed('access-control-allow-headers')).toEqual(expect.arrayContaining(headers.split(',')));
    expect(response.headers.get('access-control-max-age')).toBe('7200');
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('is not told that it may put or delete, or send cookies', async () => {
    const response = await preflight(PATHS.certificates, 'DELETE', 'cookie,x-other');
    expect(response.headers.get('access-control-allow-methods')?.split(',').sort()).toEqual(['GET', 'HEAD', 'POST']);
    expect(response.headers.get('access-control-allow-headers')?.toLowerCase()).not.toMatch(/cookie|x-other/);
  });

  it('can read why it was refused', async () => {
    const headers = { 'content-type': KEYTRANS_MEDIA_TYPE };
    const malformed = await send(PATHS.lookup, { method: 'POST', headers, body: 'nonsense' });
    expect([malformed.status, allowed(malformed)]).toEqual([400, '*']);
    const noToken = { 'content-type': 'application/json', authorization: 'Basic Zm9v' };
    const denied = await send(PATHS.certificates, { method: 'POST', headers: noToken, body: '{}' });
    expect([denied.status, allowed(denied)]).toEqual([401, '*']);
    expect(denied.headers.get('access-control-expose-headers')?.split(',')).toContain('WWW-Authenticate');
    const missing = await send('/log/tile/0/999');
    expect([missing.status, allowed(missing)]).toEqual([404, '*']);
  });

  it.each([PATHS.metrics, PATHS.ready, PATHS.health])('may not read %s', async (path) => {
    expect(allowed(await send(path))).toBeNull();
    const response = await preflight(path, 'GET', 'x-any');
    expect([response.status, response.headers.get('access-control-allow-headers')]).toEqual([405, null]);
  });
});
