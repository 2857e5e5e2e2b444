import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import type { SignedTrustBundle } from '../../src/contract/trust-bundle.ts';
import { equalBytes, parseBase64 } from '../../src/core/encoding/bytes.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { createDistributedDatabase, dropCitusDatabases, NO_CITUS } from '../support/citus.ts';
import { initialiseServer, type KillableServer, startKillableServer } from '../support/killable-server.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { seededRandom } from '../support/random.ts';
import { CrashLoad, type Registration, Testimony } from './crash-load.ts';
import { assertOneHistory } from './one-history.ts';

const ROUNDS = Number(process.env['GLASSKEY_CRASH_ROUNDS'] ?? 5);
const SEED = Number(process.env['GLASSKEY_CRASH_SEED'] ?? Date.now() % 1_000_000);
const CLIENTS = 12;
/** The longest time under load before a server is killed, ms. */
const LONGEST_LIFE_MS = 1_500;
/** One of so many servers is killed while it still starts. */
const KILLED_EARLY = 4;
/** Registrations acknowledged last, and others, that a client looks up after each crash. All are compared at the end. */
const NEWEST = 20;
const SAMPLE = 10;
/** Requests that a crash interrupted and that are sent again, and how long each may take, ms. */
const RETRIES = 3;
const RETRY_MS = 2_000;

/** On distributed tables where the tests have a Citus cluster. */
const database = await (NO_CITUS === undefined ? createDistributedDatabase() : createTestDatabase()).catch(
  (error: unknown) => {
    if (process.env['CI'] !== undefined) throw error;
    return undefined;
  },
);
const title = database === undefined ? 'a server that is killed (no PostgreSQL here)' : 'a server that is killed';

describe.skipIf(database === undefined)(title, () => {
  let folder: string;
  let data: string;
  let bundle: SignedTrustBundle;
  let load: CrashLoad;
  let current: KillableServer | undefined;
  const testimony = new Testimony();
  const state = new MemoryState();
  const random = seededRandom(SEED);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-crash-'));
    data = join(folder, 'data');
    await initialiseServer(data);
    bundle = parseTrustBundle(await readFile(join(data, 'trust.json'), 'utf8'));
    const token = (await readFile(join(data, 'registration.token'), 'utf8')).trim();
    const config = decode(configurationCodec, parseBase64(bundle.bundle.keytransConfiguration));
    load = await CrashLoad.create(testimony, token, config);
  });

  afterAll(async () => {
    await current?.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
    await dropCitusDatabases();
  });

  const start = (): KillableServer => {
    current = startKillableServer(data, database ?? '');
    return current;
  };

  /** Every one of `identities` is found, with the certificate that was acknowledged. */
  const expectFound = async (url: string, identities: readonly string[]): Promise<void> => {
    const directory = await KeyDirectory.open({ server: url, state, bundle });
    for (const identity of identities) {
      const found = await directory.lookup(identity);
      if (!found.found) throw new Error(`${identity} was acknowledged and is lost`);
      const der = testimony.acknowledged.get(identity) ?? new Uint8Array();
      const certified = found.binding.certificates.some((certificate) => equalBytes(certificate.der, der));
      if (!certified) throw new Error(`${identity} has lost its certificate`);
    }
  };

  /** Requests that got no answer can be sent again as they are. One may still be held by the intent that it left. */
  const retry = async (url: string, interrupted: readonly Registration[]): Promise<void> => {
    const some = interrupted.slice(0, RETRIES);
    await Promise.all(some.map((registration) => load.send(url, registration, RETRY_MS)));
  };

  it(
    `keeps what it acknowledged and signs one root per size: ${ROUNDS} rounds, seed ${SEED}`,
    async () => {
      let interrupted: readonly Registration[] = [];
      /** Starts a server, and looks whether it has what the killed one acknowledged last. */
      const restart = async (): Promise<{ server: KillableServer; url: string; before: readonly string[] }> => {
        const server = start();
        const url = await server.ready;
        const before = [...testimony.acknowledged.keys()];
        await expectFound(url, before.slice(-NEWEST));
        return { server, url, before };
      };

      for (let round = 1; round <= ROUNDS; round++) {
        if (random() < 1 / KILLED_EARLY) {
          const starting = start();
          await Promise.race([sleep(random() * 1_000), starting.ready]);
          await starting.end('SIGKILL');
        }
        const { server, url, before } = await restart();
        expect(testimony.noteCheckpoint(await (await fetch(url + PATHS.checkpoint)).text())).toBe(
          testimony.greatestSize,
        );
        await expectFound(
          url,
          Array.from({ length: Math.min(SAMPLE, before.length) }, () => pick(before, random)),
        );
        await retry(url, interrupted);
        const killed = sleep(random() * LONGEST_LIFE_MS).then(() => server.end('SIGKILL'));
        [interrupted] = await Promise.all([load.run(url, CLIENTS), killed]);
        expect(server.log()).not.toMatch(/contradicts itself|does not verify/);
      }

      const { server: last, url } = await restart();
      const audited = await auditLog({ baseUrl: url, bundle: bundle.bundle, now: Date.now });
      expect(audited.treeSize).toBeGreaterThanOrEqual(testimony.greatestSize);
      expect(audited.updates).toBeGreaterThanOrEqual(testimony.acknowledged.size);
      await last.end('SIGTERM');
      await assertOneHistory({ data, database }, bundle.bundle, testimony);
      expect(testimony.acknowledged.size).toBeGreaterThan(ROUNDS);
    },
    60_000 + ROUNDS * 60_000,
  );
});

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}
