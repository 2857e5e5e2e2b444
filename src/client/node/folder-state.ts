import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GlasskeyError } from '../../core/errors.ts';
import { type ClientState, EMPTY_STATE, type StateChange, type StateStore } from '../state/client-state.ts';
import { StateReader } from '../state/client-state-json.ts';
import { giveToFolderOwner } from '../../host/folder-owner.ts';
import { hasCode } from '../../host/lock-holder.ts';
import { readIfPresent } from './read-if-present.ts';
import { takeLock } from './state-lock.ts';

/**
 * Client state in a folder (mode 0700): `state.json` (mode 0600), replaced atomically and synced to disk. A lock file
 * keeps other processes out while an operation runs; a lock of a dead process is taken over.
 */
export class FolderState implements StateStore {
  readonly #folder: string;
  readonly #reader = new StateReader();
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  transact<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    const run = () => this.#run(work);
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #run<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    await storage(() => mkdir(this.#folder, { recursive: true, mode: 0o700 }));
    const lock = await takeLock(join(this.#folder, 'lock'));
    try {
      await this.#clearLeftovers().catch(() => undefined);
      const { next, result } = await work(await this.#read());
      if (next !== undefined) {
        await lock.assertHeld();
        await this.#write(next);
      }
      return result;
    } finally {
      await lock.release();
    }
  }

  async #read(): Promise<ClientState> {
    const text = await storage(() => readIfPresent(join(this.#folder, 'state.json')));
    return text === undefined ? EMPTY_STATE : this.#reader.parse(text);
  }

  /** Removes the unfinished files of processes that were killed: only the lock's holder writes the state. */
  async #clearLeftovers(): Promise<void> {
    const unfinished = (await readdir(this.#folder)).filter((name) => /^state\.json\.[0-9a-f]{12}\.tmp$/.test(name));
    for (const name of unfinished) await unlink(join(this.#folder, name));
  }

  async #write(state: ClientState): Promise<void> {
    const path = join(this.#folder, 'state.json');
    await storage(() => writeFileDurably(path, this.#reader.format(state)));
  }
}

/**
 * Writes a private file (mode 0600) so that after a crash it holds either the old or the new text. Where root writes,
 * it belongs to the owner of its folder.
 */
export async function writeFileDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await giveToFolderOwner(temporary);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a new name in a folder durable; some systems cannot sync folders. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const opened = await open(folder, 'r');
    try {
      await opened.sync();
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].some((code) => hasCode(error, code))) throw error;
  }
}

async function storage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GlasskeyError) throw error;
    throw new GlasskeyError('storage-failed', 'the folder of the state cannot be used', { cause: error });
  }
}
