import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';

/** A file of an archive: its path in it, and what it holds. */
export interface ArchivedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

/** A tar archive (POSIX.1-1988, ustar) that depends on its files alone: no times, no owners, files in the order given. */
export function makeTar(files: readonly ArchivedFile[]): Uint8Array {
  const blocks = files.flatMap(({ path, bytes }) => [header(path, bytes.length), padded(bytes)]);
  // Two blocks of zeros end an archive.
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

function header(path: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const put = (offset: number, length: number, text: string): void => {
    const bytes = encodeUtf8(text);
    if (bytes.length > length) throw new Error(`${text} needs more than ${length} bytes`);
    block.set(bytes, offset);
  };
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  put(0, 100, path);
  put(100, 8, octal(0o644, 7));
  put(108, 8, octal(0, 7));
  put(116, 8, octal(0, 7));
  put(124, 12, octal(size, 11));
  put(136, 12, octal(0, 11));
  put(156, 1, '0');
  put(257, 8, 'ustar\x0000');
  // The checksum is that of a header whose own checksum is spaces.
  put(148, 8, ' '.repeat(8));
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, 8, `${octal(sum, 6)} `);
  return block;
}
