import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of `/proc`: fixed on Linux. */
const TICKS = 100;

/** Processor time that a process, its children and those that have ended have used so far, in seconds. Linux only. */
export function processorSeconds(pid: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(name) : undefined;
    if (stat === undefined) continue;
    const [parent, user, system, childUser, childSystem] = [stat[1], stat[11], stat[12], stat[13], stat[14]].map(
      Number,
    );
    if (Number(name) === pid) ticks += (user ?? 0) + (system ?? 0) + (childUser ?? 0) + (childSystem ?? 0);
    else if (parent === pid) ticks += (user ?? 0) + (system ?? 0);
  }
  return ticks / TICKS;
}

/** The fields of `/proc/PID/stat` after the program's name. */
function readStat(pid: string): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined; // ended meanwhile
  }
}
