import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GlasskeyError } from '../../core/errors.ts';
import type { ClientState, StateChange, StateStore } from '../state/client-state.ts';
import { StateFile } from './state-file.ts';
import { takeLock } from './state-lock.ts';

/**
 * Client state in a folder (mode 0700): `state.json` (mode 0600), which changes atomically and is synced to disk. An
 * operation writes what it changed, and from time to time the whole state. A lock file keeps other processes out while
 * an operation runs; a lock of a dead process is taken over.
 */
export class FolderState implements StateStore {
  readonly #folder: string;
  readonly #file: StateFile;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
    this.#file = new StateFile(join(folder, 'state.json'));
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
      const { next, result } = await work(await storage(() => this.#file.read()));
      if (next !== undefined) {
        await lock.assertHeld();
        await storage(() => this.#file.write(next));
      }
      return result;
    } finally {
      await lock.release();
    }
  }

  /** Removes the unfinished files of processes that were killed: only the lock's holder writes the state. */
  async #clearLeftovers(): Promise<void> {
    const unfinished = (await readdir(this.#folder)).filter((name) => /^state\.json\.[0-9a-f]{12}\.tmp$/.test(name));
    for (const name of unfinished) await unlink(join(this.#folder, name));
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
