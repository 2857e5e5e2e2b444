import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAddCheckpoint, originHash } from '../../../src/core/audit/add-checkpoint.ts';
import { formatCheckpoint, signCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import {
  type NoteCosigner,
  verifyCosignatures,
  verifySubtreeCosignatures,
} from '../../../src/core/audit/cosignature.ts';
import { formatNote, type NoteSignature, parseNote } from '../../../src/core/audit/note.ts';
import { formatSignSubtree } from '../../../src/core/audit/sign-subtree.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import type { SubtreeAnswer } from '../../../src/service/witness/sign-subtree.ts';
import { Witness } from '../../../src/service/witness/witness.ts';
import { NaiveTree } from '../../core/audit/naive-subtrees.ts';
import { testCosigner, testMlDsaCosigner } from '../../core/audit/test-cosigner.ts';
import { testNoteSigner } from '../../core/audit/test-signer.ts';

const NAME = 'witness.example/w';
const classic = testCosigner(NAME, 7);
const quantum = testMlDsaCosigner(NAME, 7);
const origin = 'log.example/one';
const signer = testNoteSigner(origin, 1);
const entries = Array.from({ length: 40 }, (_, i) => encodeUtf8(`entry ${i}`));
const tree = new NaiveTree(entries);
const fork = new NaiveTree(entries.with(10, encodeUtf8('another entry')));
let folder: string;
let nowMs: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-witness-'));
  nowMs = 1_700_000_000_000;
});
afterEach(() => rm(folder, { recursive: true }));

function witnessOf(cosigners = [classic, quantum]): Witness {
  return new Witness({ folder, cosigners, logs: new Map([[origin, [signer.vkey]]]), now: () => nowMs });
}

const textOf = (size: number, of = tree, name = origin): string =>
  formatCheckpoint({ origin: name, size, rootHash: of.root(0, size), extensions: [] });

/** Has the witness cosign a size; returns the checkpoint with its cosignatures alone, as the specification asks. */
async function cosigned(witness: Witness, oldSize: number, size: number): Promise<string> {
  const checkpoint = await signCheckpoint({ origin, size, rootHash: tree.root(0, size), extensions: [] }, [signer]);
  const proof = oldSize === 0 ? [] : tree.subtreeProof(0, oldSize, size);
  const answer = await witness.addCheckpoint(encodeUtf8(formatAddCheckpoint({ oldSize, proof, checkpoint })));
  expect(answer).toMatchObject({ status: 200 });
  return `${textOf(size)}\n${(answer as { readonly lines: string }).lines}`;
}

interface Wanted {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly of?: NaiveTree;
  readonly proof?: readonly Uint8Array[];
}

const request = (checkpoint: string, { start, end, size, of = tree, proof }: Wanted): string =>
  formatSignSubtree({
    subtree: { start, end, hash: of.root(start, end) },
    proof: proof ?? of.subtreeProof(start, end, size),
    checkpoint,
  });
const ask = (witness: Witness, text: string): Promise<SubtreeAnswer> => witness.signSubtree(encodeUtf8(text));
const statusOf = async (witness: Witness, text: string): Promise<number> => (await ask(witness, text)).status;

/** The line of a key. */
function lineOf({ vkey }: NoteCosigner, signatures: readonly NoteSignature[]): NoteSignature {
  const line = signatures.find(({ keyId }) => keyId === vkey.keyId);
  if (line === undefined) throw new Error('no such line');
  return line;
}

/** The line with a bit of its signature changed. */
function damaged({ name, keyId, signature }: NoteSignature): NoteSignature {
  return { name, keyId, signature: signature.with(20, (signature[20] ?? 0) ^ 1) };
}

/** The keys that signed a subtree. */
function signedBy(answer: SubtreeAnswer, start: number, end: number, of = tree) {
  expect(answer).toMatchObject({ status: 200 });
  const { lines } = answer as { readonly lines: string };
  const subtree = { start, end, hash: of.root(start, end) };
  return verifySubtreeCosignatures(lines, { origin, subtree, vkeys: [classic.vkey, quantum.vkey] });
}

