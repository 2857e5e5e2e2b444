import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GlasskeyError } from '../../core/errors.ts';
import {
  type ClientState,
  EMPTY_STATE,
  formatClientState,
  parseClientState,
  type StateStore,
} from '../client-state.ts';

/** How long an operation waits for another process that uses the folder, in ms. */
const LOCK_WAIT_MS = 10_000;
const LOCK_RETRY_MS = 25;

/**
 * Client state in a folder (mode 0700): `state.json` (mode 0600), replaced atomically and synced to disk. A lock file keeps
 * other processes out while an operation runs; one left by a process that is gone is taken over.
 */
export class FolderState implements StateStore {
  readonly #folder: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  transact<T>(work: (state: ClientState) => Promise<{ readonly next?: ClientState; readonly result: T }>): Promise<T> {
    const run = () => this.#run(work);
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #run<T>(
    work: (state: ClientState) => Promise<{ readonly next?: ClientState; readonly result: T }>,
  ): Promise<T> {
    await storage(() => mkdir(this.#folder, { recursive: true, mode: 0o700 }));
    const lock = join(this.#folder, 'lock');
    await takeLock(lock);
    try {
      const { next, result } = await work(await this.#read());
      if (next !== undefined) await this.#write(next);
      return result;
    } finally {
      await unlink(lock).catch(() => undefined);
    }
  }

  async #read(): Promise<ClientState> {
    const text = await storage(() => readFile(join(this.#folder, 'state.json'), 'utf8').catch(undefinedIfMissing));
    return text === undefined ? EMPTY_STATE : parseClientState(text);
  }

  async #write(state: ClientState): Promise<void> {
    const path = join(this.#folder, 'state.json');
    await storage(() => writeFileDurably(path, formatClientState(state)));
  }
}

/** Writes a private file (mode 0600) so that after a crash it holds either the old text or the new one. */
export async function writeFileDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}

async function takeLock(path: string): Promise<void> {
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw new GlasskeyError('storage-failed', `cannot lock ${path}`, { cause: error });
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (holder > 0 && !isAlive(holder)) await removeStale(path, holder);
    else if (Date.now() > deadline) {
      throw new GlasskeyError('state-locked', `the state is in use by process ${holder || 'unknown'}: ${path}`);
    } else await sleep(LOCK_RETRY_MS);
  }
}

/** Moves the lock of a process that is gone aside, and looks again at what it moved: another may have been quicker. */
async function removeStale(path: string, holder: number): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
    if (Number(await readFile(aside, 'utf8')) !== holder) await rename(aside, path);
    else await unlink(aside);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw new GlasskeyError('storage-failed', `cannot unlock ${path}`, { cause: error });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function undefinedIfMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error;
}

async function storage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new GlasskeyError('storage-failed', 'the folder of the state cannot be used', { cause: error });
  }
}
