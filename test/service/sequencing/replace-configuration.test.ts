import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditLog } from '../../../src/client/audit/audit-log.ts';
import { KeyDirectory } from '../../../src/client/key-directory.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { signTrustBundle } from '../../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../../src/contract/parse-trust-bundle.ts';
import type { TrustBundle } from '../../../src/contract/trust-bundle.ts';
import { formatBase64 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { Metrics } from '../../../src/http/metrics.ts';
import { type ApiServer, serveApi } from '../../../src/http/server.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { replaceConfiguration } from '../../../src/service/sequencing/replace-configuration.ts';
import { Sequencer } from '../../../src/service/sequencing/sequencer.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import type { AppendBatch, LogStore } from '../../../src/store/ports.ts';
import { TestWitnesses } from '../../support/test-witnesses.ts';
import { checkLog } from '../../../src/service/sequencing/self-check.ts';
import { emptyDatabase } from '../../store/each-store.ts';
import { createTestAuditor, type TestAuditor } from '../../support/auditor.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const LAG_MS = 600_000;
const encoded = (config: Configuration): string => formatBase64(encode(configurationCodec, config));

describe.each(['postgres', 'pglite'] as const)('a log that gets another auditor on %s', (kind) => {
  let server: TestServer;
  let first: TestAuditor;
  let service: LogService;
  let serving: ApiServer | undefined;
  let bundle: TrustBundle;
  let witnesses: TestWitnesses | undefined;

  async function begin(): Promise<void> {
    first = await createTestAuditor(LAG_MS);
    server = await createTestServer({ target: await emptyDatabase(kind), loop: false, witnesses });
    bundle = server.bundle.bundle;
    service = server.log.service;
    serving = undefined;
  }
  async function end(): Promise<void> {
    await serving?.close();
    if (service !== server.log.service) await service.stop();
    await server.close();
  }
  beforeEach(begin, 120_000);
  afterEach(async () => {
    await end();
    await witnesses?.remove();
    witnesses = undefined;
  });

  const next = (auditor: TestAuditor): Configuration =>
    ({ ...service.context.configuration, ...auditor.configuration }) as Configuration;

  /** Serves the log anew, as after a restart with the next bundle. */
  async function restart(auditor: TestAuditor, stopsWith?: ErrorCode): Promise<void> {
    const { options, store } = server.log;
    const configuration = next(auditor);
    const earlier = [...(bundle.earlierConfigurations ?? []), bundle.keytransConfiguration];
    bundle = {
      ...bundle,
      sequence: bundle.sequence + 1,
      keytransConfiguration: encoded(configuration),
      earlierConfigurations: earlier,
    };
    await replaceConfiguration(store, options.origin, configuration);
    const context = await openLog(options);
    await serving?.close();
    if (service !== server.log.service) await service.stop();
    service = new LogService(context, { sequence: false });
    await service.start();
    const stepped = service.sequencer.step();
    if (stopsWith === undefined) await stepped;
    else await expect(stepped).rejects.toMatchObject({ code: stopsWith });
    const { issuer } = context.keys;
    serving = await serveApi({
      service,
      documents: {
        root: issuer.chain.at(-1) as Uint8Array,
        issuer: issuer.certificate.der,
        trustBundle: formatTrustBundle(await signTrustBundle(bundle, [server.bundleKey])),
      },
      metrics: new Metrics(),
      ping: () => store.ping(),
      onError: () => undefined,
      listen: { host: '127.0.0.1', port: 0 },
    });
  }

  const sign = async (auditor: TestAuditor): Promise<void> => {
    const { size } = await service.context.store.readHead();
    await service.auditor.accept(await auditor.sign(service.context, size));
  };
  const open = (state: MemoryState, url = serving?.url ?? server.url): Promise<KeyDirectory> =>
    KeyDirectory.open({ server: url, state, now: server.log.clock.now });
  const audit = (change: Partial<TrustBundle> = {}) =>
    auditLog({
      baseUrl: serving?.url ?? server.url,
      bundle: { ...bundle, ...change },
      now: server.log.clock.now,
    });

  it('goes on with it, for clients and audits that knew the log before, and for new ones', async () => {
    const state = new MemoryState();
    await expect((await open(state)).lookup('nobody@example.com')).resolves.toMatchObject({ treeSize: 1 });
    await expect((await open(state)).audit()).resolves.toMatchObject({ treeSize: 1 });
    const standing = await KeyDirectory.open({
      server: server.url,
      state: new MemoryState(),
      now: server.log.clock.now,
      fetch: (url, init) => fetch(url.replace(server.url, serving?.url ?? server.url), init),
    });
    /** What a directory that is open all along says: nothing against the log, whose bundle it takes up by itself. */
    const goesOn = async (treeSize: number): Promise<void> => {
      const [many] = await standing.lookupMany(['nobody@example.com']);
      expect(many).toMatchObject({ result: { treeSize } });
      await expect(standing.lookup('nobody@example.com')).resolves.toMatchObject({ treeSize });
      await expect(standing.monitor()).resolves.toEqual([]);
      await expect(standing.audit()).resolves.toMatchObject({ treeSize });
    };
    await goesOn(1);

    await restart(first);
    await expect(standing.lookup('nobody@example.com')).rejects.toMatchObject({ code: 'not-audited' });
    await expect((await open(state)).lookup('nobody@example.com')).rejects.toMatchObject({ code: 'not-audited' });
    await sign(first);
    await expect((await open(state)).lookup('nobody@example.com')).resolves.toMatchObject({ treeSize: 2 });
    await expect((await open(state)).audit()).resolves.toMatchObject({ treeSize: 2 });
    await goesOn(2);

    // The head of the auditor before is not shown any more, and the new one's is.
    const second = await createTestAuditor(LAG_MS);
    await restart(second);
    await expect((await open(state)).lookup('nobody@example.com')).rejects.toMatchObject({ code: 'not-audited' });
    await expect(sign(first)).rejects.toMatchObject({ code: 'invalid-request' });
    await sign(second);
    for (const one of [state, new MemoryState()]) {
      await expect((await open(one)).lookup('nobody@example.com')).resolves.toMatchObject({ treeSize: 3 });
      await expect((await open(one)).audit()).resolves.toMatchObject({ treeSize: 3 });
    }
    await goesOn(3);
    await expect(audit()).resolves.toMatchObject({ treeSize: 3 });
    // An auditor that begins with such a bundle cannot judge the older entries, and accuses nobody.
    await expect(audit({ earlierConfigurations: [] })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/^log entry 0 names a Configuration .*--earlier-trust/) as string,
    });
    const { context } = service;
    await checkLog(context, await context.store.readHead(), await context.store.readReleased());
  }, 120_000);

  it('shows its first entry under the new one only with the quorum of its witnesses, and nothing wrong before', async () => {
    await end();
    witnesses = await TestWitnesses.create();
    await begin();
    await service.sequencer.step();
    const state = new MemoryState();
    await expect((await open(state)).lookup('nobody@example.com')).resolves.toMatchObject({ treeSize: 1 });

    // An entry under the old Configuration waits for its quorum when the servers are stopped.
    witnesses.down(0, 1);
    server.log.clock.advance(service.context.limits.heartbeatMs);
    await expect(service.sequencer.step()).rejects.toMatchObject({ code: 'release-stalled' });
    expect((await service.context.store.readHead()).size).toBe(2);
    await restart(first, 'release-stalled');
    const early = await open(state);
    await expect(early.lookup('nobody@example.com')).rejects.toMatchObject({ code: 'not-audited' });

    // It gets the quorum, and the one after it, which names the new Configuration, does not yet.
    witnesses.down(1);
    const { append } = service.context.store;
    const store = Object.assign(Object.create(service.context.store) as LogStore, {
      append: async (batch: AppendBatch) => {
        witnesses?.down(0, 1);
        await append(batch);
      },
    });
    const stopped = new Sequencer({ ...service.context, store }, service.progress);
    await expect(stopped.step()).rejects.toMatchObject({ code: 'release-stalled' });
    expect((await service.progress.refresh()).released.size).toBe(2);
    expect((await service.context.store.readHead()).size).toBe(3);
    for (const one of [state, new MemoryState()]) {
      await expect((await open(one)).lookup('nobody@example.com')).rejects.toMatchObject({ code: 'not-audited' });
      await expect((await open(one)).audit()).resolves.toMatchObject({ treeSize: 2 });
    }

    witnesses.down();
    expect(await service.sequencer.step()).toBe('idle');
    await service.progress.refresh();
    await sign(first);
    for (const one of [state, new MemoryState()]) {
      await expect((await open(one)).lookup('nobody@example.com')).resolves.toMatchObject({ treeSize: 3 });
      await expect((await open(one)).audit()).resolves.toMatchObject({ treeSize: 3 });
    }
  }, 120_000);

  it('takes the change up where a crash left it, and begins it once', async () => {
    const { options, store } = server.log;
    await replaceConfiguration(store, options.origin, next(first));
    await replaceConfiguration(store, options.origin, next(first));
    const context = await openLog(options);
    expect((await context.store.readHead()).size).toBe(1);
    for (const result of ['appended', 'idle']) {
      expect(await new LogService(await openLog(options)).sequencer.step()).toBe(result);
      expect((await context.store.readHead()).size).toBe(2);
    }
    expect(await context.store.readReleased()).toMatchObject({ size: 2 });
  });

  it('is not changed in anything else, nor while a server is the writer', async () => {
    const { options, store, context } = server.log;
    const refuse = (config: Configuration, code: string) =>
      expect(replaceConfiguration(store, options.origin, config)).rejects.toMatchObject({ code });
    await refuse({ ...context.configuration, reasonableMonitoringWindowMs: 1 }, 'usage');
    await refuse({ ...next(first), vrfPublicKey: first.signer.publicKey }, 'usage');
    // The log has one entry: an auditor that starts at entry 2 leaves out one that nobody has seen yet.
    await refuse(next(await createTestAuditor(LAG_MS, 2)), 'usage');
    await replaceConfiguration(store, options.origin, next(first));
    await refuse(context.configuration, 'usage');
    const lock = await context.store.tryWriterLock();
    await refuse(next(await createTestAuditor(LAG_MS)), 'storage-locked');
    await lock?.release();
    await replaceConfiguration(store, 'another.example', context.configuration);
  });
});
