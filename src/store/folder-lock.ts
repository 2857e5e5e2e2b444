import { link, lstat, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { hasCode, isOnThisMachine, isRunning, type LockHolder, newHolder, parseHolder } from '../host/lock-holder.ts';
import { toStorageError } from './sql-error.ts';

/** The exclusive right to a folder. */
export interface FolderLock {
  release(): Promise<void>;
}

const NAME = 'lock';
const HEARTBEAT_MS = 5_000;
/** Without a usable pid, a holder that has not touched its file for this long counts as dead, ms. */
const SILENCE_MS = 30_000;
const ATTEMPTS = 20;

/**
 * Takes the lock of a folder, or throws `storage-locked` naming the process that holds it.
 *
 * A holder writes its name into its own file and links it to `lock`, atomically and only if `lock` does not exist. The
 * link `lock.N` is the right to succeed a dead holder N, and only one process can make it. So `lock`, `lock.N`, …
 * leads to the holder, and a stale lock cannot be taken over twice. The new holder then moves its file to `lock` and
 * clears the rest. Throws `storage-failed` if the folder cannot be written.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const self = newHolder();
  const own = join(folder, `${NAME}-${self.nonce}.tmp`);
  try {
    await writeFile(own, JSON.stringify(self), { flag: 'wx', mode: 0o600 });
    try {
      await acquire(folder, self, own);
      // The lock is held, whether this succeeds or not.
      await clearLeftovers(folder).catch(() => undefined);
    } finally {
      await unlink(own);
    }
  } catch (error) {
    throw toStorageError(error);
  }
  const path = join(folder, NAME);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    release: async () => {
      clearInterval(heartbeat);
      const holder = await readHolder(path);
      if (holder?.nonce === self.nonce) await unlink(path).catch(ignoreMissing);
    },
  };
}

async function acquire(folder: string, self: LockHolder, own: string): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const last = await followHolders(folder);
    if (last !== undefined && (await isAlive(last.holder, last.path))) throw lockedBy(folder, last.holder);
    const successor = last === undefined ? join(folder, NAME) : join(folder, `${NAME}.${last.holder.nonce}`);
    if (!(await tryLink(own, successor))) continue;
    // Another process may have cleared the links before between the look and the link: only the last one holds the
    // lock.
    if ((await followHolders(folder))?.holder.nonce === self.nonce) {
      if (last !== undefined) await compact(folder, own);
      return;
    }
    await unlink(successor).catch(ignoreMissing);
  }
  throw new GlasskeyError('storage-locked', `${folder} is being opened by other processes`);
}

/** Makes the new holder's file the first, in one step, and then clears the dead holders' files. */
async function compact(folder: string, own: string): Promise<void> {
  const copy = `${own}.first`;
  await link(own, copy);
  await rename(copy, join(folder, NAME));
  for (const file of await readdir(folder)) {
    if (file.startsWith(`${NAME}.`)) await unlink(join(folder, file)).catch(ignoreMissing);
  }
}

/** A file of a process that tries to take the lock. */
const ATTEMPT = /^lock-[0-9a-f-]{36}\.tmp(?:\.first)?$/;

/** Removes the files of processes that were killed while they tried to take the lock. */
async function clearLeftovers(folder: string): Promise<void> {
  for (const file of (await readdir(folder)).filter((name) => ATTEMPT.test(name))) {
    const path = join(folder, file);
    const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''));
    if (holder !== undefined && !(await isAlive(holder, path))) await unlink(path).catch(ignoreMissing);
  }
}

/** Returns the last holder, dead or alive; undefined if there is none. */
async function followHolders(folder: string): Promise<{ holder: LockHolder; path: string } | undefined> {
  let last: { holder: LockHolder; path: string } | undefined;
  let path = join(folder, NAME);
  for (;;) {
    const holder = await readHolder(path);
    if (holder === undefined) return last;
    last = { holder, path };
    path = join(folder, `${NAME}.${holder.nonce}`);
  }
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    // A link to nothing would look as if no lock were there, and a pipe would block.
    const isFile = (await lstat(path)).isFile();
    ensure(isFile, 'storage-failed', `${path} is not a lock file: remove it`);
    const holder = parseHolder(await readFile(path, 'utf8'));
    if (holder === undefined) throw new Error(`${path} does not say who holds the lock`);
    return holder;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function isAlive(holder: LockHolder, path: string): Promise<boolean> {
  const running = isRunning(holder);
  if (running !== undefined) return running;
  // On another machine or namespace, or without the start time of processes, only the heartbeat shows life.
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs < SILENCE_MS;
}

function lockedBy(folder: string, holder: LockHolder): GlasskeyError {
  const where = isOnThisMachine(holder) ? '' : ' of another machine or container';
  return new GlasskeyError('storage-locked', `${folder} is in use by process ${holder.pid}${where}`);
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function ignoreMissing(error: unknown): void {
  if (!hasCode(error, 'ENOENT')) throw error;
}
