import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { openMirror } from '../../src/cli/audit/audit-mirror.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { auditEvidenceOf } from '../../src/client/audit/audit-evidence.ts';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { formatEntriesPath, formatUpdatePath } from '../../src/core/audit/tile-path.ts';
import { encodeUtf8, formatBase64 } from '../../src/core/encoding/bytes.ts';
import { type Fetch, platformFetch } from '../../src/core/net/bounded-fetch.ts';
import { LOG_PREFIX, PATHS } from '../../src/contract/paths.ts';
import { signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import type { SignedTrustBundle } from '../../src/contract/trust-bundle.ts';
import { checkCopy } from '../../src/service/publish/check-copy.ts';
import { FolderTarget } from '../../src/service/publish/folder-target.ts';
import { type Published, publishLog } from '../../src/service/publish/publish-log.ts';
import type { PublishTarget } from '../../src/service/publish/publish-target.ts';
import { auditCopy, folderReader, growTo, MemoryTarget, sourceOf, trustOf } from '../support/publishing.ts';
import { signedBundle } from '../support/signed-bundle.ts';
import { StaticLog, testLeaf } from '../support/static-log.ts';
import { createTestServer } from '../support/test-server.ts';
import { failure } from '../support/victims.ts';
import { attack } from './attack.ts';

let folder: string;
let log: StaticLog;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-copy-'));
  log = new StaticLog();
  await growTo(log, 300);
  await publish(log);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const now = (): number => 2_000_000;

async function publish(of: StaticLog, target?: PublishTarget): Promise<Published> {
  const place = target ?? (await FolderTarget.open(folder));
  return publishLog({ source: sourceOf(of), target: place, trust: trustOf(of), now });
}

const audit = () => auditCopy(log, folderReader(folder));

/** What an auditor reports of a copy that is damaged: nothing that accuses the log. */
async function unproven(run: Promise<unknown>): Promise<unknown> {
  const error = await failure(run);
  expect([exitCodeOf(error), auditEvidenceOf(error)]).toEqual([1, undefined]);
  return error;
}

/** What an auditor reports of a log that has signed a lie, whoever serves it. */
async function proven(run: Promise<unknown>): Promise<unknown> {
  const error = await failure(run);
  expect(exitCodeOf(error)).toBe(2);
  expect(auditEvidenceOf(error)?.proof).toBeDefined();
  return error;
}

const FILES = ['tile/entries/000', 'tile/0/001.p/44', 'tile/1/000.p/1', 'updates/299', 'head/300'];

const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));

/** Does something to each file of the copy in turn. Gives what auditors report. */
async function damaged(damage: (bytes: Buffer) => Uint8Array | undefined, files = FILES): Promise<unknown[]> {
  const noticed: unknown[] = [];
  for (const path of files) {
    const place = join(folder, 'log', path);
    const honest = await readFile(place);
    const bytes = damage(honest);
    if (bytes === undefined) await rm(place);
    else await writeFile(place, bytes);
    noticed.push(await unproven(audit()));
    await writeFile(place, honest);
  }
  expect(await audit()).toBe(300);
  return noticed;
}

/** A log whose last entry but four takes a leaf back, and that signs that. */
async function lyingLog(): Promise<StaticLog> {
  const lying = new StaticLog();
  await growTo(lying, 15);
  lying.append([testLeaf(777)], 1_000_015, { update: (update) => ({ ...update, removed: [testLeaf(3)] }) });
  await growTo(lying, 20);
  return lying;
}

async function mirror(of: StaticLog, target: PublishTarget, served: SignedTrustBundle): Promise<unknown> {
  const { bundle } = served;
  const kept = await openMirror({ target, served, bundle, now, onProgress: () => undefined });
  return auditLog({ baseUrl: 'http://log.test', bundle, fetch: of.fetch, now, ...kept });
}

