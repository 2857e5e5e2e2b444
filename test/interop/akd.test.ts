import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { experimentalConfiguration, whatsAppConfiguration } from '../../src/akd/akd-configuration.ts';
import { auditEpochs } from '../../src/akd/audit-epochs.ts';
import { httpSource } from '../../src/akd/http-source.ts';
import type { NamedEpoch } from '../../src/akd/object-name.ts';
import { folderSource } from '../../src/cli/akd/folder-source.ts';
import { equalBytes } from '../../src/core/encoding/bytes.ts';
import { platformFetch } from '../../src/core/net/bounded-fetch.ts';
import { type AkdCrate, buildAkdCrate, cargoMissing } from '../support/akd-crate.ts';
import { readObjects } from '../support/akd-proofs.ts';
import { publicBucket, startVersitygw } from '../support/versitygw.ts';

const missing = cargoMissing();
const title = missing === undefined ? 'the akd crate' : `the akd crate (${missing})`;
const CONFIGURATIONS = { whatsapp: whatsAppConfiguration(), experimental: experimentalConfiguration('ExampleLabel') };
const MAX_BYTES = 64 * 2 ** 20;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let crate: AkdCrate;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-akd-'));
    crate = await buildAkdCrate();
  }, 1_800_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const audit = (name: keyof typeof CONFIGURATIONS, path: string, namedEpoch: NamedEpoch = 'end') =>
    auditEpochs({
      source: folderSource(path, MAX_BYTES),
      configuration: CONFIGURATIONS[name],
      namedEpoch,
      maxNodes: 1_000_000,
      position: undefined,
      onEpoch: async () => undefined,
    });

  it.each([
    ['whatsapp', 'end', [1, 1, 1, 2, 3, 255, 256, 257, 1, 5000]],
    ['whatsapp', 'start', [7, 700, 70]],
    ['experimental', 'end', [1, 2, 1, 40, 3000, 1, 500]],
    ['experimental', 'start', [10, 100]],
    ['whatsapp', 'end', [50_000, 10_000, 1, 20_000]],
    ['experimental', 'end', [50_000, 1_000]],
  ] as const)(
    'makes epochs that verify: %s, names with the %s epoch, insertions %j',
    async (name, named, sizes) => {
      const path = await mkdtemp(join(folder, 'log-'));
      await crate.generate(name, path, named, sizes);
      const position = await audit(name, path, named);
      expect(position).toMatchObject({ startEpoch: 0, endEpoch: sizes.length });
      expect(equalBytes(position?.startRoot ?? new Uint8Array(), CONFIGURATIONS[name].emptyRoot)).toBe(true);
      if (named === 'end') {
        const figures = await crate.verify(name, path);
        expect(figures).toMatchObject({ epochs: sizes.length, inserted: position?.inserted });
      } else await expect(audit(name, path, 'end')).rejects.toMatchObject({ code: 'bad-auditor-update' });
    },
    600_000,
  );

  it('makes epochs that verify from a public bucket of a real S3 server', async () => {
    const path = await mkdtemp(join(folder, 'log-'));
    await crate.generate('whatsapp', path, 'end', [3, 30, 1, 1, 1, 1, 1, 1, 1, 2, 2]);
    const server = await startVersitygw();
    try {
      const base = await publicBucket(server, 'akd-log', readObjects(path));
      const position = await auditEpochs({
        source: httpSource({ base, fetch: platformFetch, timeoutMs: 10_000, maxBytes: MAX_BYTES }),
        configuration: CONFIGURATIONS.whatsapp,
        namedEpoch: 'end',
        maxNodes: 1000,
        position: undefined,
        onEpoch: async () => undefined,
      });
      expect(position).toMatchObject({ startEpoch: 0, endEpoch: 11, inserted: 44 });
    } finally {
      await server.close();
    }
  }, 900_000);
});