describe('a witness that is asked for subtrees', () => {
  it('cosigns every subtree of a checkpoint that it cosigned, by its ML-DSA-44 key', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    for (const [start, end] of [
      [8, 13],
      [4, 8],
      [0, 14],
      [0, 5],
      [13, 14],
      [8, 14],
      [12, 13],
    ] as const) {
      // prettier-ignore
      const answer = await ask(witness, request(checkpoint, { start, end, size: 14 }));
      expect(signedBy(answer, start, end)).toEqual([quantum.vkey]);
    }
  });

  it('answers for an older checkpoint too, and after a restart', async () => {
    const old = await cosigned(witnessOf(), 0, 14);
    await cosigned(witnessOf(), 14, 30);
    const answer = await ask(witnessOf(), request(old, { start: 8, end: 13, size: 14 }));
    expect(signedBy(answer, 8, 13)).toEqual([quantum.vkey]);
  });

  it('says nothing of the time, so that nobody can pass a subtree off as the newest tree', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    const answer = await ask(witness, request(checkpoint, { start: 0, end: 5, size: 14 }));
    const note = parseNote(`${textOf(5)}\n${(answer as { readonly lines: string }).lines}`);
    expect(verifyCosignatures(note, [quantum.vkey])).toEqual([{ vkey: quantum.vkey, timestampMs: 0 }]);
  });

  it('refuses subtrees that are empty, unaligned, reversed, or beyond the checkpoint', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    for (const [start, end] of [
      [0, 0],
      [5, 5],
      [1, 3],
      [4, 12],
      [12, 16],
      [0, 15],
    ] as const) {
      // prettier-ignore
      const text = request(checkpoint, { start, end, size: 14, proof: [] });
      expect([start, end, await statusOf(witness, text)]).toEqual([start, end, 400]);
    }
    const good = request(checkpoint, { start: 8, end: 13, size: 14 });
    const ranges = ['13 8', '08 13', '8 013', '-8 13', '8  13', '8 13 ', '8', '8 9007199254740992', '0 18446744073709551615', '0x8 13', '8 1e1']; // prettier-ignore
    for (const range of ranges) {
      expect([range, await statusOf(witness, good.replace('8 13', range))]).toEqual([range, 400]);
    }
    expect(await statusOf(witness, good)).toBe(200);
  });

  it('refuses what is no request: lines missing, hashes of another length, too many, or not UTF-8', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    const good = request(checkpoint, { start: 8, end: 13, size: 14 });
    const [first = '', root = ''] = good.split('\n');
    const bad = ['', '\n\n', `${first}\n\n${checkpoint}`, good.replace(root, root.slice(4)), good.replace(root, `${root}\r`), good.replace('subtree', 'subtrees'), `${first}\n\n${root}\n\n${checkpoint}`, good.slice(0, -1), good.replace('\n14\n', '\n014\n')]; // prettier-ignore
    for (const text of bad) expect(await statusOf(witness, text)).toBe(400);
    const many = { start: 8, end: 13, size: 14, proof: Array.from({ length: 64 }, () => new Uint8Array(32)) };
    expect(await statusOf(witness, request(checkpoint, many))).toBe(400);
    const most = { ...many, proof: many.proof.slice(1) };
    expect(await statusOf(witness, request(checkpoint, most))).toBe(422);
    expect(await witness.signSubtree(Uint8Array.of(0xff, 0xfe))).toMatchObject({ status: 400 });
  });

  it('refuses a subtree that is not part of the checkpoint, however it overlaps', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    const of = fork;
    expect(await statusOf(witness, request(checkpoint, { start: 8, end: 13, size: 14, of }))).toBe(422);
    const proof = tree.subtreeProof(8, 13, 14);
    expect(await statusOf(witness, request(checkpoint, { start: 8, end: 13, size: 14, of, proof }))).toBe(422);
    // The hash and the proof of one subtree, for the range of another that overlaps it.
    const honest = request(checkpoint, { start: 8, end: 13, size: 14 });
    for (const range of ['8 12', '8 14', '0 8', '0 13', '12 13']) {
      expect([range, await statusOf(witness, honest.replace('8 13', range))]).toEqual([range, 422]);
    }
  });

  it('refuses a checkpoint without its cosignature, with a forged one, or with that of another checkpoint', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    const forged = new NaiveTree(entries.with(10, encodeUtf8('forged')));
    const { signatures } = parseNote(checkpoint);
    const wanted = { start: 8, end: 13, size: 14 };
    const logOnly = await signCheckpoint({ origin, size: 14, rootHash: tree.root(0, 14), extensions: [] }, [signer]);
    expect(await statusOf(witness, request(logOnly, wanted))).toBe(403);
    // Its lines under a tree that it never saw, whose proof is right.
    const moved = formatNote({ text: textOf(14, forged), signatures });
    expect(await statusOf(witness, request(moved, { ...wanted, of: forged }))).toBe(403);
    const stranger = await testMlDsaCosigner(NAME, 8).cosign(textOf(14), nowMs);
    expect(await statusOf(witness, request(formatNote({ text: textOf(14), signatures: [stranger] }), wanted))).toBe(
      403,
    );
    const broken = signatures.map(damaged);
    expect(await statusOf(witness, request(formatNote({ text: textOf(14), signatures: broken }), wanted))).toBe(403);
  });

  it('takes no Ed25519 cosignature for it: a forger of those would get a lasting ML-DSA-44 one', async () => {
    const witness = witnessOf();
    const { text, signatures } = parseNote(await cosigned(witness, 0, 14));
    const ed25519 = signatures.filter(({ keyId }) => keyId === classic.vkey.keyId);
    expect(ed25519).toHaveLength(1);
    const only = formatNote({ text, signatures: ed25519 });
    expect(await statusOf(witness, request(only, { start: 8, end: 13, size: 14 }))).toBe(403);
    expect(await statusOf(witnessOf([classic]), request(only, { start: 8, end: 13, size: 14 }))).toBe(404);
  });

  it('refuses logs that it does not know, or no longer', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    const text = request(checkpoint, { start: 8, end: 13, size: 14 });
    expect(await statusOf(witness, text.replaceAll(origin, 'log.example/two'))).toBe(404);
    witness.replaceLogs(new Map());
    expect(await statusOf(witness, text)).toBe(404);
  });

  it('signs nothing of a checkpoint that its record contradicts, although its own key signed it', async () => {
    const witness = witnessOf();
    await cosigned(witness, 0, 14);
    // A second witness with the same keys, or a folder from a backup: this record never had these.
    const larger = formatNote({ text: textOf(20), signatures: [await quantum.cosign(textOf(20), nowMs)] });
    const refused = { status: 403, unrecorded: origin };
    expect(await ask(witness, request(larger, { start: 8, end: 13, size: 20 }))).toMatchObject(refused);
    const other = textOf(14, fork);
    const forked = formatNote({ text: other, signatures: [await quantum.cosign(other, nowMs)] });
    expect(await ask(witness, request(forked, { start: 8, end: 13, size: 14, of: fork }))).toMatchObject(refused);
    await rm(join(folder, originHash(origin)));
    const lost = request(larger, { start: 8, end: 13, size: 20 });
    expect(await ask(witnessOf(), lost)).toMatchObject(refused);
  });

  it('signs nothing while it cannot read its record', async () => {
    const checkpoint = await cosigned(witnessOf(), 0, 14);
    const path = join(folder, originHash(origin));
    await writeFile(path, (await readFile(path, 'utf8')).replace('\n14\n', '\n13\n'));
    const corrupt = expect.objectContaining({ code: 'storage-corrupt' });
    await expect(ask(witnessOf(), request(checkpoint, { start: 8, end: 13, size: 14 }))).rejects.toThrow(corrupt);
  });

  it('verifies one line of each key, however often it is repeated', async () => {
    const witness = witnessOf();
    const { text, signatures } = parseNote(await cosigned(witness, 0, 14));
    const line = lineOf(quantum, signatures);
    const broken = damaged(line);
    // Whichever comes first decides: the second is never looked at.
    const first = formatNote({ text, signatures: [line, ...Array.from({ length: 20 }, () => broken)] });
    const wanted = { start: 8, end: 13, size: 14 };
    expect(await statusOf(witness, request(first, wanted))).toBe(200);
    expect(await statusOf(witness, request(formatNote({ text, signatures: [broken, line] }), wanted))).toBe(403);
  });
});

