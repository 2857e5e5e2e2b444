import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAddCheckpoint, originHash } from '../../../src/core/audit/add-checkpoint.ts';
import { cosignatureSigner, verifyCosignatures } from '../../../src/core/audit/cosignature.ts';
import { parseNote } from '../../../src/core/audit/note.ts';
import type { Vkey } from '../../../src/core/audit/vkey.ts';
import { mlDsaSigner } from '../../../src/core/crypto/ml-dsa.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import type { FileSystem } from '../../../src/service/file-system.ts';
import { removeUnfinished } from '../../../src/service/log/durable-file.ts';
import { Witness, type WitnessAnswer } from '../../../src/service/witness/witness.ts';
import { testNoteSigner, testSigner } from '../../core/audit/test-signer.ts';
import { type Failure, FailingFiles } from '../../support/failing-files.ts';
import { WitnessTestLog } from './witness-log.ts';

const NAME = 'witness.example/w';
const cosigners = [
  cosignatureSigner(NAME, testSigner(7)),
  cosignatureSigner(NAME, mlDsaSigner(new Uint8Array(32).fill(7))),
];
const log = new WitnessTestLog();
let folder: string;
let nowMs: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-witness-'));
  nowMs = 1_700_000_000_000;
});
afterEach(() => rm(folder, { recursive: true }));

function witnessOf(files?: FileSystem): Witness {
  const logs = new Map([[log.origin, [log.signer.vkey]]]);
  return new Witness({ folder, cosigners, logs, now: () => nowMs, ...(files && { files }) });
}

const ask = (witness: Witness, text: string): Promise<WitnessAnswer> => witness.addCheckpoint(encodeUtf8(text));
const statusOf = async (witness: Witness, text: string): Promise<number> => (await ask(witness, text)).status;

/** The times of the cosignatures of an answer, over the checkpoint of that size. */
async function timesOf(answer: WitnessAnswer, size: number, of = log): Promise<number[]> {
  expect(answer).toMatchObject({ status: 200, size });
  const { lines } = answer as { readonly lines: string };
  const note = parseNote((await of.checkpoint(size)) + lines);
  return verifyCosignatures(
    note,
    cosigners.map(({ vkey }) => vkey),
  ).map(({ timestampMs }) => timestampMs);
}

