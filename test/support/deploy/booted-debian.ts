import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './debian-tree.ts';

const BOOT_MS = 60_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A Debian that has booted: its own systemd, on this machine's network. */
export class BootedDebian {
  readonly #outer: ChildProcess;
  /** Process id of its first process, as it is seen from here. */
  readonly #leader: number;

  private constructor(outer: ChildProcess, leader: number) {
    this.#outer = outer;
    this.#leader = leader;
  }

  /** Boots the files of `tree`. Rejects with what it printed, if it does not come up. */
  static async boot(tree: string): Promise<BootedDebian> {
    const options = ['--quiet', '--register=no', '--keep-unit', '--console=pipe', '--boot', '-D', tree];
    const outer = spawn('systemd-nspawn', options, { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    outer.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    outer.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const deadline = Date.now() + BOOT_MS;
    while (Date.now() < deadline && outer.exitCode === null) {
      const leader = firstChild(outer.pid ?? 0);
      if (leader !== undefined && existsSync(`/proc/${leader}/root/run/dbus/system_bus_socket`)) {
        const booted = new BootedDebian(outer, leader);
        // It may call itself degraded: what matters is that units can be started.
        await booted.run('systemctl', 'is-system-running', '--wait').catch(() => undefined);
        return booted;
      }
      await sleep(200);
    }
    outer.kill('SIGKILL');
    throw new Error(`no boot: ${printed}`);
  }

  /** Runs a command in it as root, in root's home; returns what it printed. Rejects where it fails. */
  async run(...command: readonly string[]): Promise<string> {
    const environment = ['env', '-i', '--chdir=/root', 'HOME=/root', `PATH=${PATH}`];
    const { stdout } = await run('nsenter', ['--target', String(this.#leader), '--all', ...environment, ...command]);
    return stdout;
  }

  /** Runs lines of shell; the first one that fails ends them. */
  async shell(lines: string): Promise<string> {
    return this.run('bash', '-euo', 'pipefail', '-c', lines);
  }

  /** Ends it: with its first process all others of it end. */
  async stop(): Promise<void> {
    process.kill(this.#leader, 'SIGKILL');
    if (this.#outer.exitCode === null && this.#outer.signalCode === null) await once(this.#outer, 'exit');
  }
}

function firstChild(pid: number): number | undefined {
  try {
    return Number(execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' }).split('\n')[0]);
  } catch {
    return undefined;
  }
}
