import { sha256 } from '@noble/hashes/sha2.js';
import { formatHeads } from '../../../src/client/heads-text.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused } from './own-file.ts';

const ORIGIN = 'keys.example.com/2026';

const head = (position: number, of = `root ${position}`) => ({ position, logRoot: sha256(encodeUtf8(of)) });
type Head = ReturnType<typeof head>;

/** Heads that two people compare, as texts, and what a comparison says. */
export function makeSharedHeads(): OwnFile {
  const mine = [head(4), head(9), head(2 ** 40 + 1)];
  const text = formatHeads(ORIGIN, mine);
  const json = (heads: readonly Head[]): Json =>
    heads.map(({ position, logRoot }) => ({ position, logRoot: hex(logRoot) }));
  const compare = (theirs: readonly Head[]): OwnCase['input'] => ({ mine: text, theirs: formatHeads(ORIGIN, theirs) });
  const read = { origin: ORIGIN, heads: json(mine) };
  return {
    primitive: 'shared-heads',
    notes: [
      'input.text: heads as a text; expect: the origin and the heads in it.',
      'input.mine and input.theirs: two such texts; expect: how many heads both have, and the last of them.',
    ],
    cases: [
      { name: 'three heads', input: { text }, expect: read },
      { name: 'broken into lines', input: { text: text.replaceAll(/(.{20})/g, '$1\n  ') }, expect: read },
      refused('a letter too few', { text: text.slice(0, -1) }, 'malformed-encoding'),
      refused('another prefix', { text: text.replace('heads', 'roots') }, 'malformed-encoding'),
      refused('padding', { text: `${text}=` }, 'malformed-encoding'),
      refused('out of order', { text: formatHeads(ORIGIN, [head(9), head(4)]) }, 'malformed-encoding'),
      { name: 'the same', input: compare(mine), expect: { common: 3, position: 2 ** 40 + 1 } },
      {
        name: 'somebody who is behind',
        input: compare([head(1), head(4), head(9)]),
        expect: { common: 2, position: 9 },
      },
      refused('another root', compare([head(4), head(9, 'another')]), 'log-forked'),
      refused('an entry that only one has', compare([head(4), head(7), head(9)]), 'log-forked'),
      refused('nothing in common', compare([head(1), head(2)]), 'usage'),
    ],
  };
}
