import { PGlite } from '@electric-sql/pglite';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { PATHS, PROOF_PREFIX } from '../../src/contract/paths.ts';
import { formatAddCheckpoint } from '../../src/core/audit/add-checkpoint.ts';
import { parseCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { parseNote } from '../../src/core/audit/note.ts';
import { formatTlogProof, parseTlogProof } from '../../src/core/audit/tlog-proof.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { lookupRequestCodec, lookupResponseCodec } from '../../src/core/keytrans/messages.ts';
import { DataFolder } from '../../src/server/data-folder.ts';
import { initialise } from '../../src/server/init.ts';
import { replaceWitnessPolicy } from '../../src/server/witness-policy.ts';
import { LogService } from '../../src/service/log-service.ts';
import { openLog } from '../../src/service/log/open-log.ts';
import { openStore } from '../../src/store/open-store.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { TestWitnesses } from '../support/test-witnesses.ts';
import { caught, failure, INITIAL, register } from '../support/victims.ts';
import { attack } from './attack.ts';

let folder: string;
let witnesses: TestWitnesses;
let operator: LyingOperator;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-attacks-'));
  witnesses = await TestWitnesses.create();
  // One of the three has not seen the log yet.
  witnesses.down(2);
  operator = await LyingOperator.start({
    witnesses,
    lastSigned: join(folder, 'last-signed'),
    limits: { requestTimeoutMs: 8_000 },
  });
  await register(operator, 'bob@example.com');
});
afterAll(async () => {
  await operator.stop();
  await witnesses.remove();
  await rm(folder, { recursive: true });
});

const forks: LyingOperator[] = [];
afterAll(() => Promise.all(forks.map((fork) => fork.stop())));

/** A log of the same name, signed by the same keys, with a false key for Bob; of `size` entries, at least 2. */
async function forkOf(original: LyingOperator, size: number): Promise<LyingOperator> {
  const fork = await LyingOperator.start();
  forks.push(fork);
  const { context: own, clock } = original.server.log;
  const { context } = fork.server.log;
  Object.assign(context.keys, own.keys);
  Object.assign(context, { configuration: own.configuration, configHash: own.configHash });
  Object.assign(context, { vrf: own.vrf, noteSigner: own.noteSigner });
  fork.server.log.clock.nowMs = clock.nowMs;
  await fork.server.log.service.stop();
  const record = {
    certificates: [await original.certify('bob@example.com', (await generateKey()).spki)],
    authorization: INITIAL,
  };
  await fork.appendRecord('bob@example.com', record);
  while ((await context.store.readHead()).size < size) await fork.appendNothing();
  return fork;
}

/** `fetch` that shows the fork to who looks up, with a proof as `prove` makes it. */
function showing(fork: LyingOperator, prove: (size: number) => Promise<string>): Fetch {
  const codec = lookupResponseCodec(operator.server.log.context.configuration);
  return async (url, init) => {
    const { pathname } = new URL(url);
    if (pathname === PATHS.lookup) {
      const request = decode(lookupRequestCodec, new Uint8Array(init?.body as Uint8Array));
      const answer = await fork.server.log.service.prover.lookup(request);
      return new Response(new Uint8Array(encode(codec, answer)));
    }
    if (!pathname.startsWith(PROOF_PREFIX)) return fetch(url, init);
    return new Response(await prove(Number(pathname.slice(PROOF_PREFIX.length))));
  };
}

/** The fork's own proof, with lines of witnesses added to its checkpoint. */
async function proofWith(fork: LyingOperator, size: number, lines: string): Promise<string> {
  const proof = parseTlogProof(await fork.server.log.service.files.proof(size));
  return formatTlogProof({ ...proof, checkpoint: proof.checkpoint + lines });
}

const checkpointOf = (fork: LyingOperator): Promise<string> => fork.server.log.service.files.checkpoint();

