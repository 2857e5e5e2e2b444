import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The program of this checkout, built. */
export const PROGRAM = join(import.meta.dirname, '../dist/cli/main.js');

/** A server in a process of its own: the program that users run. */
export interface ServerProcess {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  /** Memory in MB: now, and the most so far. */
  memory(): { readonly rssMb: number; readonly peakMb: number };
  stop(): Promise<void>;
}

/** How to start a server. */
export interface ServerProcessOptions {
  /** Folder for a CPU profile. */
  readonly profile?: string | undefined;
  /** Its glasskey.toml. */
  readonly settings?: string | undefined;
  /** Files that the settings name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Default: the program of this checkout. */
  readonly program?: string;
  /** False serves the log that is in the folder. Default: true. */
  readonly isNew?: boolean;
}

/** Makes a log in `folder`, unless there is one, and serves it from a PostgreSQL database, or from an embedded one if there is no URL. */
export async function startServerProcess(
  folder: string,
  database: string | undefined,
  { profile, settings, files = {}, program = PROGRAM, isNew = true }: ServerProcessOptions = {},
): Promise<ServerProcess> {
  if (isNew) await run(process.execPath, [program, 'init', '--data', folder]);
  const more = settings === undefined ? files : { ...files, 'glasskey.toml': settings };
  for (const [name, text] of Object.entries(more)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const nodeOptions = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const place = database === undefined ? ['--embedded'] : ['--database', database];
  const serve = ['serve', '--data', folder, '--listen', '127.0.0.1:0', ...place];
  const child = spawn(process.execPath, [...nodeOptions, program, ...serve], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const found = /^listening on (https?:\/\/\S+)/m.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${output}`)));
  });
  const pid = child.pid ?? 0;
  return {
    url,
    token: readFileSync(join(folder, 'registration.token'), 'utf8').trim(),
    pid,
    memory: () => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const megabytes = (name: string): number =>
        Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024);
      return { rssMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') };
    },
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Runs the audit command from entry 0 on and gives its JSON report. */
export async function runAudit(url: string, state: string): Promise<{ updates: number; seconds: number }> {
  const { stdout } = await run(process.execPath, [PROGRAM, 'audit', url, '--state', state, '--json']);
  return JSON.parse(stdout) as { updates: number; seconds: number };
}
