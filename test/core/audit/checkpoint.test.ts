import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from '../../../src/core/audit/checkpoint.ts';
import { signNote } from '../../../src/core/audit/note.ts';
import { leafHash, nodeHash } from '../../../src/core/audit/rfc6962.ts';
import { formatTlogProof, parseTlogProof, verifyTlogProof } from '../../../src/core/audit/tlog-proof.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { testNoteSigner } from './test-signer.ts';

const code = (expected: string): object => expect.objectContaining({ code: expected });
const signer = testNoteSigner('log.example', 1);
const trusted = { origin: 'log.example', vkeys: [signer.vkey] };
const root = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=';

describe('checkpoints', () => {
  it('are parsed as they were formatted', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z./ ]+$/),
        fc.maxSafeNat(),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.array(fc.stringMatching(/^[ -~]+$/), { maxLength: 3 }),
        (origin, size, rootHash, extensions) => {
          const checkpoint = { origin, size, rootHash, extensions };
          expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint);
        },
      ),
    );
  });

  it('open with the key of the log, and only as that log', async () => {
    const note = await signCheckpoint(
      { origin: 'log.example', size: 7, rootHash: new Uint8Array(32), extensions: [] },
      [signer],
    );
    expect(verifyCheckpoint(note, trusted)).toMatchObject({ origin: 'log.example', size: 7 });
    expect(() => verifyCheckpoint(note, { ...trusted, origin: 'other.example' })).toThrow(code('bad-checkpoint'));
    expect(() => verifyCheckpoint(note, { ...trusted, vkeys: [] })).toThrow(code('bad-checkpoint'));
    expect(() => verifyCheckpoint(note.replace('\n7\n', '\n8\n'), trusted)).toThrow(code('bad-checkpoint'));
    expect(() => verifyCheckpoint('nonsense', trusted)).toThrow(code('bad-checkpoint'));
  });

  it.each([
    ['a leading zero', `o\n07\n${root}\n`],
    ['a sign', `o\n-7\n${root}\n`],
    ['a size above 2^53-1', `o\n9007199254740992\n${root}\n`],
    ['a short root', 'o\n7\nAAAA\n'],
    ['a root that is not base64', 'o\n7\n*\n'],
    ['two lines', 'o\n7\n'],
    ['an empty origin', `\n7\n${root}\n`],
    ['an empty extension line', `o\n7\n${root}\n\n`],
    ['no final newline', `o\n7\n${root}`],
  ])('are refused with %s', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(code('bad-checkpoint'));
  });

  it('that are well signed and malformed are refused', async () => {
    const note = await signNote('log.example\nmany\n', [signer]);
    expect(() => verifyCheckpoint(note, trusted)).toThrow(code('bad-checkpoint'));
  });
});

describe('tlog proofs', () => {
  const leaves = [leafHash(encodeUtf8('a')), leafHash(encodeUtf8('b'))] as const;
  const proof = async (): Promise<string> => {
    const rootHash = nodeHash(...leaves);
    const checkpoint = await signCheckpoint({ origin: 'log.example', size: 2, rootHash, extensions: [] }, [signer]);
    return formatTlogProof({ extra: encodeUtf8('b'), index: 1, inclusion: [leaves[0]], checkpoint });
  };

  it('verify for their own leaf only', async () => {
    const parsed = parseTlogProof(await proof());
    expect(verifyTlogProof(parsed, leaves[1], trusted).size).toBe(2);
    expect(() => verifyTlogProof(parsed, leaves[0], trusted)).toThrow(code('bad-tlog-proof'));
    expect(() => verifyTlogProof({ ...parsed, index: 0 }, leaves[1], trusted)).toThrow(code('bad-tlog-proof'));
    expect(() => verifyTlogProof(parsed, leaves[1], { ...trusted, origin: 'x' })).toThrow(code('bad-checkpoint'));
  });

  it('are formatted as they are parsed', async () => {
    const text = await proof();
    expect(formatTlogProof(parseTlogProof(text))).toBe(text);
    const bare = { extra: undefined, index: 0, inclusion: [], checkpoint: 'c\n' };
    expect(parseTlogProof(formatTlogProof(bare))).toEqual(bare);
  });

  it.each([
    ['another version', 'c2sp.org/tlog-proof@v2\nindex 0\n\nc\n'],
    ['no index', 'c2sp.org/tlog-proof@v1\n\nc\n'],
    ['a leading zero', 'c2sp.org/tlog-proof@v1\nindex 01\n\nc\n'],
    ['a short hash', 'c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nc\n'],
    ['bad base64', 'c2sp.org/tlog-proof@v1\nextra *\nindex 0\n\nc\n'],
    ['two extra lines', 'c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 0\n\nc\n'],
    ['too many hashes', `c2sp.org/tlog-proof@v1\nindex 0\n${`${root}\n`.repeat(54)}\nc\n`],
    ['no checkpoint', 'c2sp.org/tlog-proof@v1\nindex 0\n'],
  ])('are refused with %s', (_, text) => {
    expect(() => parseTlogProof(text)).toThrow(code('bad-tlog-proof'));
  });
});