describe('cosignatures of subtrees', () => {
  it('hold for their subtree, their log and their key alone', async () => {
    const witness = witnessOf();
    const checkpoint = await cosigned(witness, 0, 14);
    const answer = await ask(witness, request(checkpoint, { start: 8, end: 13, size: 14 }));
    const { lines } = answer as { readonly lines: string };
    const subtree = { start: 8, end: 13, hash: tree.root(8, 13) };
    const good = { origin, subtree, vkeys: [quantum.vkey] };
    expect(verifySubtreeCosignatures(lines, good)).toEqual([quantum.vkey]);
    const bad = expect.objectContaining({ code: 'bad-signature' });
    for (const other of [
      { ...good, origin: 'log.example/two' },
      { ...good, subtree: { ...subtree, end: 12 } },
      { ...good, subtree: { ...subtree, start: 0 } },
      { ...good, subtree: { ...subtree, end: 8 } },
      { ...good, subtree: { ...subtree, hash: fork.root(8, 13) } },
    ]) {
      expect(() => verifySubtreeCosignatures(lines, other)).toThrow(bad);
    }
    expect(verifySubtreeCosignatures(lines, { ...good, vkeys: [classic.vkey] })).toEqual([]);
    for (const text of ['', 'no lines\n', lines.slice(0, -1), `${lines}\n`, lines.repeat(65)]) {
      expect(() => verifySubtreeCosignatures(text, good)).toThrow(expect.objectContaining({ code: 'bad-note' }));
    }
    // A cosignature of a checkpoint names a time, and is none of the subtree that is the whole tree.
    const timed = lineOf(quantum, parseNote(checkpoint).signatures);
    const whole = { ...good, subtree: { start: 0, end: 14, hash: tree.root(0, 14) } };
    const timedLines = formatNote({ text: '', signatures: [timed] }).slice(1);
    expect(() => verifySubtreeCosignatures(timedLines, whole)).toThrow(bad);
  });

  it('cannot be made by an Ed25519 key, nor for what is no subtree', async () => {
    const code = expect.objectContaining({ code: 'value-out-of-range' });
    const hash = tree.root(8, 13);
    await expect(classic.cosignSubtree(origin, { start: 8, end: 13, hash })).rejects.toThrow(code);
    await expect(quantum.cosignSubtree(origin, { start: 9, end: 13, hash })).rejects.toThrow(code);
    await expect(quantum.cosignSubtree(origin, { start: 8, end: 13, hash: hash.slice(1) })).rejects.toThrow(code);
    await expect(quantum.cosignSubtree('o'.repeat(256), { start: 8, end: 13, hash })).rejects.toThrow(code);
    await expect(quantum.cosignSubtree('', { start: 8, end: 13, hash })).rejects.toThrow(code);
  });
});
