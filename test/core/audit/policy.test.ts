import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import type { NoteCosigner } from '../../../src/core/audit/cosignature.ts';
import { type Note, parseNote, signNote } from '../../../src/core/audit/note.ts';
import { assertWitnessed, isQuorum, parsePolicy } from '../../../src/core/audit/policy.ts';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { testCosigner, testMlDsaCosigner } from './test-cosigner.ts';
import { testNoteSigner } from './test-signer.ts';

const code = (expected: string): object => expect.objectContaining({ code: expected });
const log = testNoteSigner('log.example', 1);
const witnesses = [11, 12, 13, 14, 15].map((seed) => testCosigner(`w${seed}.example`, seed));
const quantum = testMlDsaCosigner('q.example', 16);
const key = (cosigner: Pick<NoteCosigner, 'vkey'>): string => formatVkey(cosigner.vkey);
const [X1, X2, X3, Y1, Y2] = witnesses.map(key);

const POLICY = `# two levels of groups
log ${key(log)}

witness X1 ${X1} https://x1.example/#here
witness\tX2 ${X2}
  witness X3 ${X3}
group X-witnesses 2 X1 X2 X3
witness Y1 ${Y1}
witness Y2 ${Y2}
witness Q ${key(quantum)}
group Y-witnesses any Y1 Y2 Q
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

describe('policies', () => {
  const policy = parsePolicy(POLICY);

  it('are read as they are written', () => {
    expect(policy.logs).toEqual([{ vkey: log.vkey }]);
    expect(policy.witnesses.map(({ name }) => name)).toEqual(['X1', 'X2', 'X3', 'Y1', 'Y2', 'Q']);
    expect(policy.witnesses[0]).toEqual({ name: 'X1', vkey: witnesses[0]?.vkey, url: 'https://x1.example/#here' });
    expect(policy.groups[0]).toEqual({ name: 'X-witnesses', threshold: 2, members: ['X1', 'X2', 'X3'] });
    expect(policy.quorum).toBe('X-and-Y');
  });

  it('know their quorum, for any set of witnesses', () => {
    const names = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Q', 'stranger', 'X-witnesses', 'X-and-Y'];
    fc.assert(
      fc.property(fc.subarray(names), (given) => {
        const has = (prefix: string): number =>
          given.filter((name) => name.startsWith(prefix) && name.length < 3).length;
        expect(isQuorum(policy, new Set(given))).toBe(has('X') >= 2 && has('Y') + has('Q') >= 1);
      }),
    );
  });

  it('may ask for one witness, or for none', () => {
    expect(isQuorum(parsePolicy(`witness a ${X1}\nquorum a`), new Set(['a']))).toBe(true);
    expect(isQuorum(parsePolicy(`witness a ${X1}\nquorum a`), new Set())).toBe(false);
    expect(isQuorum(parsePolicy('quorum none'), new Set())).toBe(true);
  });

  it.each([
    ['no quorum', `witness a ${X1}\n`],
    ['two quorums', 'quorum none\nquorum none\n'],
    ['a quorum of two', `witness a ${X1}\nquorum a a\n`],
    ['a quorum before its witness', `quorum a\nwitness a ${X1}\n`],
    ['a group before its members', `group g any a\nwitness a ${X1}\nquorum g\n`],
    ['a group in itself', `witness a ${X1}\ngroup g any g a\nquorum g\n`],
    ['a group without members', `group g any\nquorum g\n`],
    ['a threshold of zero', `witness a ${X1}\ngroup g 0 a\nquorum g\n`],
    ['a threshold above its members', `witness a ${X1}\ngroup g 2 a\nquorum g\n`],
    ['a threshold with a zero before it', `witness a ${X1}\ngroup g 01 a\nquorum g\n`],
    ['a member twice in a group', `witness a ${X1}\ngroup g all a a\nquorum g\n`],
    ['a member of two groups', `witness a ${X1}\ngroup g any a\ngroup h any a\nquorum g\n`],
    ['a name twice', `witness a ${X1}\nwitness a ${X2}\nquorum a\n`],
    ['a group named like a witness', `witness a ${X1}\nwitness b ${X2}\ngroup a any b\nquorum a\n`],
    ['a witness called none', `witness none ${X1}\nquorum none\n`],
    ['none in a group', `witness a ${X1}\ngroup g any a none\nquorum g\n`],
    ['a key of two witnesses', `witness a ${X1}\nwitness b ${key(testCosigner('other.example', 11))}\nquorum a\n`],
    ['a key of two logs', `log ${key(log)}\nlog ${key(testNoteSigner('b', 1))}\nquorum none\n`],
    ['a witness whose key signs notes', `witness a ${key(log)}\nquorum a\n`],
    ['a damaged key', `witness a ${X1?.slice(0, -4)}AAA=\nquorum a\n`],
    ['a log of an unknown type', 'log a+00000001+/wECAw==\nquorum none\n'],
    ['a word too many', `witness a ${X1} https://a.example more\nquorum a\n`],
    ['an unknown line', 'quorum none\nfoo\n'],
    ['a carriage return', 'quorum none\r\n'],
    ['a delete character in a comment', '# \u007f\nquorum none\n'],
    ['half a surrogate pair', '# \ud800\nquorum none\n'],
    ['too much text', `${'#'.repeat(600_000)}\nquorum none\n`],
  ])('are refused with %s', (_, text) => {
    expect(() => parsePolicy(text)).toThrow(code('bad-policy'));
  });

  it('have at most 64 of a kind', () => {
    const some = (count: number): string =>
      Array.from({ length: count }, (__, i) => `witness w${i} ${key(testCosigner('w', 100 + i))}\n`).join('');
    expect(parsePolicy(`${some(64)}quorum w0`).witnesses).toHaveLength(64);
    expect(() => parsePolicy(`${some(65)}quorum w0`)).toThrow(code('bad-policy'));
  });
});

