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
  /** Its process. */
  readonly pid: number;
  /** Sends a signal to the whole process group. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal to the whole process group, and waits for the end. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** How to start a {@link KillableServer}. */
export interface KillableServerOptions {
  /** Default: 0, any free port. */
  readonly port?: number;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Added to the command. */
  readonly options?: readonly string[];
}

/** Makes a data folder. */
export async function initialiseServer(data: string): Promise<void> {
  await run(process.execPath, [PROGRAM, 'init', '--data', data]);
}

/** Starts `glasskey serve` in a process group of its own. */
export function startKillableServer(
  data: string,
  database: string,
  { port = 0, environment = {}, options = [] }: KillableServerOptions = {},
): KillableServer {
  const serve = ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--database', database];
  const command = [PROGRAM, ...serve, ...options];
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, command, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
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
  const signal = (name: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), name);
  };
  return {
    ready,
    log: () => log,
    pid: child.pid ?? 0,
    signal,
    end: async (name) => {
      signal(name);
      await ended;
    },
  };
}
