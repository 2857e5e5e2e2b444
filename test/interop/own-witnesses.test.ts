import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { ed25519 } from '@noble/curves/ed25519.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { parseCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { formatNote, parseNote } from '../../src/core/audit/note.ts';
import { assertWitnessed, parsePolicy } from '../../src/core/audit/policy.ts';
import { formatTlogProof, parseTlogProof } from '../../src/core/audit/tlog-proof.ts';
import { cosignatureVkey, ED25519_COSIGNATURE, formatVkey, ML_DSA_COSIGNATURE } from '../../src/core/audit/vkey.ts';
import { mlDsaSigner } from '../../src/core/crypto/ml-dsa.ts';
import { CliSandbox, type RunningCli } from '../support/cli.ts';
import { openGoPeers, goMissing, type GoPeers } from '../support/go-peers.ts';
import { type ForeignWitness, startLitewitness, startOmniwitness } from '../support/go-witnesses.ts';

const ORIGIN = 'live.example/log';
const OMNI = 'witness.example/omni';

/** What is missing for the witnesses to run here; in CI nothing may be. */
function missing(): string | undefined {
  const go = goMissing();
  if (go !== undefined) return go;
  try {
    execFileSync('sqlite3', ['--version'], { stdio: 'pipe' });
    execFileSync('ssh-keygen', ['-?'], { stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'no sqlite3, or no ssh-keygen';
  }
  return undefined;
}

const reason = missing();
const title =
  reason === undefined ? 'witnesses that nobody here wrote' : `witnesses that nobody here wrote (${reason})`;

/** A private key as Go's note packages read it: type, seed. */
function noteKey(vkey: { readonly keyId: number; readonly type: number }, seed: Uint8Array): string {
  const keyId = vkey.keyId.toString(16).padStart(8, '0');
  return `PRIVATE+KEY+${OMNI}+${keyId}+${Buffer.from([vkey.type, ...seed]).toString('base64')}`;
}

describe.skipIf(reason !== undefined && process.env['CI'] === undefined)(title, () => {
  const sandbox = new CliSandbox();
  const running: ForeignWitness[] = [];
  let peers: GoPeers;
  let server: RunningCli;
  let policy: string;

  beforeAll(async () => {
    peers = await openGoPeers();
    const data = await sandbox.logInPostgres('log');
    const made = await sandbox.run('init', ...data, '--origin', ORIGIN);
    expect(made).toMatchObject({ code: 0 });
    const { bundle } = parseTrustBundle(readFileSync(sandbox.path('log', 'trust.json'), 'utf8'));
    const log = { origin: ORIGIN, vkey: bundle.auditLogVkeys[0] ?? '' };
    const lite = await startLitewitness(await peers.litewitness(), sandbox.path('lite'), log);
    running.push(lite);
    const seeds = [new Uint8Array(32).fill(41), new Uint8Array(32).fill(42)] as const;
    const classic = cosignatureVkey(OMNI, ED25519_COSIGNATURE, ed25519.getPublicKey(seeds[0]));
    const quantum = cosignatureVkey(OMNI, ML_DSA_COSIGNATURE, mlDsaSigner(seeds[1]).publicKey);
    const keys = [noteKey(classic, seeds[0]), noteKey(quantum, seeds[1])];
    const omni = await startOmniwitness(await peers.omniwitness(), sandbox.path('omni'), log, keys);
    running.push(omni);
    policy = [
      `log ${log.vkey}`,
      `witness lite ${lite.vkey} ${lite.url}`,
      `witness omni ${formatVkey(classic)} ${omni.url}`,
      `witness omni-ml-dsa ${formatVkey(quantum)} ${omni.url}`,
      'group all all lite omni omni-ml-dsa',
      'quorum all\n',
    ].join('\n');
    writeFileSync(sandbox.path('policy.txt'), policy);
    expect(await sandbox.run('admin', 'witness-policy', 'policy.txt', '--data', 'log')).toMatchObject({ code: 0 });
    server = await sandbox.serve(...data, '--listen', '127.0.0.1:0');
  }, 600_000);
  afterAll(async () => {
    await server?.stop();
    for (const witness of running) await witness.stop();
    await peers?.close();
    await sandbox.remove();
  });

  const proofOf = async (): Promise<string> => {
    const checkpoint = await (await fetch(`${server.url}/log/checkpoint`)).text();
    const { size } = parseCheckpoint(parseNote(checkpoint).text);
    return (await fetch(`${server.url}/log/proof/${size}`)).text();
  };

  it('cosign what a live server releases, so that a client takes it', async () => {
    const client = await KeyDirectory.open({ server: server.url, state: new MemoryState() });
    expect(client.trust.bundle).toMatchObject({ sequence: 2, witnessPolicy: policy });
    const token = readFileSync(sandbox.path('log', 'registration.token'), 'utf8').trim();
    for (const name of ['alice@example.com', 'bob@example.com']) {
      await client.register(name, { token, key: await generateKey() });
    }
    expect(await client.lookup('alice@example.com')).toMatchObject({ found: true });
    const { checkpoint } = parseTlogProof(await proofOf());
    const note = parseNote(checkpoint);
    expect(assertWitnessed(parsePolicy(policy), note, { nowMs: Date.now(), maxAgeMs: 60_000 })).toHaveLength(3);
    expect(parseCheckpoint(note.text).size).toBeGreaterThanOrEqual(3);
  }, 120_000);

  it('make tlog-proofs that torchwood verifies by the policy, and only whole ones', async () => {
    const text = await proofOf();
    // This version of torchwood knows no ML-DSA keys in policies; the lines of such keys it ignores.
    const classic = policy.replace(/^witness omni-ml-dsa .*\n/m, '').replace(/ omni-ml-dsa$/m, '');
    const verdict = await peers.verifyProof(classic, text);
    expect([verdict.accepted, verdict.output]).toEqual([true, verdict.output]);
    const proof = parseTlogProof(text);
    const note = parseNote(proof.checkpoint);
    for (const left of note.signatures.filter(({ signature }) => signature.length < 100)) {
      const signatures = note.signatures.filter((one) => one !== left);
      const checkpoint = formatNote({ text: note.text, signatures });
      const partial = await peers.verifyProof(classic, formatTlogProof({ ...proof, checkpoint }));
      expect([left.name, partial.accepted]).toEqual([left.name, false]);
    }
  }, 120_000);

  it('are counted', async () => {
    const client = await KeyDirectory.open({ server: server.url, state: new MemoryState() });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/glasskey_witness_requests_total\{witness="lite",outcome="cosigned"\} [1-9]/);
    expect(metrics).toMatch(/glasskey_witness_requests_total\{witness="omni, omni-ml-dsa",outcome="cosigned"\} [1-9]/);
    expect(metrics).toContain('glasskey_release_lag_entries 0');
    expect(await client.lookup('bob@example.com')).toMatchObject({ found: true });
  }, 120_000);
});