describe('witnessed checkpoints', () => {
  const policy = parsePolicy(POLICY);
  const text = formatCheckpoint({ origin: 'log.example', size: 5, rootHash: new Uint8Array(32), extensions: [] });
  const NOW = 1_800_000_000_500;
  const fresh = { nowMs: NOW, maxAgeMs: 60_000 };
  const [x1, x2, x3] = witnesses as [NoteCosigner, NoteCosigner, NoteCosigner];

  const cosigned = async (by: readonly NoteCosigner[], atMs = NOW): Promise<Note> => {
    const note = parseNote(await signNote(text, [log]));
    return { text, signatures: [...note.signatures, ...(await Promise.all(by.map((one) => one.cosign(text, atMs))))] };
  };

  it('are accepted with the quorum, which is returned', async () => {
    const counted = assertWitnessed(policy, await cosigned([x1, x3, quantum]), fresh);
    expect(counted.map(({ vkey }) => vkey)).toEqual([x1.vkey, x3.vkey, quantum.vkey]);
  });

  it('are refused without it', async () => {
    for (const by of [[], [x1, x2, x3], [x1, quantum], [x1, x1, quantum]]) {
      const note = await cosigned(by);
      expect(() => assertWitnessed(policy, note, fresh)).toThrow(code('not-witnessed'));
    }
  });

  it('are refused where the quorum is too old, or from the future', async () => {
    const all = [x1, x2, quantum];
    const accepts = async (atMs: number): Promise<unknown> => assertWitnessed(policy, await cosigned(all, atMs), fresh);
    await expect(accepts(NOW - 60_000)).resolves.toHaveLength(3);
    await expect(accepts(NOW - 62_000)).rejects.toThrow(code('not-witnessed'));
    await expect(accepts(NOW + 60_000)).resolves.toHaveLength(3);
    await expect(accepts(NOW + 400_000)).rejects.toThrow(code('not-witnessed'));
    const old = await cosigned(all, NOW - 1e9);
    expect(assertWitnessed(policy, old, { nowMs: NOW, maxAgeMs: Infinity })).toHaveLength(3);
  });

  it('are refused with a known line that does not verify, whatever else is there', async () => {
    const note = await cosigned([x1, x2, quantum]);
    const other = await x3.cosign(text.replace('5', '6'), NOW);
    const broken = { ...note, signatures: [...note.signatures, other] };
    expect(() => assertWitnessed(policy, broken, fresh)).toThrow(code('bad-checkpoint'));
  });

  it('are refused unless a listed log has signed', async () => {
    const { signatures } = await cosigned([x1, x2, quantum]);
    expect(() => assertWitnessed(policy, { text, signatures: signatures.slice(1) }, fresh)).toThrow(
      code('bad-checkpoint'),
    );
  });

  it('need nobody with quorum none', async () => {
    expect(assertWitnessed(parsePolicy('quorum none'), await cosigned([]), fresh)).toEqual([]);
  });
});