describe('a log that has lost something', () => {
  attack('tile-missing', async () => {
    const { log } = operator.server;
    const noticed: unknown[] = [];
    const size = (await log.context.store.readHead()).size;
    const backup = await operator.database.dumpDataDir('none');
    for (const loss of [
      `update entries set update_gzip = 'x' where position = ${size - 1}`,
      `delete from entries where position = ${size - 2}`,
      `delete from prefix_tiles where position = (select prefix_tile_position from heads)`,
    ]) {
      const database = await PGlite.create({ loadDataDir: backup });
      await database.query(loss);
      const store = await openStore({ database }, { now: log.clock.now });
      const damaged = new LogService(await openLog({ ...log.options, store }), { sequence: false });
      noticed.push(await failure(damaged.sequencer.step()));
      await store.close();
    }
    return noticed;
  });
});

describe('a witness policy', () => {
  attack('quorums-apart', async () => {
    const loose = await TestWitnesses.create({ threshold: 1 });
    await loose.remove();
    const init = (name: string, witnessPolicy?: string) => ({
      data: join(folder, name),
      suite: 'ed25519' as const,
      origin: `${name}.example`,
      publicUrl: undefined,
      caKey: 'p256' as const,
      witnessPolicy,
      dev: false,
      nowMs: Date.now(),
    });
    const noticed = [await failure(initialise(init('apart', loose.text)))];
    await initialise(init('later'));
    noticed.push(await failure(replaceWitnessPolicy(new DataFolder(join(folder, 'later')), loose.text)));
    return noticed;
  });
});

describe('a fork of a log with witnesses', () => {
  attack('fork-without-witnesses', async () => {
    const fork = await forkOf(operator, 3);
    witnesses.down(0, 1, 2);
    const noticed = [
      await caught(operator, 'bob@example.com', { fetch: showing(fork, (size) => proofWith(fork, size, '')) }),
      // The honest server shows nothing either.
      await failure(register(operator, 'late@example.com')),
    ];
    witnesses.down(2);
    await operator.server.log.service.progress.waitForRelease(3, 30_000);
    return noticed;
  });

  attack('fork-with-the-true-proof', async () => {
    const { service } = operator.server.log;
    const { released } = await service.progress.refresh();
    const fork = await forkOf(operator, released.size);
    const fetch = showing(fork, (size) => service.files.proof(size));
    return caught(operator, 'bob@example.com', { fetch });
  });

  attack('backup-restored', async () => {
    const { log } = operator.server;
    const backup = await operator.database.dumpDataDir('none');
    await register(operator, 'after-the-backup@example.com');
    const noticed: unknown[] = [];
    // With the file on this host, and on a host that has none.
    for (const lastSigned of [log.options.lastSigned, undefined]) {
      const database = await PGlite.create({ loadDataDir: backup });
      const store = await openStore({ database }, { now: log.clock.now });
      const restored = new LogService(await openLog({ ...log.options, store, lastSigned }), { sequence: false });
      noticed.push(await failure(restored.sequencer.step()));
      // What was released before can still be read.
      expect(parseCheckpoint(parseNote(await restored.files.checkpoint()).text).size).toBeGreaterThan(1);
      await store.close();
    }
    return noticed;
  });

  attack('fork-to-one-witness', async () => {
    const { log } = operator.server;
    const { released } = await log.service.progress.refresh();
    const fork = await forkOf(operator, released.size);
    witnesses.down();
    const checkpoint = await checkpointOf(fork);
    const answer = await witnesses.ask(2, formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }));
    expect(answer.status).toBe(200);
    const lines = await answer.text();
    const fetch = showing(fork, (size) => proofWith(fork, size, lines));
    const shown = await caught(operator, 'bob@example.com', { fetch });
    // The true log hears of it from the witness that was deceived.
    const other = new LogService(await openLog(log.options), { sequence: false });
    return [shown, await failure(other.sequencer.step())];
  });
});
