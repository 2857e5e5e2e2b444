import { execFile, execFileSync, type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createTestDatabase } from './postgres.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
/** What `bin.glasskey` of package.json names. */
export const PROGRAM = join(PROJECT, 'dist/cli/main.js');

/** Builds the program, unless the last build was of the same sources: tests run what users run. */
export function buildProgram(): void {
  const stamp = join(PROJECT, '.built-from');
  // Who builds without the tests changes the time of the program.
  const state = (): string => (existsSync(PROGRAM) ? `${hashSources()} ${statSync(PROGRAM).mtimeMs}` : 'none');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state()) return;
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: PROJECT, stdio: 'pipe' });
  writeFileSync(stamp, state());
}

/** Returns a hash of everything that a build reads. */
function hashSources(): string {
  const listed = readdirSync(join(PROJECT, 'src'), { recursive: true, withFileTypes: true });
  const sources = listed.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const settings = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  const hash = createHash('sha256');
  for (const path of [...settings.map((name) => join(PROJECT, name)), ...sources.sort()]) {
    hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

/** What one run of the program did. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `glasskey serve` that listens. */
export interface RunningCli {
  readonly url: string;
  readonly pid: number;
  /** What it wrote to stdout so far. */
  output(): string;
  /** What it logged so far. */
  errors(): string;
  /** Sends SIGTERM and waits for the end; gives the exit code. */
  stop(): Promise<number | null>;
}

/** A folder in which the program is run, with no state from elsewhere. */
export class CliSandbox {
  readonly folder: string;
  readonly #program: string;
  /** Set for every run, beside what the sandbox sets. */
  readonly variables: Record<string, string> = {};
  readonly #servers: ChildProcess[] = [];

  /** Default: this release of the program, in a new folder. */
  constructor(program = PROGRAM, folder = mkdtempSync(join(tmpdir(), 'glasskey-cli-'))) {
    this.#program = program;
    this.folder = folder;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /**
   * Options of `init`, `serve` and `admin` for a data folder whose log is in a PostgreSQL database of its own. The embedded database takes
   * seconds to start, for every command: only tests of the embedded database use it.
   */
  async logInPostgres(folder: string): Promise<readonly string[]> {
    return ['--data', folder, '--database', await createTestDatabase()];
  }

  get #environment(): NodeJS.ProcessEnv {
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('GLASSKEY_')),
    );
    return { ...environment, XDG_DATA_HOME: this.path('user-data'), NO_COLOR: '1', ...this.variables };
  }

  /** Runs `glasskey` with these arguments to its end. */
  run(...args: readonly string[]): Promise<CliResult> {
    return new Promise((done) => {
      const options = { cwd: this.folder, env: this.#environment };
      execFile(process.execPath, [this.#program, ...args], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, stdout, stderr });
      });
    });
  }

  /** Starts `glasskey` with these arguments. */
  spawn(...args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [this.#program, ...args], {
      cwd: this.folder,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#servers.push(child);
    return child;
  }

  /** Runs `glasskey` with these arguments, and kills it with SIGKILL; returns true if it still ran. */
  async runAndKill(afterMs: number, ...args: readonly string[]): Promise<boolean> {
    const options = { cwd: this.folder, env: this.#environment, stdio: 'ignore' } as const;
    const child = spawn(process.execPath, [this.#program, ...args], options);
    const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
    await once(child, 'exit');
    clearTimeout(timer);
    return child.signalCode === 'SIGKILL';
  }

  /** Starts `glasskey serve` with these arguments; resolves when it says that it listens. */
  serve(...args: readonly string[]): Promise<RunningCli> {
    return this.start(['serve'], ...args);
  }

  /** Starts a command that serves; resolves when it says that it listens. */
  async start(command: readonly string[], ...args: readonly string[]): Promise<RunningCli> {
    const child = this.spawn(...command, ...args);
    let output = '';
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const url = await new Promise<string>((resolveUrl, reject) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const [, found] = /^listening on (http:\/\/\S+)$/m.exec(output) ?? [];
        if (found !== undefined) resolveUrl(found);
      });
      child.once('exit', (code) => reject(new Error(`${command.join(' ')} ended with ${code}: ${errors}`)));
    });
    const stop = async (): Promise<number | null> => {
      if (child.exitCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      await once(child, 'exit');
      return child.exitCode;
    };
    return { url, pid: child.pid ?? 0, output: () => output, errors: () => errors, stop };
  }

  /** Kills the programs that are run from now on, as SIGKILL does, in the call of that number; undefined: no longer. */
  killAt(call: 'link' | 'rename' | undefined, count = 1): void {
    delete this.variables['NODE_OPTIONS'];
    if (call === undefined) return;
    const module = [
      "import files from 'node:fs/promises';",
      "import { syncBuiltinESMExports } from 'node:module';",
      `let left = ${count}; const real = files.${call};`,
      `files.${call} = async (...all) => { if (--left === 0) process.kill(process.pid, 'SIGKILL'); return real(...all); };`,
      'syncBuiltinESMExports();',
    ].join('');
    this.variables['NODE_OPTIONS'] = `--import=data:text/javascript,${encodeURIComponent(module)}`;
  }

  /** Moves the clock of the programs that are run from now on; 0 sets it right again. */
  shiftClock(milliseconds: number): void {
    const module = `const now = Date.now; Date.now = () => now() + ${milliseconds};`;
    this.variables['NODE_OPTIONS'] =
      milliseconds === 0 ? '' : `--import data:text/javascript,${encodeURIComponent(module)}`;
  }

  /** Ends what still runs and removes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#servers) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
