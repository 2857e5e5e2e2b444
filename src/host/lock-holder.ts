import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The process that holds a lock, as its file names it. */
export interface LockHolder {
  /** Names this holder: never used twice. */
  readonly nonce: string;
  readonly pid: number;
  /** When the process started, in the kernel's units; undefined if the system does not say. */
  readonly startTime: string | undefined;
  /** The machine (since it booted) and the namespace in which the pid means something. */
  readonly machine: string;
}

/** Returns a holder for this process. */
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

/** Returns true if the holder's pid means something here. */
export function isOnThisMachine(holder: LockHolder): boolean {
  return holder.machine === machine();
}

/** Returns true if the holder's process runs; undefined if its lock's age has to decide. */
export function isRunning(holder: LockHolder): boolean | undefined {
  if (!isOnThisMachine(holder)) return undefined;
  const { pid, startTime } = holder;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Deno throws an error without a code where the program has no right to ask.
    if ((error as { readonly code?: unknown }).code === undefined) return undefined;
    if (!hasCode(error, 'EPERM')) return false;
  }
  // The kernel reuses a pid after a while.
  return startTime === undefined ? undefined : startTime === startTimeOf(pid);
}

/** Returns true if a system error has this code. */
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
