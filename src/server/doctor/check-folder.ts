import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataFolder } from '../data-folder.ts';
import { failing, fine, type Finding, reasonOf, warning } from './finding.ts';

const MIB = 1024 * 1024;
const LITTLE_BYTES = 1024 * MIB;
const TOO_LITTLE_BYTES = 100 * MIB;

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

/** Keys that only a ceremony needs. */
const OFFLINE = ['root.pem', 'bundle.pem'];

/** Checks the data folder: secrets are the owner's alone, the server can write, and the disk has room. */
export async function checkFolder(folder: DataFolder, isDevelopment: boolean): Promise<readonly Finding[]> {
  const files = await readdir(join(folder.path, 'keys')).catch(() => []);
  return [
    await checkSecrets(folder, files),
    checkOffline(files, isDevelopment),
    await checkWritable(folder),
    await checkSpace(folder),
  ];
}

async function checkSecrets(folder: DataFolder, keys: readonly string[]): Promise<Finding> {
  const check = 'key files';
  const secrets = [...keys.map((name) => join(folder.path, 'keys', name)), folder.passphrase, folder.token];
  const open: string[] = [];
  let count = 0;
  for (const path of secrets) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    count++;
    if ((found.mode & OTHERS) !== 0) open.push(path);
  }
  if (open.length > 0) return failing(check, `others may use ${open.join(' ')}`, `chmod 600 ${open.join(' ')}`);
  return fine(check, `${count} secrets, the owner's alone`);
}

function checkOffline(keys: readonly string[], isDevelopment: boolean): Finding {
  const check = 'offline keys';
  const here = OFFLINE.filter((name) => keys.includes(name));
  if (here.length === 0 || isDevelopment)
    return fine(check, here.length === 0 ? 'not here' : 'here, in a development log');
  return warning(check, `keys/${here.join(' and keys/')} are here, and serve does not need them`, 'move them offline');
}

async function checkWritable({ path, lastSigned }: DataFolder): Promise<Finding> {
  const check = 'data folder';
  const next = 'let the server’s user write there: it notes each checkpoint that it signs, and signs none without';
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const noted = await stat(lastSigned).catch(() => undefined);
    if (noted !== undefined && !noted.isFile()) return failing(check, `${lastSigned} is no file`, 'remove it');
    return fine(check, 'can be written');
  } catch (error) {
    return failing(check, reasonOf(error), next);
  }
}

async function checkSpace({ path }: DataFolder): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(path);
    return judgeSpace(bavail * bsize);
  } catch (error) {
    return failing('disk space', reasonOf(error), 'look at the file system of the data folder');
  }
}

/** Judges the free space of the data folder's disk. */
export function judgeSpace(freeBytes: number): Finding {
  const check = 'disk space';
  const detail = `${Math.floor(freeBytes / MIB)} MiB free where the data folder is`;
  const next = 'make room; look at the disk of the database, too';
  if (freeBytes < TOO_LITTLE_BYTES) return failing(check, detail, next);
  return freeBytes < LITTLE_BYTES ? warning(check, detail, next) : fine(check, detail);
}
