import { readFile } from 'node:fs/promises';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';

/** Reads a file that the user named. Throws `usage` if that fails. */
export async function readInput(path: string): Promise<string> {
  try {
    return decodeText(await readFile(path));
  } catch (cause) {
    throw new GlasskeyError('usage', `cannot read ${path}`, { cause });
  }
}

/** Decodes a text file: UTF-8, or what its byte order mark says, which is left out. PowerShell writes UTF-16. */
function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** Reads input of the user. Throws `usage` for malformed input: a mistake of the user, not misbehaviour of a log. */
export async function asUserInput<T>(what: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw new GlasskeyError('usage', `${what}: ${error.message}`, { cause: error });
  }
}