describe('a copy that anybody can read', () => {
  attack('copy-altered', async () => {
    const noticed = await damaged(flipped, [...FILES, 'checkpoint']);
    // Entry 123 has its update in a bundle too. Either of the two may be gone; both may not.
    const bundle = join(folder, 'log/tile/updates/000');
    const honest = await readFile(bundle);
    for (const bytes of [flipped(honest), honest.subarray(1), undefined]) {
      await (bytes === undefined ? rm(bundle) : writeFile(bundle, bytes));
      expect(await audit()).toBe(300);
    }
    noticed.push(...(await damaged(flipped, ['updates/123'])));
    await writeFile(bundle, honest);
    return noticed;
  });

  attack('copy-with-holes', async () => {
    const other = await readFile(join(folder, 'log/updates/006'));
    return [
      ...(await damaged(() => undefined)),
      ...(await damaged((honest) => honest.subarray(0, -1), [...FILES, 'checkpoint'])),
      ...(await damaged(() => new Uint8Array(), [...FILES, 'checkpoint'])),
      ...(await damaged((honest) => Buffer.concat([honest, honest]))),
      ...(await damaged(() => other)),
    ];
  });

  attack('log-as-a-copy', async () => {
    const server = await createTestServer();
    const passing: Fetch = async (url, init) => {
      const path = new URL(url).pathname;
      const isFile = path.startsWith(LOG_PREFIX) || path === PATHS.trustBundle;
      if (!isFile || init.method === 'POST') return new Response('<h1>Not here</h1>', { status: 405 });
      const answer = await platformFetch(url, init);
      if (path !== `${LOG_PREFIX}${asked}`) return answer;
      return new Response(flipped(new Uint8Array(await answer.arrayBuffer())).slice());
    };
    let asked = '';
    const { bundle } = server.bundle;
    const named = await signTrustBundle({ ...bundle, publicUrl: server.url }, [server.bundleKey]);
    const enrol = async (name: string): Promise<unknown> =>
      (await server.client()).register(name, { token: server.log.token, key: await generateKey() });
    await enrol('somebody@example.com');
    const noticed: unknown[] = [];
    try {
      // An auditor whose state was used for a lookup, and one that has only audited.
      for (const before of ['lookup', 'audit'] as const) {
        const state = new MemoryState();
        const honest = await server.client(state);
        await (before === 'audit' ? honest.audit() : honest.lookup('nobody@example.com'));
        await enrol(`${before}@example.com`);
        const options = { server: server.url, state, now: server.log.clock.now };
        const client = await KeyDirectory.open({ ...options, fetch: passing });
        const size = (await server.log.context.store.readHead()).size;
        for (const path of [formatUpdatePath(size - 1), formatEntriesPath(0, size)]) {
          asked = path;
          const error = await failure(client.audit());
          expect([exitCodeOf(error), auditEvidenceOf(error) === undefined]).toEqual([2, false]);
          noticed.push(error);
        }
      }
      // One that begins now, and knows the log's own URL by the bundle.
      const first = async (url: string, init: RequestInit): Promise<Response> =>
        url.endsWith(PATHS.trustBundle) ? new Response(formatTrustBundle(named)) : passing(url, init);
      const options = { server: server.url, state: new MemoryState(), now: server.log.clock.now };
      asked = formatUpdatePath(0);
      const error = await failure((await KeyDirectory.open({ ...options, fetch: first })).audit());
      expect([exitCodeOf(error), auditEvidenceOf(error) === undefined]).toEqual([2, false]);
      return [...noticed, error];
    } finally {
      await server.close();
    }
  });

  attack('copy-out-of-date', async () => {
    const older = new MemoryTarget();
    const small = new StaticLog();
    await growTo(small, 20);
    await publish(small, older);
    return unproven(auditCopy(log, async (path) => older.files.get(path), { held: [log.checkpoint] }));
  });

  attack('lie-behind-a-copy', async () => {
    const lying = await lyingLog();
    const copy = new MemoryTarget();
    await publish(lying, copy);
    return proven(auditCopy(lying, async (path) => copy.files.get(path)));
  });

  attack('copy-of-a-fork', async () => {
    // The same name, signed by the same keys.
    const fork = new StaticLog();
    fork.append([testLeaf(9999)], 1_000_000);
    const noticed: unknown[] = [];
    for (const size of [299, 300, 301, 600]) {
      await growTo(fork, size);
      noticed.push(await failure(publish(fork)));
    }
    expect(await audit()).toBe(300);
    return noticed;
  });
});

describe('whoever keeps a copy', () => {
  attack('proof-withheld-from-mirror', async () => {
    const lying = await lyingLog();
    const asked = new Set<string>();
    lying.lie = (path, file) => (asked.size === asked.add(path).size && path !== 'checkpoint' ? undefined : file);
    return proven(mirror(lying, new MemoryTarget(), await signedBundle(lying.bundle)));
  });

  attack('mirror-damaged', async () => {
    const honest = new StaticLog();
    const kept = new MemoryTarget();
    const served = await signedBundle(honest.bundle);
    await growTo(honest, 20);
    await mirror(honest, kept, served);
    await growTo(honest, 30);
    const right = new Map(kept.files);
    const noticed: unknown[] = [];
    for (const bytes of [undefined, Uint8Array.of(1, 2, 3)]) {
      if (bytes === undefined) kept.files.delete('log/updates/003');
      else kept.files.set('log/updates/003', bytes);
      noticed.push(await unproven(mirror(honest, kept, served)));
      kept.files.set('log/updates/003', right.get('log/updates/003') as Uint8Array);
    }
    await mirror(honest, kept, served);
    return noticed;
  });

  attack('copy-mended-with-lies', async () => {
    const place = join(folder, '..', `${folder.split('/').at(-1)}-mended`);
    await cp(folder, place, { recursive: true });
    try {
      await rm(join(place, 'log/updates/003'));
      await rm(join(place, 'log/head/300'));
      const repair = async (of: StaticLog) => {
        const target = await FolderTarget.open(place);
        return checkCopy({
          source: sourceOf(of),
          target,
          trust: trustOf(of),
          now,
          repair: true,
          repairCheckpoint: true,
        });
      };
      const noticed: unknown[] = [];
      const falseHead = JSON.stringify({ size: 300, signature: formatBase64(flipped(log.head)) });
      for (const path of ['updates/003', 'tile/0/000', 'tile/entries/000', 'head/300']) {
        const body = path === 'head/300' ? encodeUtf8(falseHead) : flipped(log.serve(path)?.body ?? new Uint8Array());
        const isBundle = (asked: string): boolean => asked.startsWith('tile/updates/');
        log.lie = (asked, file) => (asked === path ? { body, gzip: false } : isBundle(asked) ? undefined : file);
        noticed.push(await failure(repair(log)));
        log.lie = (_path, file) => file;
      }
      for (const size of [299, 300, 301]) {
        const fork = new StaticLog();
        fork.append([testLeaf(9999)], 1_000_000);
        await growTo(fork, size);
        noticed.push(await failure(repair(fork)));
      }
      expect(await readFile(join(place, 'log/checkpoint'))).toEqual(await readFile(join(folder, 'log/checkpoint')));
      await expect(readFile(join(place, 'log/head/300'))).rejects.toThrow('ENOENT');
      expect((await repair(log)).faults.length).toBeGreaterThan(0);
      expect(await auditCopy(log, folderReader(place))).toBe(300);
      return noticed;
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  });
});
