import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeyDirectory } from '../../../src/client/key-directory.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { KEYTRANS_MEDIA_TYPE } from '../../../src/contract/media-types.ts';
import { AUDITOR_PATHS, PATHS } from '../../../src/contract/paths.ts';
import { AuditorMetrics } from '../../../src/http/auditor-metrics.ts';
import { createAuditorApp } from '../../../src/http/auditor-routes.ts';
import { type ApiServer, serveApp } from '../../../src/http/server.ts';
import type { Auditor } from '../../../src/service/auditor/auditor.ts';
import { AuditorSource } from '../../../src/service/auditor/auditor-source.ts';
import { deliverHead, fetchHead } from '../../../src/service/auditor/deliver-head.ts';
import type { AuditorTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import { emptyDatabase } from '../../store/each-store.ts';
import { AUDITOR, AuditorFolderFixture } from '../../support/audited-log.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const LAG_MS = 120_000;
const PATIENCE = { timeout: 30_000, interval: 20 };
const signal = new AbortController().signal;

describe.each(['postgres', 'pglite'] as const)('a server with an auditor on %s', (kind) => {
  const folder = new AuditorFolderFixture();
  let server: TestServer;
  let auditor: Auditor;
  let auditing: ApiServer;
  let source: AuditorSource | undefined;

  beforeEach(async () => {
    await folder.make();
    server = await createTestServer({
      target: await emptyDatabase(kind),
      loop: false,
      configuration: {
        mode: 'thirdPartyAuditing',
        maxAuditorLagMs: LAG_MS,
        auditorStartPosition: 0,
        auditorPublicKey: AUDITOR.publicKey,
      },
    });
    auditor = await folder.openAt(server.url, server.bundle.bundle, server.log.clock.now);
    const app = createAuditorApp({ auditor, metrics: new AuditorMetrics(), now: Date.now });
    auditing = await serveApp(app, { host: '127.0.0.1', port: 0 });
  }, 120_000);
  afterEach(async () => {
    await source?.stop();
    await auditing.close();
    await server.close();
    await folder.remove();
  });

  const place = (url: string) => ({ url, mediaType: KEYTRANS_MEDIA_TYPE, fetch, signal });
  const open = () => KeyDirectory.open({ server: server.url, state: new MemoryState(), now: server.log.clock.now });
  const lookup = async () => (await open()).lookup('nobody@example.com');

  function follow(accept = (head: AuditorTreeHead) => server.log.service.auditor.accept(head)): AuditorSource {
    const { observe } = server.log.context;
    const url = auditing.url + AUDITOR_PATHS.head;
    return new AuditorSource({ ...place(url), accept, observe, pollMs: 5, maxBackoffMs: 10 });
  }

  it('fetches its heads, and answers as long as they are new enough', async () => {
    source = follow();
    await expect(lookup()).rejects.toMatchObject({ code: 'not-audited' });
    await auditor.step();
    await vi.waitFor(async () => expect(await lookup()).toMatchObject({ found: false }), PATIENCE);
    const { service, clock, token } = server.log;
    clock.advance(LAG_MS - 1000);
    await service.sequencer.step();
    await expect(lookup()).resolves.toMatchObject({ found: false });
    clock.advance(2000);
    const key = await newDeviceKey();
    const identity = 'late@example.com';
    const answer = service.issue({
      identity,
      csr: await csrFor(key, identity),
      token,
      change: undefined,
      last: undefined,
    });
    const refused = expect(answer).rejects.toMatchObject({ code: 'not-audited' });
    await vi.waitFor(async () => expect(await server.log.context.store.queueDepth()).toBe(1), PATIENCE);
    await service.sequencer.step();
    await refused;
    await expect(lookup()).rejects.toMatchObject({ code: 'not-audited' });
    await auditor.step();
    await vi.waitFor(async () => expect(await lookup()).toMatchObject({ found: false }), PATIENCE);
    await expect((await open()).lookup(identity)).resolves.toMatchObject({ found: true });
    expect(folder.failures).toEqual([]);
    expect(server.log.events.filter(({ type }) => type === 'auditor-failed')).toEqual([]);
  });

  it('takes heads that the auditor posts', async () => {
    await auditor.step();
    const at = place(server.url + PATHS.auditorHead);
    await deliverHead(auditor.head!, at);
    expect(await lookup()).toMatchObject({ found: false });
    const forged = { ...auditor.head!, signature: new Uint8Array(64) };
    await expect(deliverHead(forged, at)).rejects.toMatchObject({ code: 'request-refused' });
    await auditing.close();
    await expect(deliverHead(auditor.head!, place(auditing.url))).rejects.toMatchObject({ code: 'network-failed' });
  });

  it('counts what it cannot have, and asks again', async () => {
    const failures = (): unknown[] =>
      server.log.events.flatMap((event) =>
        event.type === 'auditor-failed' ? [(event.error as { code?: unknown }).code] : [],
      );
    let refusals = 2;
    await auditor.step();
    source = follow(async (head) => {
      if (refusals-- > 0) return server.log.service.auditor.accept({ ...head, treeSize: head.treeSize + 1 });
      return server.log.service.auditor.accept(head);
    });
    await vi.waitFor(async () => expect(await lookup()).toMatchObject({ found: false }), PATIENCE);
    expect(failures()).toEqual(['too-far-behind', 'too-far-behind']);
    await auditing.close();
    await vi.waitFor(() => expect(failures()).toContain('network-failed'), PATIENCE);
  });
});

describe('asking an auditor', () => {
  const answering = (status: number, body: Uint8Array | null) => ({
    url: 'http://auditor.test/auditor-head',
    mediaType: KEYTRANS_MEDIA_TYPE,
    fetch: (async () => new Response(body === null ? null : new Uint8Array(body), { status })) as typeof fetch,
    signal,
  });

  it.each([
    ['no head yet', 404, null, undefined],
    ['misbehaviour', 409, null, 'not-audited'],
    ['a failure', 500, null, 'bad-response'],
    ['nothing', 200, new Uint8Array(), 'bad-response'],
    ['what is no head', 200, new Uint8Array(40).fill(255), 'bad-response'],
    ['a body without end', 200, new Uint8Array(200_000), 'bad-response'],
  ])('it says %s', async (_, status, body, code) => {
    const asked = fetchHead(answering(status, body));
    if (code === undefined) expect(await asked).toBeUndefined();
    else await expect(asked).rejects.toMatchObject({ code });
  });
});
