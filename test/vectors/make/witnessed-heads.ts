import { auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { signCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { cosignatureSigner, type NoteCosigner } from '../../../src/core/audit/cosignature.ts';
import { formatNote, noteSigner, parseNote } from '../../../src/core/audit/note.ts';
import { leafHash, nodeHash } from '../../../src/core/audit/rfc6962.ts';
import { formatTlogProof, type TlogProof } from '../../../src/core/audit/tlog-proof.ts';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { mlDsaSigner } from '../../../src/core/crypto/ml-dsa.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import type { StaticLog } from '../../support/static-log.ts';
import { ORIGIN, seededBytes, seededSigner } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';

/** Witnesses of the policy, and one that is not in it. */
const WITNESSES = {
  a: cosignatureSigner('witness.example/a', seededSigner(41)),
  b: cosignatureSigner('witness.example/b', mlDsaSigner(seededBytes('witness b', 32))),
  c: cosignatureSigner('witness.example/c', seededSigner(43)),
  other: cosignatureSigner('witness.example/other', seededSigner(44)),
};
type WitnessName = keyof typeof WITNESSES;

const POLICY = [
  ...(['a', 'b', 'c'] as const).map((name) => `witness ${name} ${formatVkey(WITNESSES[name].vkey)}`),
  'group two 2 a b c',
  'quorum two',
  '',
].join('\n');
/** What a client lets a witness's clock be ahead, and lets a cosignature age beyond `max_behind`. */
const LEEWAY_MS = 5 * 60_000;

/** Proofs that witnesses saw the head that a client was shown. */
class Witnessed {
  readonly log: StaticLog;
  readonly key = noteSigner(ORIGIN, seededSigner(32));
  readonly nowMs: number;

  constructor(log: StaticLog) {
    this.log = log;
    this.nowMs = decode(auditEntryCodec, log.entries.at(-1) as Uint8Array).timestampMs + 2_000;
  }

  /** The proof of the last entry, cosigned by `names`, `ageMs` before the client's clock. */
  async proof(names: readonly WitnessName[], ageMs = 0, change: Partial<TlogProof> = {}): Promise<string> {
    const { entries, rootHash } = this.log;
    const size = entries.length;
    const signed = await signCheckpoint({ origin: ORIGIN, size, rootHash, extensions: [] }, [this.key]);
    const note = parseNote(signed);
    const cosigners = names.map((name): NoteCosigner => WITNESSES[name]);
    const lines = await Promise.all(cosigners.map((one) => one.cosign(note.text, this.nowMs - ageMs)));
    const checkpoint = formatNote({ ...note, signatures: [...note.signatures, ...lines] });
    const [a, b, c, d] = entries.map(leafHash) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const inclusion = [nodeHash(nodeHash(a, b), nodeHash(c, d))];
    const proof: TlogProof = { extra: entries[size - 1], index: size - 1, inclusion, checkpoint, ...change };
    return formatTlogProof(proof);
  }

  input(proof: string, change: OwnCase['input'] = {}): OwnCase['input'] {
    const { config, entries } = this.log;
    const { timestampMs, prefixRoot, logRoot } = decode(auditEntryCodec, entries.at(-1) as Uint8Array);
    return {
      proof,
      origin: ORIGIN,
      vkeys: [formatVkey(this.key.vkey)],
      policy: POLICY,
      configuration: hex(encode(configurationCodec, config)),
      head: { size: entries.length, timestampMs, prefixRoot: hex(prefixRoot), logRoot: hex(logRoot) },
      nowMs: this.nowMs,
      ...change,
    };
  }
}

/** Tree heads that witnesses saw, and lies about them. */
export async function makeWitnessedHeads(log: StaticLog): Promise<OwnFile> {
  const witnessed = new Witnessed(log);
  const { nowMs } = witnessed;
  const oldestMs = log.config.maxBehindMs + LEEWAY_MS;
  const good = await witnessed.proof(['a', 'b']);
  const accepted = async (
    name: string,
    names: readonly WitnessName[],
    counted: readonly string[],
    ageMs = 0,
  ): Promise<OwnCase> => {
    const timestampMs = Math.floor((nowMs - ageMs) / 1000) * 1000;
    const cosigned = counted.map((one) => ({ witness: WITNESSES[one as WitnessName].vkey.name, timestampMs }));
    return { name, input: witnessed.input(await witnessed.proof(names, ageMs)), expect: { cosigned } };
  };
  const unwitnessed = async (name: string, names: readonly WitnessName[], ageMs = 0): Promise<OwnCase> =>
    refused(name, witnessed.input(await witnessed.proof(names, ageMs)), 'not-witnessed');
  const { head } = witnessed.input(good) as { readonly head: OwnCase['input'] };
  const shown = (name: string, change: OwnCase['input'], code = 'log-forked'): OwnCase =>
    refused(name, witnessed.input(good, { head: { ...head, ...change } }), code);
  const otherRoot = hex(withFlippedBit(new Uint8Array(32), 0));
  const otherConfiguration = hex(encode(configurationCodec, { ...log.config, maxAheadMs: 1 }));
  return {
    primitive: 'witnessed-head',
    notes: [
      'input.head: the tree head that a client was shown: its size, the timestamp and prefix root of its last entry, and',
      'the root of the KEYTRANS log; input.proof: what /log/proof/<size> gave; input.origin, input.vkeys (of checkpoints),',
      'input.policy (c2sp.org/tlog-policy) and input.configuration: from the trust bundle; input.nowMs: the client’s clock.',
      'expect.cosigned: the cosignatures that count. Witness a and c sign with Ed25519, b with ML-DSA-44.',
    ],
    cases: [
      await accepted('by two of three witnesses', ['a', 'b'], ['a', 'b']),
      await accepted('by all witnesses', ['a', 'b', 'c'], ['a', 'b', 'c']),
      await accepted('by two, and one that is not in the policy', ['other', 'a', 'c'], ['a', 'c']),
      await accepted('just old enough', ['a', 'c'], ['a', 'c'], oldestMs),
      await accepted('by clocks that are ahead', ['a', 'c'], ['a', 'c'], -LEEWAY_MS),
      {
        name: 'without a quorum',
        input: witnessed.input(await witnessed.proof([]), { policy: 'quorum none\n' }),
        expect: { cosigned: [] },
      },
      await unwitnessed('by one witness', ['a']),
      await unwitnessed('by one witness twice', ['a', 'a']),
      await unwitnessed('by none', []),
      await unwitnessed('by one, and one that is not in the policy', ['a', 'other']),
      await unwitnessed('too old', ['a', 'b', 'c'], oldestMs + 2_000),
      await unwitnessed('from the future', ['a', 'b', 'c'], -LEEWAY_MS - 1_000),
      refused('a cosignature that does not verify', witnessed.input(await forged(witnessed)), 'bad-checkpoint'),
      shown('of another log root', { logRoot: otherRoot }),
      shown('of another prefix root', { prefixRoot: otherRoot }),
      shown('of another time', { timestampMs: nowMs }),
      shown('of another size', { size: 4 }, 'bad-tlog-proof'),
      refused(
        'of another Configuration',
        witnessed.input(good, { configuration: otherConfiguration }),
        'bad-audit-entry',
      ),
      refused('of another origin', witnessed.input(good, { origin: 'log.example/other' }), 'bad-checkpoint'),
      refused(
        'with another entry',
        witnessed.input(await witnessed.proof(['a', 'b'], 0, { extra: log.entries[3] })),
        'bad-tlog-proof',
      ),
      refused(
        'without an entry',
        witnessed.input(await witnessed.proof(['a', 'b'], 0, { extra: undefined })),
        'bad-tlog-proof',
      ),
    ],
  };
}

/** A proof whose second cosignature has a bit flipped. */
async function forged(witnessed: Witnessed): Promise<string> {
  const proof = await witnessed.proof(['a', 'c']);
  const lines = proof.split('\n');
  const at = lines.findIndex((line) => line.startsWith('\u2014 witness.example/c '));
  const [mark, name, signature = ''] = (lines[at] as string).split(' ');
  const bytes = Buffer.from(signature, 'base64');
  lines[at] = [mark, name, Buffer.from(withFlippedBit(bytes, bytes.length - 1)).toString('base64')].join(' ');
  return lines.join('\n');
}
