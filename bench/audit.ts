import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { auditLog } from '../src/client/audit/audit-log.ts';
import { MAX_NOTE_BYTES } from '../src/core/audit/note.ts';
import { installNativeHashes } from '../src/native/native-hashes.ts';
import { folderLogFiles } from '../src/cli/audit/audit-source.ts';
import { auditThreads } from '../src/cli/audit/audit-threads.ts';
import { type AuditLogFolder, writeAuditLog } from './audit-log-folder.ts';
import { round } from './load.ts';
import { describeMachine } from './machine.ts';

const USAGE = `usage: npm run bench:audit -- [--labels 100000] [--batch 255] [--threads N] [--log DIR] [--akd PROGRAM]

Measures how many label versions an audit verifies in a second: the log is made first, as files in a folder, with as many
labels and as many in each entry, by a process of its own, so that the memory of this one is the audit's; then audited from entry 0 on, as
\`glasskey audit\` does, by one thread for each core. --log keeps the log there, or audits the one that is there.
With --akd (the built program of bench/akd) the audit of the akd crate runs on as many insertions in the same run. Prints JSON;
what it is doing goes to stderr.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      labels: { type: 'string', default: '100000' },
      batch: { type: 'string', default: '255' },
      threads: { type: 'string', default: String(availableParallelism()) },
      akd: { type: 'string' },
      log: { type: 'string' },
      make: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  installNativeHashes();
  const folder = values.log ?? (await mkdtemp(join(tmpdir(), 'glasskey-audit-')));
  const about = join(folder, 'log.json');
  if (values.make) {
    const made = await writeAuditLog(folder, Number(values.labels), Number(values.batch));
    return writeFile(about, JSON.stringify(made));
  }
  try {
    if (!existsSync(about)) {
      console.error(`making a log of ${values.labels} labels`);
      const args = ['--make', '--log', folder, '--labels', values.labels, '--batch', values.batch];
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' });
    }
    console.error('auditing it');
    const glasskey = await measure(JSON.parse(await readFile(about, 'utf8')) as AuditLogFolder, Number(values.threads));
    console.error(JSON.stringify(glasskey));
    console.error(values.akd === undefined ? 'no akd to compare with' : 'the same with akd');
    const akd: unknown =
      values.akd === undefined
        ? undefined
        : JSON.parse(execFileSync(values.akd, [values.labels, values.batch], { encoding: 'utf8' }));
    console.log(JSON.stringify({ machine: describeMachine(), glasskey, akd }, undefined, 2));
  } finally {
    if (values.log === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function measure(log: AuditLogFolder, count: number): Promise<Record<string, number>> {
  const files = folderLogFiles(log.folder);
  const fetchFile = async (url: string): Promise<Response> => {
    const bytes = await files.read(new URL(url).pathname.replace(/^\/log\//, ''), MAX_NOTE_BYTES);
    return new Response(bytes.slice());
  };
  const threads = auditThreads({ type: 'folder', folder: log.folder }, count);
  let peakBytes = 0;
  const onProgress = (): void => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  const before = process.cpuUsage();
  const startMs = performance.now();
  const options = { baseUrl: 'http://log.test', bundle: log.bundle, fetch: fetchFile, now: Date.now, onProgress };
  const report = await auditLog({ ...options, verifyUpdates: threads.verifyUpdates, jobs: threads.jobs });
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(before);
  await threads.close();
  const processorSeconds = (user + system) / 1e6;
  return {
    updates: report.updates,
    entries: report.entries,
    threads: count,
    seconds: round(seconds, 2),
    processorSeconds: round(processorSeconds, 2),
    updatesPerSecond: Math.round(report.updates / seconds),
    updatesPerProcessorSecond: Math.round(report.updates / processorSeconds),
    bytesPerUpdate: Math.round(log.updateBytes / report.updates),
    peakMb: round(peakBytes / 2 ** 20, 0),
  };
}

await main();
