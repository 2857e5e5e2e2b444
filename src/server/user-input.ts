import { readFile } from 'node:fs/promises';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';

/** Reads a file that the user named. Throws `usage` if that fails. */
export async function readInput(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new GlasskeyError('usage', `cannot read ${path}`, { cause });
  }
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
