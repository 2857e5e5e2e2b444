import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who holds a lock: what its file says. */
export interface LockHolder {
  /** Names this holder: never used twice. */
  readonly nonce: string;
  readonly pid: number;
  /** When the process started, in the kernel's units; undefined where the system does not tell. */
  readonly startTime: string | undefined;
  /** The machine (since it booted) and the namespace in which the pid means something. */
  readonly machine: string;
}

/** A holder in this process. */
export function newHolder(): LockHolder {
  return { nonce: randomUUID(), pid: process.pid, startTime: startTimeOf(process.pid), machine: machine() };
}

/** Reads a holder's text; undefined for anything else. */
export function parseHolder(text: string): LockHolder | undefined {
  try {
    const { nonce, pid, startTime, machine: where } = JSON.parse(text) as Partial<LockHolder>;
    if (typeof nonce !== 'string' || typeof pid !== 'number' || typeof where !== 'string') return undefined;
    return { nonce, pid, startTime, machine: where };
  } catch {
    return undefined;
  }
}

/** Whether the holder's process runs; undefined where that cannot be told from here. */
export function isRunning({ pid, startTime, machine: where }: LockHolder): boolean | undefined {
  if (where !== machine()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return false;
  }
  // A number is given again to another process, after a while.
  return startTime === undefined ? undefined : startTime === startTimeOf(pid);
}

/** Tells whether a system error has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Field 22 of /proc/PID/stat (proc(5)); the command before it can hold spaces and parentheses. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function machine(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