describe('a witness', () => {
  it('cosigns a log that grows, with every key', async () => {
    const witness = witnessOf();
    expect(await timesOf(await ask(witness, await log.request(0, 5)), 5)).toEqual([nowMs, nowMs]);
    nowMs += 9_000;
    expect(await timesOf(await ask(witness, await log.request(5, 64)), 64)).toEqual([nowMs, nowMs]);
    expect(await timesOf(await ask(witness, await log.request(64, 1000)), 1000)).toHaveLength(2);
  });

  it('says what it has seen, whatever the log believes', async () => {
    const witness = witnessOf();
    await ask(witness, await log.request(0, 10));
    for (const believed of [0, 3, 9]) {
      expect(await ask(witness, await log.request(believed, 12))).toMatchObject({ status: 409, size: 10 });
    }
    expect(await ask(witness, await log.request(10, 10))).toMatchObject({ status: 200 });
  });

  it('never cosigns a fork, nor a proof that is wrong', async () => {
    const witness = witnessOf();
    await ask(witness, await log.request(0, 10));
    const fork = log.fork(8);
    expect(await statusOf(witness, await fork.request(10, 10))).toBe(422);
    expect(await statusOf(witness, await fork.request(10, 20))).toBe(422);
    const checkpoint = await log.checkpoint(20);
    const proof = log.proof(10, 20);
    expect(await statusOf(witness, formatAddCheckpoint({ oldSize: 10, proof: proof.slice(1), checkpoint }))).toBe(422);
    expect(await statusOf(witness, formatAddCheckpoint({ oldSize: 10, proof, checkpoint }))).toBe(200);
  });

  it('takes no proof from the empty tree, and only the right root of it', async () => {
    const witness = witnessOf();
    const checkpoint = await log.checkpoint(4);
    const proof = [log.root(4)];
    expect(await statusOf(witness, formatAddCheckpoint({ oldSize: 0, proof, checkpoint }))).toBe(422);
    expect(await statusOf(witness, await log.request(0, 0))).toBe(200);
    const wrong = new WitnessTestLog();
    wrong.root = () => new Uint8Array(32);
    const empty = await wrong.checkpoint(0);
    expect(await statusOf(witness, formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: empty }))).toBe(422);
  });

  it('refuses other logs, other keys, and what is no request', async () => {
    const witness = witnessOf();
    expect(await statusOf(witness, await new WitnessTestLog('log.example/two').request(0, 3))).toBe(404);
    expect(await statusOf(witness, await new WitnessTestLog(log.origin, 2).request(0, 3))).toBe(403);
    const good = await log.request(0, 3);
    const lines = good.split('\n');
    const signature = lines.at(-2) ?? '';
    const broken = good.replace(signature, `${signature.slice(0, -8)}AAAAAA==`);
    expect(await statusOf(witness, broken)).toBe(403);
    for (const bad of ['', 'old 0\n', good.replace('old 0', 'old 00'), good.replace('old 0', 'old -1'), `x${good}`]) {
      expect(await statusOf(witness, bad)).toBe(400);
    }
    expect(await statusOf(witness, good.replace('old 0', 'old 4'))).toBe(400);
    expect(await readdir(folder)).toEqual([]);
  });

  it('verifies a line that is repeated once, and every other line of a known key', async () => {
    const good = await log.request(0, 3);
    const line = good.split('\n').at(-2) ?? '';
    const body = `${good}${`${line}\n`.repeat(63)}`;
    let verified = 0;
    const counted = new Proxy(log.signer.vkey, {
      get: (vkey, name: keyof Vkey) => {
        if (name === 'publicKey') verified++;
        return vkey[name];
      },
    });
    const logs = new Map([[log.origin, [counted]]]);
    const witness = new Witness({ folder, cosigners, logs, now: () => nowMs });
    expect(await timesOf(await ask(witness, body), 3)).toHaveLength(2);
    expect(verified).toBe(1);
    const broken = `${body}${line.slice(0, -8)}AAAAAA==\n`.replace(`${line}\n`, '');
    expect(await statusOf(witnessOf(), broken)).toBe(403);
  });

  it('ignores signatures of others, and keeps only those that it verified', async () => {
    const witness = witnessOf();
    const others = [log.signer, testNoteSigner('elsewhere.example', 3)];
    const checkpoint = await log.checkpoint(6, others);
    const body = formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint });
    expect(await timesOf(await ask(witness, body), 6)).toHaveLength(2);
    const kept = parseNote((await witness.latest(originHash(log.origin))) ?? '');
    expect(kept.signatures.map(({ name }) => name)).toEqual([log.origin, NAME, NAME]);
  });

  it('serves what it cosigned last, also after a restart', async () => {
    const witness = witnessOf();
    expect(await witness.latest(originHash(log.origin))).toBeUndefined();
    await ask(witness, await log.request(0, 6));
    const served = await witness.latest(originHash(log.origin));
    expect(served?.startsWith(`${log.origin}\n6\n`)).toBe(true);
    expect(await witnessOf().latest(originHash(log.origin))).toBe(served);
    expect(await statusOf(witnessOf(), await log.fork(3).request(0, 9))).toBe(409);
    expect(await witness.latest(originHash('another.example'))).toBeUndefined();
  });

  it('answers requests of one log one after the other', async () => {
    const witness = witnessOf();
    const fork = log.fork(2);
    const bodies = await Promise.all([log.request(0, 8), fork.request(0, 9), log.request(0, 8), fork.request(0, 4)]);
    const statuses = await Promise.all(bodies.map((body) => statusOf(witness, body)));
    expect(statuses).toEqual([200, 409, 409, 409]);
  });

  it('cosigns the same checkpoint anew only after a while, and never with an earlier time', async () => {
    const witness = witnessOf();
    await ask(witness, await log.request(0, 5));
    const again = await log.request(5, 5);
    nowMs += 500;
    expect(await timesOf(await ask(witness, again), 5)).toEqual([1_700_000_000_000, 1_700_000_000_000]);
    nowMs += 3_600_000;
    const [renewed = 0] = await timesOf(await ask(witness, again), 5);
    expect(renewed).toBe(nowMs - 500);
    nowMs -= 7_200_000;
    const [back = 0] = await timesOf(await ask(witness, await log.request(5, 6)), 6);
    expect(back).toBeGreaterThanOrEqual(renewed);
  });

  it('cosigns nothing for a log whose file is not what it wrote', async () => {
    const witness = witnessOf();
    await ask(witness, await log.request(0, 5));
    const path = join(folder, originHash(log.origin));
    const text = await readFile(path, 'utf8');
    for (const changed of ['', text.replace('\n5\n', '\n4\n'), text.split('\n').slice(0, -3).join('\n')]) {
      await writeFile(path, changed);
      await expect(ask(witnessOf(), await log.request(0, 3))).rejects.toThrow(
        expect.objectContaining({ code: 'storage-corrupt' }),
      );
    }
  });
});

describe.each<Failure>(['killed', 'ENOSPC', 'EIO'])('a witness whose disk fails (%s)', (failure) => {
  it('contradicts nothing that it has answered, wherever it was', async () => {
    const fork = log.fork(6);
    let failed = 0;
    for (let at = 1; ; at++) {
      await rm(folder, { recursive: true });
      folder = await mkdtemp(join(tmpdir(), 'glasskey-witness-'));
      const disk = new FailingFiles(failure, at);
      const answered = new Map<string, number>();
      const attempt = async (witness: Witness, of: WitnessTestLog, sizes: readonly number[]): Promise<void> => {
        for (const size of sizes) {
          for (const oldSize of [0, 4, 8, 12].filter((one) => one <= size)) {
            const body = await of.request(oldSize, size);
            const answer = await ask(witness, body).catch((error: unknown) => {
              if (!isGlasskeyError(error, 'storage-failed')) throw error;
            });
            if (answer?.status === 200) answered.set(`${size} ${of === fork}`, size);
          }
        }
      };
      await attempt(witnessOf(disk.files), log, [4, 8]);
      if (!disk.fails) break;
      failed++;
      await removeUnfinished(folder);
      // After the restart an attacker tries a fork, and the honest log goes on.
      await attempt(witnessOf(), fork, [8, 12]);
      await attempt(witnessOf(), log, [8, 12]);
      const sides = new Set(
        [...answered.keys()].filter((key) => Number(key.split(' ')[0]) > 6).map((key) => key.split(' ')[1]),
      );
      expect([at, sides.size]).toEqual([at, 1]);
      expect((await readdir(folder)).length).toBe(1);
    }
    expect(failed).toBeGreaterThan(5);
  });
});
