import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');

/** What a command came to. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The package as users have it, compiled from the sources at hand into a folder of its own, and a folder to work in. */
export interface BuiltProgram {
  /** Where commands run. */
  readonly folder: string;
  /** Runs shell commands, in which `glasskey` is the program; the first that fails ends them. */
  shell(commands: string): Promise<Outcome>;
  /** Runs one of the files in `examples/`, unchanged. */
  example(file: string, args: readonly string[]): Promise<Outcome>;
  /** Serves with the given arguments until {@link BuiltProgram.remove}. */
  serve(args: readonly string[]): Promise<ServedExample>;
  /** Starts one of the files in `examples/` that serves, unchanged; it ends on SIGTERM. */
  serveExample(file: string, args: readonly string[]): Promise<ServedExample>;
  remove(): Promise<void>;
}

/** An example that listens. */
export interface ServedExample {
  readonly url: string;
  /** What it wrote to stdout so far. */
  output(): string;
  /** Sends SIGTERM; returns the exit code. */
  stop(): Promise<number | null>;
}

/** Compiles the package and makes an empty folder to work in. */
export async function buildProgram(): Promise<BuiltProgram> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'glasskey-docs-')));
  const [folder, bin, main] = [join(home, 'work'), join(home, 'bin'), join(home, 'dist/cli/main.js')];
  await Promise.all([mkdir(folder), mkdir(bin)]);
  const options = ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(home, 'dist')];
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), options, { cwd: ROOT });
  for (const name of ['package.json', 'migrations', 'node_modules']) await symlink(join(ROOT, name), join(home, name));
  for (const name of ['examples', 'dist/web']) await cp(join(ROOT, name), join(home, name), { recursive: true });
  await writeFile(join(bin, 'glasskey'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  await chmod(join(bin, 'glasskey'), 0o755);

  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    XDG_DATA_HOME: join(home, 'data'),
    GLASSKEY_PASSPHRASE: '',
    GLASSKEY_SERVER: '',
    GLASSKEY_STATE: '',
  };
  const servers: (() => Promise<unknown>)[] = [];
  const run = (file: string, args: readonly string[]): Promise<Outcome> =>
    new Promise((done) => {
      execFile(file, args, { cwd: folder, env }, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ status, stdout, stderr });
      });
    });

  const start = async (args: readonly string[]): Promise<ServedExample> => {
    const server = spawn(process.execPath, args, { cwd: folder, env });
    const exited = once(server, 'exit');
    const stop = async (): Promise<number | null> => {
      server.kill('SIGTERM');
      await exited;
      return server.exitCode;
    };
    servers.push(stop);
    let output = '';
    let shown = '';
    server.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const url = await new Promise<string>((found, failed) => {
      server.stdout.on('data', (chunk: Buffer) => {
        shown += chunk.toString();
        const listening = /^listening on (http:\/\/\S+)$/m.exec(shown)?.[1];
        if (listening !== undefined) found(listening);
      });
      server.once('exit', (status) => failed(new Error(`the server ended with ${status}: ${output}`)));
    });
    return { url, stop, output: () => shown };
  };

  return {
    folder,
    shell: (commands) => run('/bin/sh', ['-euc', commands]),
    example: (file, args) => run(process.execPath, [join(home, 'examples', file), ...args]),
    serve: (args) => start([main, 'serve', ...args]),
    serveExample: (file, args) => start([join(home, 'examples', file), ...args]),
    remove: async () => {
      await Promise.all(servers.map((stop) => stop()));
      await rm(home, { recursive: true, force: true });
    },
  };
}
