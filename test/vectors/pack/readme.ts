import type { OwnFile } from '../make/own-file.ts';

const INTRODUCTION = `These files try a client or an auditor of Glasskey that was written without its source. docs/spec.md of the same
version defines the formats, and says in which order to implement them. The files may be used under Apache-2.0 (LICENSE).

index.json lists every file with its SHA-256, its size in bytes and its number of cases.

Each file is JSON in UTF-8:

- primitive: the name of the file without .json;
- notes: lines of text that say what the fields of input and expect are, repeated below;
- cases: each has a name (no two of a file are the same), input and expect.

Byte strings are lower-case hex unless the notes say otherwise; numbers are integers below 2^53; times are ms since the
epoch. If expect has a member code, the input must be refused, and nothing of it may be used or kept. The code is the one
with which Glasskey refuses it; another program may name it otherwise, or find another of several faults first. If it has
none, the input must be accepted, and expect is what follows from it.

No case needs a network, a clock or randomness: input has the time by which to judge. Keys of the vectors are known to
everybody and protect nothing.`;

/** The README of the set: how to read the files, and the notes of each. */
export function makeReadme(version: string, files: readonly OwnFile[]): string {
  const described = files.map(({ primitive, notes, cases }) => {
    return `## ${primitive}.json\n\n${cases.length} cases.\n\n${notes.join('\n')}\n`;
  });
  return [`# Glasskey test vectors ${version}\n\n${INTRODUCTION}\n`, ...described].join('\n');
}
