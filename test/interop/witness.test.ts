import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { parseNote } from '../../src/core/audit/note.ts';
import { assertWitnessed, parsePolicy } from '../../src/core/audit/policy.ts';
import { ed25519Vkey, formatVkey } from '../../src/core/audit/vkey.ts';
import { CliSandbox, type RunningCli } from '../support/cli.ts';
import { openGoPeers, goMissing, type GoPeers } from '../support/go-peers.ts';

const ORIGIN = 'tessera.example/log';
const missing = goMissing();
const title = missing === undefined ? 'a witness of Go logs' : `a witness of Go logs (${missing})`;

/** A key of a log as Go's note package reads it, and its vkey. */
function tesseraKey(seed: number, origin = ORIGIN): { readonly key: string; readonly vkey: string } {
  const secret = new Uint8Array(32).fill(seed);
  const vkey = ed25519Vkey(origin, ed25519.getPublicKey(secret));
  const keyId = vkey.keyId.toString(16).padStart(8, '0');
  const encoded = Buffer.from([1, ...secret]).toString('base64');
  return { key: `PRIVATE+KEY+${origin}+${keyId}+${encoded}`, vkey: formatVkey(vkey) };
}

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  const sandbox = new CliSandbox();
  const log = tesseraKey(1);
  const other = tesseraKey(3, 'subtrees.example/log');
  let ed25519Key: string;
  let mlDsaKey: string;
  let peers: GoPeers;
  let witness: RunningCli;
  let policy: string;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-tessera-'));
    const { stdout } = await sandbox.run('witness', 'init', '--data', 'w', '--name', 'witness.example/w');
    [ed25519Key = '', mlDsaKey = ''] = stdout.split('\n');
    for (const { vkey } of [log, other]) await sandbox.run('witness', 'add-log', vkey, '--data', 'w');
    witness = await sandbox.start(['witness', 'serve'], '--data', 'w', '--listen', '127.0.0.1:0');
    policy = `log ${log.vkey}\nwitness w ${ed25519Key} ${witness.url}\nquorum w\n`;
    peers = await openGoPeers();
  }, 600_000);
  afterAll(async () => {
    await peers?.close();
    await sandbox.remove();
    await rm(folder, { recursive: true });
  });

  const extend = (name: string, entries: readonly string[], key = log.key) =>
    peers.tesseraLog({ folder: join(folder, name), key, policy, entries });

  it('cosigns a log of Tessera’s as it grows, as its policy demands', async () => {
    for (const [size, entries] of [
      [3, ['a', 'b', 'c']],
      [5, ['d', 'e']],
    ] as const) {
      const { accepted, output, checkpoint } = await extend('log', entries);
      expect([accepted, output]).toEqual([true, output]);
      const note = parseNote(checkpoint);
      // Each run adds all texts that are in its folder of inputs, those of the first run too.
      expect(parseCheckpoint(note.text).size).toBeGreaterThanOrEqual(size);
      const options = { nowMs: Date.now(), maxAgeMs: 60_000 };
      expect(assertWitnessed(parsePolicy(policy), note, options)).toHaveLength(1);
    }
  }, 120_000);

  it('cosigns neither a fork of it nor another key: nothing is published', async () => {
    const fork = await extend('fork', ['a', 'x', 'c', 'd', 'e', 'f', 'g', 'h']);
    expect(fork.checkpoint).not.toContain('witness.example');
    const stranger = await extend('stranger', ['a'], tesseraKey(2).key);
    expect(stranger.checkpoint).not.toContain('witness.example');
  }, 180_000);

  it('cosigns the subtrees of a log that it cosigned, and none of another tree', async () => {
    const verdict = await peers.subtrees({ url: witness.url, vkey: mlDsaKey, key: other.key });
    expect([verdict.accepted, verdict.output]).toEqual([true, verdict.output]);
    const [, count = '0'] = /^verified (\d+) subtrees/m.exec(verdict.output) ?? [];
    expect(Number(count)).toBeGreaterThan(20);
  }, 120_000);
});
