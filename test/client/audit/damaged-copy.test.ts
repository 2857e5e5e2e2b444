import { describe, expect, it } from 'vitest';
import { auditEvidenceOf } from '../../../src/client/audit/audit-evidence.ts';
import { auditLog } from '../../../src/client/audit/audit-log.ts';
import { fileServer, readingFrom } from '../../../src/client/audit/damaged-copy.ts';
import { Transport } from '../../../src/client/transport.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { type Fetch, platformFetch } from '../../../src/core/net/bounded-fetch.ts';
import { growTo } from '../../support/publishing.ts';
import { StaticLog } from '../../support/static-log.ts';
import { createTestServer } from '../../support/test-server.ts';

const code = (expected: string): object => expect.objectContaining({ code: expected });
const transport = (fetch: Fetch): Transport => new Transport({ server: 'http://log.test', fetch, timeoutMs: 10_000 });

/** A server that has a checkpoint, or none, and answers all else alike. */
function serving(hasCheckpoint: boolean, other: () => Response): Transport {
  return transport(async (url) =>
    hasCheckpoint && new URL(url).pathname === PATHS.checkpoint ? new Response('a checkpoint') : other(),
  );
}

const notFound = (): Response => new Response('<h1>Not found</h1>', { status: 404 });

describe('the server of a log’s files', () => {
  it('is the log where the log’s own program answers', async () => {
    const server = await createTestServer();
    const options = { server: server.url, fetch: platformFetch, timeoutMs: 10_000 };
    const found = await fileServer(new Transport(options));
    await server.close();
    expect(found).toBe('log');
  });

  it.each([
    ['a plain web server', 'copy', serving(true, notFound)],
    ['a bucket that lets nobody list it', 'copy', serving(true, () => new Response('<Error/>', { status: 403 }))],
    ['a site that has a page for everything', 'copy', serving(true, () => new Response('welcome'))],
    ['any other site', 'unknown', serving(false, notFound)],
    ['a proxy whose server is down', 'unknown', serving(true, () => new Response('down', { status: 502 }))],
    ['a server that redirects', 'unknown', serving(false, () => new Response('', { status: 301 }))],
    [
      'nobody',
      'unknown',
      transport(() => {
        throw new TypeError('connection refused');
      }),
    ],
  ] as const)('is judged: %s', async (_, expected, to) => {
    expect(await fileServer(to)).toBe(expected);
  });

  it.each([
    ['log', 'bad-audit-entry', 'bad-response'],
    ['copy', 'copy-damaged', 'copy-damaged'],
    ['unknown', 'copy-damaged', 'bad-response'],
  ] as const)('being %s is accused of a wrong file as %s, and of a missing one as %s', async (by, wrong, missing) => {
    const log = new StaticLog();
    await growTo(log, 20);
    for (const [expected, body] of [
      [wrong, Uint8Array.of(1)],
      [missing, undefined],
    ] as const) {
      log.lie = (path, file) => (path === 'tile/entries/000.p/20' ? body && { body, gzip: false } : file);
      const audit = auditLog({
        baseUrl: 'http://log.test',
        bundle: log.bundle,
        fetch: log.fetch,
        now: () => 2_000_000,
        fileServer: async () => by,
      });
      const error = await audit.catch((caught: unknown) => caught);
      expect(error).toEqual(code(expected));
      expect(auditEvidenceOf(error) !== undefined).toBe(expected === 'bad-audit-entry');
    }
  });

  it('cannot be proved to have misbehaved by a copy that imitates it', async () => {
    const log = new StaticLog();
    await growTo(log, 20);
    const damaged = ['tile/entries/000.p/20', 'tile/0/000.p/20', 'updates/003', 'head/20', 'checkpoint'];
    for (const path of damaged) {
      log.lie = (asked, file) => {
        if (asked !== path || file === undefined) return file;
        return { body: file.body.map((byte, i) => (i === file.body.length - 3 ? byte ^ 1 : byte)), gzip: file.gzip };
      };
      const options = { baseUrl: 'http://log.test', bundle: log.bundle, fetch: log.fetch, now: () => 2_000_000 };
      const imitated = auditLog({ ...options, fileServer: async () => 'log' });
      const error = await imitated.catch((caught: unknown) => caught);
      expect(error, path).toBeInstanceOf(GlasskeyError);
      expect(auditEvidenceOf(error)?.proof, path).toBeUndefined();
    }
  });

  it.each([
    ['bad-bundle', 'copy-damaged'],
    ['bad-log-proof', 'copy-damaged'],
    ['tree-rolled-back', 'too-far-behind'],
    ['log-forked', 'log-forked'],
    ['published-differs', 'published-differs'],
    ['network-failed', 'network-failed'],
  ] as const)('being a copy turns %s into %s', async (thrown, expected) => {
    const work = (): Promise<never> => Promise.reject(new GlasskeyError(thrown, 'a reason'));
    await expect(readingFrom(serving(true, notFound), work)).rejects.toEqual(code(expected));
    const live = serving(true, () => Response.json({}, { headers: { 'content-type': 'application/problem+json' } }));
    await expect(readingFrom(live, work)).rejects.toEqual(code(thrown));
  });
});
