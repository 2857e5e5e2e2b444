import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { packVectors } from './pack.ts';

// `npm run vectors:pack`: packs test/vectors/own/ into dist-vectors/, with the archive's SHA-256 beside it. It also runs
// before `npm pack`, whose standard output programs read.
const read = (path: string): string => readFileSync(resolve(path), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };
const files = readdirSync(resolve('test/vectors/own')).sort();
const vectors = new Map(files.map((file) => [file, read(join('test/vectors/own', file))]));
const { name, bytes } = packVectors(version, read('LICENSE'), vectors);
const folder = resolve('dist-vectors');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, name), bytes);
writeFileSync(join(folder, `${name}.sha256`), `${formatHex(sha256(bytes))}  ${name}\n`);
process.stderr.write(`dist-vectors/${name}: ${bytes.length} bytes, ${files.length} files of vectors\n`);
