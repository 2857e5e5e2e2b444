import { describe, expect, it } from 'vitest';
import { auditEvidenceOf } from '../../../src/client/audit/audit-evidence.ts';
import { auditLog } from '../../../src/client/audit/audit-log.ts';
import { CAUSED_BY, fileServer, readingFrom } from '../../../src/client/audit/damaged-copy.ts';
import { Transport } from '../../../src/client/transport.ts';
import { KEYTRANS_MEDIA_TYPE } from '../../../src/contract/media-types.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import { ERROR_CODES } from '../../../src/core/error-codes.ts';
import { GlasskeyError, SignedFault } from '../../../src/core/errors.ts';
import { type Fetch, platformFetch } from '../../../src/core/net/bounded-fetch.ts';
import { createKey } from '../../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { settleTrust } from '../../../src/client/trust.ts';
import { signTrustBundle } from '../../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../../src/contract/parse-trust-bundle.ts';
import type { SignedTrustBundle, TrustBundle } from '../../../src/contract/trust-bundle.ts';
import { formatBase64 } from '../../../src/core/encoding/bytes.ts';
import { failure } from '../../support/victims.ts';
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

const OTHER_RULES = { localPart: 'fold-lower-case', uriSchemes: ['other'] } as const;
const withBundle = (bundle: SignedTrustBundle): Transport =>
  transport(async () => new Response(formatTrustBundle(bundle)));
const notFound = (): Response => new Response('<h1>Not found</h1>', { status: 404 });

describe('the server of a log’s files', () => {
  it('is the log where the log’s own program answers', async () => {
    const server = await createTestServer();
    const options = { server: server.url, fetch: platformFetch, timeoutMs: 10_000 };
    const found = await fileServer(new Transport(options), []);
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
      'one that answers a GET as a copy would, and answers questions',
      'log',
      transport(async (url, { method = 'GET' }) => {
        if (new URL(url).pathname === PATHS.checkpoint) return new Response('a checkpoint');
        const headers = { 'content-type': KEYTRANS_MEDIA_TYPE };
        return method === 'POST' ? new Response('signed', { headers }) : notFound();
      }),
    ],
    [
      'nobody',
      'unknown',
      transport(() => {
        throw new TypeError('connection refused');
      }),
    ],
  ] as const)('is judged: %s', async (_, expected, to) => {
    expect(await fileServer(to, [])).toBe(expected);
    // A server that has answered this client with a signed head can no longer pass for anything else.
    expect(await fileServer(to, ['http://other.test', 'http://log.test'])).toBe('log');
  });

  it.each([
    ['log', 'bad-audit-entry', 'bad-response'],
    ['copy', 'copy-damaged', 'copy-damaged'],
    ['unknown', 'bad-audit-entry', 'bad-response'],
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
    const copy = serving(true, notFound);
    await expect(readingFrom(copy, async () => [], work)).rejects.toEqual(code(expected));
    await expect(readingFrom(copy, async () => ['http://log.test'], work)).rejects.toEqual(code(thrown));
    const live = serving(true, () => Response.json({}, { headers: { 'content-type': 'application/problem+json' } }));
    await expect(readingFrom(live, async () => [], work)).rejects.toEqual(code(thrown));
  });

  it('being a copy hides nothing that the log has signed: of each error it is decided who can cause it', async () => {
    const faults = Object.entries(ERROR_CODES).filter(([, fault]) => fault === 'verification' || fault === 'decode');
    expect(Object.keys(CAUSED_BY).toSorted()).toEqual([...faults.map(([name]) => name), 'bad-response'].toSorted());
    const nobody = async (): Promise<readonly string[]> => [];
    const reading = async (error: GlasskeyError): Promise<unknown> => {
      const fails = (): never => {
        throw error;
      };
      return failure(readingFrom(serving(true, notFound), nobody, fails));
    };
    for (const name of Object.keys(CAUSED_BY) as (keyof typeof CAUSED_BY)[]) {
      const isLogs = CAUSED_BY[name] === 'log';
      const fault = await reading(new GlasskeyError(name, 'a reason'));
      const asCopy = name === 'tree-rolled-back' ? 'too-far-behind' : 'copy-damaged';
      expect(fault, name).toEqual(code(isLogs ? name : asCopy));
      expect(await reading(new SignedFault(name, 'a reason')), name).toEqual(code(name));
    }
  });

  it.each([
    ['by the pinned key', true],
    ['by any other', false],
  ])('being a copy does not hide a lie in a trust bundle that is signed %s', async (_, isSigned) => {
    const server = await createTestServer();
    try {
      const { bundle } = server.bundle;
      const key = isSigned ? server.bundleKey : signerFromKey(await createKey('ed25519'));
      const bundleKey = formatBase64(key.publicKey);
      const lies: readonly Partial<TrustBundle>[] = [
        { origin: isSigned ? 'another.example' : bundle.origin },
        { identityRules: OTHER_RULES },
        { sequence: 1, recoveryDelayMs: 0 },
        // An old bundle is genuine: a copy that is out of date shows it.
        { sequence: 0 },
      ];
      for (const change of lies) {
        const lie = await signTrustBundle({ ...bundle, sequence: 2, bundleKey, ...change }, [key]);
        const copy = serving(true, notFound);
        const pinned = { ...EMPTY_STATE, bundle: formatTrustBundle(server.bundle) };
        const open = (): Promise<unknown> => settleTrust(withBundle(lie), pinned, {});
        const expected = isSigned && change.sequence !== 0 ? 'bundle-changed' : 'copy-damaged';
        await expect(readingFrom(copy, async () => [], open)).rejects.toEqual(code(expected));
      }
    } finally {
      await server.close();
    }
  });
});
