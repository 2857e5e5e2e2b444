import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const module = join(import.meta.dirname, '../interop/go');

/** A log as the Go programs are told about it. */
export interface PeerTarget {
  /** tlog-tiles prefix with its final slash: `http://127.0.0.1:8080/log/`. */
  readonly url: string;
  /** The log's C2SP vkey. */
  readonly vkey: string;
  readonly origin: string;
}

/** What a program said, and whether it was content. */
export interface PeerVerdict {
  readonly accepted: boolean;
  readonly output: string;
}

/** Programs that nobody here wrote the verification of. */
export interface GoPeers {
  /** golang.org/x/mod/sumdb/note opens the checkpoint, filippo.io/torchwood proves and reads the entries. */
  torchwood(target: PeerTarget): Promise<PeerVerdict>;
  /** Tessera's fsck rebuilds the whole tree from the entries and compares every tile. */
  fsck(target: PeerTarget): Promise<PeerVerdict>;
  close(): Promise<void>;
}

/** Why the Go programs cannot run here; undefined where they can. In CI they must be able to. */
export function goMissing(): string | undefined {
  try {
    execFileSync('go', ['version'], { cwd: module, stdio: 'pipe' });
    return undefined;
  } catch {
    return 'no go toolchain';
  }
}

/** Builds the programs of `test/interop/go`, which takes minutes the first time on a machine. */
export async function buildGoPeers(): Promise<GoPeers> {
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-go-'));
  const build = async (name: string, target: string): Promise<string> => {
    const program = join(folder, name);
    await run('go', ['build', '-o', program, target], { cwd: module });
    return program;
  };
  const interop = await build('interop', '.');
  const fsck = await build('fsck', 'github.com/transparency-dev/tessera/cmd/fsck');
  return {
    torchwood: ({ url, vkey, origin }) =>
      judge(interop, ['-url', url, '-vkey', vkey, '-origin', origin], /^verified \d+ entries/m),
    fsck: async ({ url, vkey, origin }) => {
      const keyFile = join(folder, 'log.vkey');
      await writeFile(keyFile, `${vkey}\n`);
      const args = ['--ui=false', '--N=4', `--storage_url=${url}`, `--public_key=${keyFile}`, `--origin=${origin}`];
      // It may exit 0 in spite of corruption, and hang on a bad tile: only the line counts, and only in time.
      return judge(fsck, args, /Successfully fsck'd/);
    },
    close: () => rm(folder, { recursive: true }),
  };
}

async function judge(program: string, args: readonly string[], success: RegExp): Promise<PeerVerdict> {
  try {
    const { stdout, stderr } = await run(program, args, { timeout: 45_000, killSignal: 'SIGKILL' });
    return { accepted: success.test(stdout + stderr), output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    return { accepted: false, output: `${stdout ?? ''}${stderr ?? ''}${String(error)}` };
  }
}
