import { gzipSync } from 'node:zlib';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { encodeUtf8, formatHex } from '../../../src/core/encoding/bytes.ts';
import type { OwnFile } from '../make/own-file.ts';
import { makeReadme } from './readme.ts';
import { type ArchivedFile, makeTar } from './tar.ts';

/** The text of the KEYTRANS draft that the vectors follow (docs/spec.md#specifications). */
const DRAFT = 'ietf-wg-keytrans/draft-protocol@526cc8a1b7b4c045207a0edb7d197d6385f84e1a';
/** Offset in a gzip member of the byte that names the system on which it was made; 255 is "unknown" (RFC 1952). */
const GZIP_OS = 9;

/** An archive, and the name that it is to have. */
export interface VectorSet {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Packs the vectors (file names to contents) for download: README, LICENSE, an index with hashes, and the files. The same
 * files give the same bytes, as long as zlib compresses alike; the index says what counts.
 */
export function packVectors(version: string, license: string, vectors: ReadonlyMap<string, string>): VectorSet {
  const names = [...vectors.keys()].sort();
  const texts = names.map((name) => vectors.get(name) as string);
  const parsed = texts.map((text) => JSON.parse(text) as OwnFile);
  const listed = names.map((file, i) => {
    const bytes = encodeUtf8(texts[i] as string);
    const cases = parsed[i]?.cases.length ?? 0;
    return { file, sha256: formatHex(sha256(bytes)), bytes: bytes.length, cases };
  });
  const index = { format: 1, version, draft: DRAFT, files: listed };
  const name = `glasskey-vectors-${version}`;
  const file = (path: string, text: string): ArchivedFile => ({ path: `${name}/${path}`, bytes: encodeUtf8(text) });
  const tar = makeTar([
    file('README.md', makeReadme(version, parsed)),
    file('LICENSE', license),
    file('index.json', `${JSON.stringify(index, null, 2)}\n`),
    ...names.map((one, i) => file(one, texts[i] as string)),
  ]);
  const bytes = gzipSync(tar, { level: 9 });
  bytes[GZIP_OS] = 0xff;
  return { name: `${name}.tar.gz`, bytes };
}
