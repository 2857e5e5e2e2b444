import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  /**
   * Tessera's hammer, reading only: eight readers take entries at random and in order, while it follows the checkpoints and
   * proves each to continue the one before, until the log has grown by `growth` entries. It is content if it saw nothing
   * wrong; it gives up after `seconds`.
   */
  hammer(target: PeerTarget, options: { readonly growth: number; readonly seconds: number }): Promise<PeerVerdict>;
  /**
   * Tessera keeps a log in a folder, adds an entry for each text, and publishes a checkpoint where the witnesses of a
   * policy have cosigned it; gives what it said, and the checkpoint as published.
   */
  tesseraLog(options: TesseraLogOptions): Promise<PeerVerdict & { readonly checkpoint: string }>;
  /** filippo.io/torchwood verifies a tlog-proof, whose extra data is the entry, by a policy. */
  verifyProof(policy: string, proof: string): Promise<PeerVerdict>;
  /**
   * A log whose tree transparency-dev/merkle makes, and which asks a witness for subtrees; transparency-dev/formats
   * verifies the answers. `key` is the log's, as {@link TesseraLogOptions} has it.
   */
  subtrees(options: { readonly url: string; readonly vkey: string; readonly key: string }): Promise<PeerVerdict>;
  /** The paths of programs that run for longer. */
  litewitness(): Promise<string>;
  omniwitness(): Promise<string>;
  close(): Promise<void>;
}

/** A log of Tessera's. */
export interface TesseraLogOptions {
  readonly folder: string;
  /** A private key as golang.org/x/mod/sumdb/note has it: `PRIVATE+KEY+…`. */
  readonly key: string;
  /** c2sp.org/tlog-policy */
  readonly policy: string;
  readonly entries: readonly string[];
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

/** Programs of `test/interop/go`. Each is built when it is first used, which takes minutes the first time on a machine. */
export async function openGoPeers(): Promise<GoPeers> {
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-go-'));
  const built = new Map<string, Promise<string>>();
  const build = (target: string): Promise<string> => {
    const program = join(folder, String(built.size));
    const done = built.get(target) ?? run('go', ['build', '-o', program, target], { cwd: module }).then(() => program);
    built.set(target, done);
    return done;
  };
  return {
    litewitness: () => build('filippo.io/torchwood/cmd/litewitness'),
    omniwitness: () => build('github.com/transparency-dev/witness/cmd/omniwitness'),
    verifyProof: async (policy, text) => {
      await writeFile(join(folder, 'policy'), policy);
      await writeFile(join(folder, 'tlog-proof'), text);
      const args = [`-policy=${join(folder, 'policy')}`, `-proof=${join(folder, 'tlog-proof')}`];
      return judge(await build('./proof'), args, /^verified the proof/m);
    },
    subtrees: async ({ url, vkey, key }) => {
      const args = ['-url', url.replace(/\/$/, ''), '-vkey', vkey, '-key', key];
      return judge(await build('./subtree'), args, /^verified \d+ subtrees/m);
    },
    torchwood: async ({ url, vkey, origin }) =>
      judge(await build('.'), ['-url', url, '-vkey', vkey, '-origin', origin], /^verified \d+ entries/m),
    fsck: async ({ url, vkey, origin }) => {
      const keyFile = join(folder, 'log.vkey');
      await writeFile(keyFile, `${vkey}\n`);
      const args = ['--ui=false', '--N=4', `--storage_url=${url}`, `--public_key=${keyFile}`, `--origin=${origin}`];
      // It may exit 0 in spite of corruption, and hang on a bad tile: only the line counts, and only in time.
      return judge(await build('github.com/transparency-dev/tessera/cmd/fsck'), args, /Successfully fsck'd/);
    },
    hammer: async ({ url, vkey }, { growth, seconds }) => {
      const limits = [`--leaf_write_goal=${growth}`, `--max_runtime=${seconds}s`, '--max_read_ops=200'];
      const args = ['--show_ui=false', '--logtostderr', `--log_url=${url}`, `--log_public_key=${vkey}`, ...limits];
      const hammer = await build('github.com/transparency-dev/tessera/internal/hammer');
      const { accepted, output } = await judge(hammer, args, /Reached tree size goal/);
      // It goes on when something is wrong, and says so: warnings and errors in klog's form. At its end it breaks off what it reads.
      const [read = ''] = output.split('Reached tree size goal');
      return { accepted: accepted && !/^[WEF]\d{4} /m.test(read), output };
    },
    tesseraLog: async (options) =>
      runTessera(await build('github.com/transparency-dev/tessera/cmd/examples/posix-oneshot'), options),
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

async function runTessera(
  program: string,
  { folder, key, policy, entries }: TesseraLogOptions,
): ReturnType<GoPeers['tesseraLog']> {
  const inputs = join(folder, 'inputs');
  await mkdir(inputs, { recursive: true });
  for (const [i, text] of entries.entries()) await writeFile(join(inputs, `${i}`), text);
  const path = (name: string): string => join(folder, name);
  await writeFile(path('key'), key);
  await writeFile(path('policy'), policy);
  const verdict = await judge(
    program,
    [
      `--storage_dir=${path('log')}`,
      `--entries=${inputs}/*`,
      `--private_key=${path('key')}`,
      `--witness_policy_file=${path('policy')}`,
      '--witness_timeout=2s',
    ],
    /./,
  );
  const checkpoint = await readFile(join(folder, 'log', 'checkpoint'), 'utf8').catch(() => '');
  return { ...verdict, checkpoint };
}
