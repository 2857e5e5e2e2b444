import type { Command } from 'commander';
import { SingleBar } from 'cli-progress';
import { type ClientOptions, openDirectory } from '../client-options.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output.ts';
import type { Run } from './client-commands.ts';

/** `glasskey audit URL`: anybody's check of the whole log. */
export function auditCommand(program: Command, run: Run): void {
  program
    .command('audit <url>')
    .description('verify the whole log: every entry, every change, every hash; goes on from where the last audit ended')
    .option('--trust <file>', 'trust bundle to hold the server to')
    .option('--state <dir>', 'folder for what this auditor has verified')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey audit https://keys.example')
    .action((url: string, given: Omit<ClientOptions, 'server'> & { json?: boolean }) => {
      const options: ClientOptions & { json?: boolean } = { ...given, server: url };
      return run(options, () => audit(options));
    });
}

async function audit(options: ClientOptions & { readonly json?: boolean }): Promise<number> {
  const directory = await openDirectory(options);
  const bar = progressBar();
  const report = await directory
    .audit({ onProgress: (done, total) => bar.update(done, total) })
    .finally(() => bar.stop());
  const { treeSize, rootHash, entries, updates, seconds, lastEntryMs } = report;
  if (options.json === true) {
    printJson({ treeSize, rootHash, entries, updates, seconds, lastEntry: new Date(lastEntryMs).toISOString() });
    return EXIT.fine;
  }
  printLines(
    `${directory.trust.bundle.origin}: the log of ${treeSize} entries holds`,
    `  root ${rootHash}`,
    `  verified now: ${entries} entries with ${updates} changes, in ${seconds.toFixed(1)} s`,
    `  the newest entry is of ${new Date(lastEntryMs).toISOString()}`,
  );
  return EXIT.fine;
}

/** A progress bar on a terminal; elsewhere nothing. */
function progressBar(): { update(done: number, total: number): void; stop(): void } {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const format = 'auditing {bar} {value}/{total} entries, {eta_formatted} left';
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true });
  let started = false;
  return {
    update: (done, total) => {
      if (!started) bar.start(total, 0);
      started = true;
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
