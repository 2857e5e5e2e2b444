import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { auditLog } from '../src/client/audit/audit-log.ts';
import { MAX_NOTE_BYTES } from '../src/core/audit/note.ts';
import { installNativeSha256 } from '../src/service/native-sha256.ts';
import { folderLogFiles } from '../src/cli/audit-source.ts';
import { auditThreads } from '../src/cli/audit-threads.ts';
import { type AuditLogFolder, writeAuditLog } from './audit-log-folder.ts';
import { round } from './load.ts';
import { describeMachine } from './machine.ts';

const USAGE = `usage: npm run bench:audit -- [--labels 100000] [--batch 255] [--threads N] [--akd PROGRAM]

Measures how many label versions an audit verifies in a second: the log is made first, as files in a folder, with as many
labels and as many in each entry; then audited from entry 0 on, as \`glasskey audit\` does, by one thread for each core.
With --akd (the built program of bench/akd) the audit of the akd crate runs on as many insertions in the same run. Prints JSON;
what it is doing goes to stderr.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      labels: { type: 'string', default: '100000' },
      batch: { type: 'string', default: '255' },
      threads: { type: 'string', default: String(availableParallelism()) },
      akd: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  installNativeSha256();
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-audit-'));
  try {
    console.error(`making a log of ${values.labels} labels`);
    const log = await writeAuditLog(folder, Number(values.labels), Number(values.batch));
    console.error('auditing it');
    const glasskey = await measure(log, Number(values.threads));
    console.error(values.akd === undefined ? 'no akd to compare with' : 'the same with akd');
    const akd: unknown =
      values.akd === undefined
        ? undefined
        : JSON.parse(execFileSync(values.akd, [values.labels, values.batch], { encoding: 'utf8' }));
    console.log(JSON.stringify({ machine: describeMachine(), glasskey, akd }, undefined, 2));
  } finally {
    await rm(folder, { recursive: true, force: true });
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
