import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { PROGRAM } from './cli.ts';

const run = promisify(execFile);

/** A `glasskey serve` that can be killed at any moment. */
export interface KillableServer {
  /** Its URL, once it is ready. Rejects, with what it wrote, where it ends before that. */
  readonly ready: Promise<string>;
  /** What it wrote to stderr so far. */
  log(): string;
  /** Sends a signal to the whole process group, and waits for the end. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Makes a data folder. */
export async function initialiseServer(data: string): Promise<void> {
  await run(process.execPath, [PROGRAM, 'init', '--data', data]);
}

/** Starts `glasskey serve` on a free port, in a process group of its own. */
export function startKillableServer(data: string, database: string): KillableServer {
  const command = [PROGRAM, 'serve', '--data', data, '--listen', '127.0.0.1:0', '--database', database];
  const child = spawn(process.execPath, command, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let output = '';
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ready = new Promise<string>((found, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const url = /^listening on (http:\/\/\S+)/m.exec(output)?.[1];
      if (url !== undefined) found(url);
    });
    child.once('exit', (code, signal) => reject(new Error(`serve ended (${code ?? signal}): ${output}${log}`)));
  });
  // It may be ended before anybody waits for it.
  ready.catch(() => undefined);
  return {
    ready,
    log: () => log,
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), signal);
      await ended;
    },
  };
}
