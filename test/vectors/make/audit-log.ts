import { type AuditEntry, auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { signCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { encodeEntryBundle } from '../../../src/core/audit/entry-bundle.ts';
import { noteSigner, signNote } from '../../../src/core/audit/note.ts';
import { leafHash, nodeHash } from '../../../src/core/audit/rfc6962.ts';
import { formatTlogProof, type TlogProof } from '../../../src/core/audit/tlog-proof.ts';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import {
  auditorLogRoot,
  type AuditorState,
  auditorUpdateCodec,
  type AuditorUpdate,
  EMPTY_AUDITOR_STATE,
  verifyAuditorUpdate,
} from '../../../src/core/keytrans/auditor-update.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';
import { NOW_MS, ORIGIN, seededSigner } from './keys.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';

/** A log of five entries, the first of them empty as in every log. */
export function makeLog(): StaticLog {
  const log = new StaticLog(ORIGIN, 31);
  const leaves = [[], [1, 2, 3], [4], [], [5, 6]];
  leaves.forEach((seeds, i) => log.append(seeds.map(testLeaf), NOW_MS + i * 1000));
  return log;
}

/** Entries of the audit log. */
export function makeAuditEntries(log: StaticLog): OwnFile {
  const entry = log.entries[1] as Uint8Array;
  const [config, update] = [encode(configurationCodec, log.config), log.updates[1] as Uint8Array];
  const common = { configuration: hex(config), update: hex(update) };
  return {
    primitive: 'audit-entry',
    notes: [
      'input.entry: an encoded AuditEntry, hex; input.configuration: the log’s Configuration; input.update: the',
      'AuditorUpdate of the entry. expect.leafHash: its RFC 6962 leaf hash; expect.matches: whether the two hashes in it',
      'are those of the Configuration and of the AuditorUpdate.',
    ],
    cases: [
      ...log.entries.map((bytes, i) => ({
        name: `entry ${i}`,
        input: { entry: hex(bytes), configuration: hex(config), update: hex(log.updates[i] as Uint8Array) },
        expect: { ...entryJson(decode(auditEntryCodec, bytes)), leafHash: hex(leafHash(bytes)), matches: true },
      })),
      {
        name: 'of another update',
        input: { ...common, entry: hex(entry), update: hex(log.updates[2] as Uint8Array) },
        expect: { ...entryJson(decode(auditEntryCodec, entry)), leafHash: hex(leafHash(entry)), matches: false },
      },
      ...[
        ['a byte too few', entry.slice(0, -1)],
        ['a byte too many', concatBytes(entry, Uint8Array.of(0))],
        ['format 0', concatBytes(Uint8Array.of(0), entry.slice(1))],
        ['format 2', concatBytes(Uint8Array.of(2), entry.slice(1))],
        ['a time of 2^53 ms', concatBytes(entry.slice(0, 1), Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0), entry.slice(9))],
      ].map(([why, bytes]) =>
        refused(why as string, { ...common, entry: hex(bytes as Uint8Array) }, 'malformed-encoding'),
      ),
    ],
  };
}

function entryJson({ timestampMs, prefixRoot, logRoot, configHash, updateHash }: AuditEntry): Record<string, Json> {
  const hashes = { prefixRoot, logRoot, configHash, updateHash };
  return { timestampMs, ...Object.fromEntries(Object.entries(hashes).map(([name, hash]) => [name, hex(hash)])) };
}

function stateJson({ size, timestampMs, prefixRoot, fullSubtrees }: AuditorState): Json {
  return { size, timestampMs, prefixRoot: hex(prefixRoot), fullSubtrees: fullSubtrees.map(hex) };
}

/** What the files `updates/<N>` hold, each with the auditor's state before it and what follows. */
export function makeAuditorUpdates(log: StaticLog): OwnFile {
  const cases: OwnCase[] = [];
  const states = [EMPTY_AUDITOR_STATE];
  log.updates.forEach((bytes, i) => {
    const state = states[i] as AuditorState;
    const next = verifyAuditorUpdate(state, decode(auditorUpdateCodec, bytes));
    const { prefixRoot, logRoot } = decode(auditEntryCodec, log.entries[i] as Uint8Array);
    const roots = { prefixRoot: hex(prefixRoot), logRoot: hex(logRoot), updateHash: hex(sha256(bytes)) };
    cases.push({
      name: `of entry ${i}`,
      input: { state: stateJson(state), update: hex(bytes) },
      expect: { ...roots, size: i + 1, timestampMs: NOW_MS + i * 1000 },
    });
    states.push(next);
    if (hex(auditorLogRoot(next)) !== roots.logRoot) throw new Error('the log contradicts its own updates');
  });
  const state = states[4] as AuditorState;
  const last = decode(auditorUpdateCodec, log.updates[4] as Uint8Array);
  return {
    primitive: 'auditor-update',
    notes: [
      'input.state: what an auditor remembers (KT §15.2): number of entries, last timestamp, root of the last prefix tree,',
      'heads of the full subtrees of the log tree. input.update: the bytes of updates/<N>, without compression, hex.',
      'expect: the roots that follow, and the update_hash of the AuditEntry.',
    ],
    cases: [...cases, ...dishonest(state, last), ...damaged(state, log.updates[4] as Uint8Array)],
  };
}

function dishonest(state: AuditorState, last: AuditorUpdate): readonly OwnCase[] {
  const with_ = (change: Partial<AuditorUpdate>, at = state): OwnCase['input'] => {
    return { state: stateJson(at), update: hex(encode(auditorUpdateCodec, { ...last, ...change })) };
  };
  const other = { ...state, prefixRoot: sha256(state.prefixRoot) };
  const wrongKey = last.added.map((leaf, i) => (i === 0 ? { ...leaf, vrfOutput: new Uint8Array(32) } : leaf));
  return [
    refused('older than the entry before', with_({ timestampMs: state.timestampMs - 1 }), 'bad-timestamp'),
    refused('that removes leaves', with_({ removed: last.added.slice(0, 1) }), 'bad-auditor-update'),
    refused('with leaves in descending order', with_({ added: last.added.toReversed() }), 'bad-auditor-update'),
    refused(
      'with one leaf twice',
      with_({ added: [...last.added.slice(0, 1), ...last.added.slice(0, 1)] }),
      'bad-auditor-update',
    ),
    refused('of another prefix tree', with_({}, other), 'bad-auditor-update'),
    refused('whose proof is for another key', with_({ added: wrongKey }), 'bad-auditor-update'),
    refused('with a leaf that the proof does not know', with_({ added: last.added.slice(0, 1) }), 'bad-prefix-proof'),
    refused('with a proof of nothing', with_({ proof: { results: [], elements: [] } }), 'bad-prefix-proof'),
  ];
}

function damaged(state: AuditorState, bytes: Uint8Array): readonly OwnCase[] {
  const input = (update: Uint8Array): OwnCase['input'] => ({ state: stateJson(state), update: hex(update) });
  return [
    refused('a byte too few', input(bytes.slice(0, -1)), 'malformed-encoding'),
    refused('a byte too many', input(concatBytes(bytes, Uint8Array.of(0))), 'malformed-encoding'),
    refused('nothing', input(new Uint8Array()), 'malformed-encoding'),
  ];
}

/** Checkpoints of the audit log, and entry bundles. */
export async function makeCheckpoints(log: StaticLog): Promise<OwnFile> {
  const key = noteSigner(ORIGIN, seededSigner(32));
  const other = noteSigner(ORIGIN, seededSigner(33));
  const tree = { origin: ORIGIN, size: log.entries.length, rootHash: log.rootHash, extensions: [] };
  const good = await signCheckpoint(tree, [key]);
  const trusted = { origin: ORIGIN, vkeys: [formatVkey(key.vkey)] };
  const bad = (name: string, checkpoint: string): OwnCase =>
    refused(name, { ...trusted, checkpoint }, 'bad-checkpoint');
  const expect = { size: tree.size, rootHash: hex(tree.rootHash) };
  const resigned = (change: (text: string) => string): Promise<string> =>
    signNote(change(`${good.split('\n\n')[0]}\n`), [key]);
  return {
    primitive: 'checkpoint',
    notes: [
      'input.checkpoint: a signed note (c2sp.org/tlog-checkpoint); input.origin and input.vkeys: from the trust bundle.',
      'expect: size and root, hex.',
    ],
    cases: [
      { name: 'signed by the log', input: { ...trusted, checkpoint: good }, expect },
      {
        name: 'signed by the log and by a key that is not known',
        input: { ...trusted, checkpoint: await signCheckpoint(tree, [other, key]) },
        expect,
      },
      bad('signed by another key of that name', await signCheckpoint(tree, [other])),
      bad('of another log', await signCheckpoint({ ...tree, origin: 'log.example/other' }, [key])),
      bad('with another root', good.replace(/\n[^\n]{44}\n\n/, `\n${'A'.repeat(43)}=\n\n`)),
      bad('without a signature', `${good.split('\n\n')[0]}\n\n`),
      bad('with a size of 05', await resigned((text) => text.replace('\n5\n', '\n05\n'))),
      bad('with a size of 2^53', await resigned((text) => text.replace('\n5\n', '\n9007199254740992\n'))),
      bad('without a root', await resigned((text) => text.split('\n').slice(0, 2).join('\n') + '\n')),
      bad('with text after its signatures', `${good}more`),
    ],
  };
}

/** Proofs that the last entry is in the tree of a checkpoint, with the entry as `extra`. */
export async function makeTlogProofs(log: StaticLog): Promise<OwnFile> {
  const key = noteSigner(ORIGIN, seededSigner(32));
  const size = log.entries.length;
  const checkpoint = await signCheckpoint({ origin: ORIGIN, size, rootHash: log.rootHash, extensions: [] }, [key]);
  const [a, b, c, d] = log.entries.map(leafHash) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const left = nodeHash(nodeHash(a, b), nodeHash(c, d));
  const extra = log.entries[size - 1] as Uint8Array;
  const proof: TlogProof = { extra, index: size - 1, inclusion: [left], checkpoint };
  const input = (change: Partial<TlogProof>): OwnCase['input'] => {
    return { proof: formatTlogProof({ ...proof, ...change }), origin: ORIGIN, vkeys: [formatVkey(key.vkey)] };
  };
  const text = formatTlogProof(proof);
  const raw = (changed: string): OwnCase['input'] => ({ ...input({}), proof: changed });
  const badProof = (name: string, what: OwnCase['input']): OwnCase => refused(name, what, 'bad-tlog-proof');
  return {
    primitive: 'tlog-proof',
    notes: [
      'input.proof: a c2sp.org/tlog-proof@v1 whose extra line is the AuditEntry of that index; input.origin and',
      'input.vkeys: from the trust bundle. expect: index, size of the checkpoint, and log_root of the entry, hex.',
    ],
    cases: [
      { name: 'of the last entry', input: input({}), expect: { index: 4, size, logRoot: hex(log.logRoot) } },
      badProof('with another entry', input({ extra: log.entries[3] })),
      badProof('with another index', input({ index: 3 })),
      badProof('with another hash', input({ inclusion: [withFlippedBit(left, 0)] })),
      badProof('with a hash too many', input({ inclusion: [left, left] })),
      badProof('with a hash too few', input({ inclusion: [] })),
      badProof('of another format', raw(text.replace('@v1', '@v2'))),
      badProof('without an index', raw(text.replace(/\nindex 4/, ''))),
      badProof('without a checkpoint', raw((text.split('\n\n')[0] as string) + '\n')),
      refused(
        'with the checkpoint of another log',
        input({ checkpoint: checkpoint.replace(ORIGIN, 'log.example/x') }),
        'bad-checkpoint',
      ),
    ],
  };
}

/** Entry bundles: what `tile/entries/<N>` holds. */
export function makeEntryBundles(log: StaticLog): OwnFile {
  const bundle = encodeEntryBundle(log.entries);
  const input = (bytes: Uint8Array, count: number): OwnCase['input'] => ({ bundle: hex(bytes), count });
  return {
    primitive: 'entry-bundle',
    notes: ['input.bundle: the bytes of tile/entries/<N>[.p/<W>], hex; input.count: how many entries the path names.'],
    cases: [
      { name: 'of five entries', input: input(bundle, 5), expect: { entries: log.entries.map(hex) } },
      { name: 'of no entry', input: input(encodeUtf8(''), 0), expect: { entries: [] } },
      refused('with an entry too many', input(bundle, 4), 'malformed-encoding'),
      refused('with an entry too few', input(bundle, 6), 'malformed-encoding'),
      refused('with a byte too few', input(bundle.slice(0, -1), 5), 'malformed-encoding'),
    ],
  };
}
