import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { emptyRoot } from '../../src/core/audit/rfc6962.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const run = promisify(execFile);

/** A log that a witness is to know. */
export interface WitnessedLog {
  readonly origin: string;
  readonly vkey: string;
}

/** A witness of somebody else's making, which runs. */
export interface ForeignWitness {
  readonly url: string;
  /** What it wrote so far. */
  output(): string;
  stop(): Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  output(): string;
  stop(): Promise<void>;
}

function start(program: string, args: readonly string[], cwd: string): Running {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { child, output: () => output, stop };
}

/** Waits until `isReady`; throws what the program said if it ended, or takes too long. */
async function ready({ child, output }: Running, isReady: () => Promise<boolean>): Promise<void> {
  const told = (): string => `a witness did not start: ${output()}`;
  await until(
    async () => {
      if (await isReady().catch(() => false)) return true;
      if (child.exitCode !== null) throw new Error(told());
      return false;
    },
    { withinMs: 60_000, told },
  );
}

const answers = (url: string) => async (): Promise<boolean> => {
  await fetch(url, { signal: AbortSignal.timeout(1_000) });
  return true;
};

/**
 * torchwood's `litewitness`: its key is in an ssh-agent, its logs are rows of its SQLite database. Gives its vkey, which it
 * prints.
 */
export async function startLitewitness(
  program: string,
  folder: string,
  log: WitnessedLog,
): Promise<ForeignWitness & { readonly vkey: string }> {
  await mkdir(folder, { recursive: true });
  const socket = join(folder, 'agent');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', 'key'], { cwd: folder });
  const agent = start('ssh-agent', ['-D', '-a', socket], folder);
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  await ready(agent, async () => (await run('ssh-add', ['-q', 'key'], { cwd: folder, env })).stderr === '');
  const { stdout } = await run('ssh-keygen', ['-l', '-f', 'key.pub'], { cwd: folder });
  const listen = `127.0.0.1:${await freePort()}`;
  const args = ['-name=witness.example/lite', '-db=db', `-ssh-agent=${socket}`, `-listen=${listen}`];
  const witness = start(program, [...args, `-key=${stdout.split(' ')[1]}`], folder);
  await ready(witness, answers(`http://${listen}/`));
  const [, vkey = ''] = /vkey=(\S+)/.exec(witness.output()) ?? [];
  const rows = [
    `insert into log values ('${log.origin}', 0, '${formatBase64(emptyRoot())}')`,
    `insert into key values ('${log.origin}', '${log.vkey}')`,
  ];
  await run('sqlite3', ['-cmd', '.timeout 10000', 'db', rows.join(';')], { cwd: folder });
  const stop = async (): Promise<void> => {
    await witness.stop();
    await agent.stop();
  };
  return { url: `http://${listen}/`, vkey: vkey.replaceAll('"', ''), output: witness.output, stop };
}

/** transparency-dev's `omniwitness`, with note-compatible private keys (`PRIVATE+KEY+…`). */
export async function startOmniwitness(
  program: string,
  folder: string,
  log: WitnessedLog,
  keys: readonly string[],
): Promise<ForeignWitness> {
  await mkdir(folder, { recursive: true });
  const logs = `Logs:\n  - Origin: ${log.origin}\n    PublicKey: ${log.vkey}\n    URL: http://127.0.0.1:1/\n`;
  await writeFile(join(folder, 'logs.yaml'), logs);
  for (const [i, key] of keys.entries()) await writeFile(join(folder, `key${i}`), key);
  const listen = `127.0.0.1:${await freePort()}`;
  const paths = keys.map((_, i) => `--private_key_path=key${i}`);
  const args = ['--alsologtostderr', '--metrics_listen=', '--db_file=db', '--additional_logs=logs.yaml'];
  const witness = start(program, [...args, ...paths, `--listen=${listen}`], folder);
  await ready(witness, answers(`http://${listen}/`));
  return { url: `http://${listen}/`, output: witness.output, stop: witness.stop };
}
