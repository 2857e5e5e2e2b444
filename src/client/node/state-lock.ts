import { constants, copyFile, link, readdir, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GlasskeyError } from '../../core/errors.ts';
import { hasCode, isRunning, newHolder, parseHolder } from '../../host/lock-holder.ts';
import { readIfPresent } from './read-if-present.ts';

/** Longest wait of an operation for another one that holds the lock, in ms. */
const WAIT_MS = 10_000;
const RETRY_MS = 25;
const HEARTBEAT_MS = 5_000;
/** Silence after which a holder counts as dead if nothing else is known about it, in ms. */
const SILENCE_MS = 30_000;

/** A lock that is held. */
export interface StateLock {
  /** Throws `state-locked` if another process took the lock over while this one was asleep. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes the lock file at `path`, if need be from a dead process. The file names its holder, who touches it every few
 * seconds. Throws `state-locked`, `storage-failed`.
 */
export async function takeLock(path: string): Promise<StateLock> {
  const holder = newHolder();
  const text = JSON.stringify(holder);
  const own = `${path}.${holder.nonce}`;
  try {
    await writeFile(own, text, { flag: 'wx', mode: 0o600 });
    await acquire(path, own);
    await clearLeftovers(path).catch(() => undefined);
  } catch (cause) {
    if (cause instanceof GlasskeyError) throw cause;
    throw new GlasskeyError('storage-failed', `cannot lock ${path}`, { cause });
  } finally {
    await unlink(own).catch(() => undefined);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const isHeld = async (): Promise<boolean> => (await readIfPresent(path)) === text;
  return {
    assertHeld: async () => {
      if (!(await isHeld())) throw new GlasskeyError('state-locked', `another process has taken ${path} over`);
    },
    release: async () => {
      clearInterval(heartbeat);
      if (await isHeld().catch(() => false)) await unlink(path).catch(() => undefined);
    },
  };
}

/** Every turn ends at the deadline or sleeps, whatever another process does to the file in the meantime. */
async function acquire(path: string, own: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await tryLink(own, path))) {
    const text = await readIfPresent(path);
    if (performance.now() > deadline) {
      const pid = (text && parseHolder(text)?.pid) ?? 'unknown';
      throw new GlasskeyError('state-locked', `the state is in use by process ${pid}: ${path}`);
    }
    if (text !== undefined && (await isStale(path, text))) await removeStale(path, own, text);
    else await sleep(RETRY_MS);
  }
}

async function isStale(path: string, text: string): Promise<boolean> {
  const holder = parseHolder(text);
  const running = holder && isRunning(holder);
  if (running !== undefined) return !running;
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > SILENCE_MS;
}

/**
 * Moves a stale lock aside, and checks what it moved: another process may have been quicker. If that process's lock is
 * then lost to a third one, it notices before it writes ({@link StateLock.assertHeld}).
 */
async function removeStale(path: string, own: string, text: string): Promise<void> {
  const aside = `${own}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if ((await readIfPresent(aside)) !== text) await tryLink(aside, path);
  await unlink(aside);
}

/** The end of the name of a waiting process's file, or of a lock that it moved aside. */
const LEFTOVER = /\.([0-9a-f-]{36})(?:\.stale)?$/;

/**
 * Removes what processes left that were killed while they waited: their own files, and the locks that they moved aside.
 * The caller holds the lock. A failure is no reason to refuse its operation: the next holder tries again.
 */
async function clearLeftovers(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    const nonce = LEFTOVER.exec(name)?.[1];
    if (nonce === undefined || !name.startsWith(`${basename(path)}.`)) continue;
    const own = `${path}.${nonce}`;
    const text = await readIfPresent(own);
    if (text === undefined || (await isStale(own, text))) await unlink(join(dirname(path), name));
  }
}

/**
 * Links a file under a second name, in one step and only if nothing has that name; copies it where the system has no
 * links.
 */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to).catch((error: unknown) => {
      if (hasCode(error, 'EEXIST')) throw error;
      return copyFile(from, to, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}
