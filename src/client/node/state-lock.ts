import { randomBytes } from 'node:crypto';
import { open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GlasskeyError } from '../../core/errors.ts';

/** How long an operation waits for another one that holds the lock, in ms. */
const WAIT_MS = 10_000;
const RETRY_MS = 25;
/** A lock file that names nobody is one whose maker died before it wrote its number, once it is so old, in ms. */
const NAMELESS_MS = 2_000;

/** Locks of this process: a file with its number that is not among them is from an earlier process of that number. */
const own = new Set<string>();

/** A lock that is held. */
export interface StateLock {
  release(): Promise<void>;
}

/** Takes the lock file at `path`, from a process that is gone if need be. Throws `state-locked`, `storage-failed`. */
export async function takeLock(path: string): Promise<StateLock> {
  const name = resolve(path);
  const deadline = Date.now() + WAIT_MS;
  while (own.has(name)) await wait(path, deadline, process.pid);
  own.add(name);
  try {
    while (!(await makeLock(path))) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      const holder = Number(text);
      if (text !== undefined && (await isStale(path, holder))) await removeStale(path, text);
      else await wait(path, deadline, holder);
    }
  } catch (error) {
    own.delete(name);
    throw error;
  }
  return {
    release: async () => {
      await unlink(path).catch(() => undefined);
      own.delete(name);
    },
  };
}

/** Tells whether a system error has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function wait(path: string, deadline: number, holder: number): Promise<void> {
  if (Date.now() > deadline) {
    throw new GlasskeyError('state-locked', `the state is in use by process ${holder || 'unknown'}: ${path}`);
  }
  await sleep(RETRY_MS);
}

async function makeLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false;
    throw new GlasskeyError('storage-failed', `cannot lock ${path}`, { cause });
  }
}

/** Whoever asks holds no lock on this path, nor does anybody else in this process. */
async function isStale(path: string, holder: number): Promise<boolean> {
  if (holder > 0) return holder === process.pid || !isAlive(holder);
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > NAMELESS_MS;
}

/** Moves a stale lock aside, and looks again at what it moved: another may have been quicker. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== text) await rename(aside, path);
    else await unlink(aside);
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT')) throw new GlasskeyError('storage-failed', `cannot unlock ${path}`, { cause });
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
