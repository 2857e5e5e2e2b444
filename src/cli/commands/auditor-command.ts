import { Option, type Command } from 'commander';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { formatBase64 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { asUserInput, readInput } from '../../server/user-input.ts';
import { parseDuration } from '../../server/settings/duration.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { stopSignal } from '../stop-signal.ts';
import type { RunServer } from './run-command.ts';

const loadFolder = () => import('../../server/auditor-folder.ts');
const loadServe = () => import('../../server/serve-auditor.ts');
const loadThreads = () => import('../audit/audit-threads.ts');

interface KeyFlags {
  readonly data: string;
  readonly json?: boolean;
}

interface AuditorFlags {
  readonly data?: string;
  readonly server?: string;
  readonly trust?: string;
  readonly listen: string;
  readonly interval: string;
  readonly post: boolean;
}

/** `auditor`: runs the third-party auditor of a log (KT §15.2). */
export function auditorCommand(program: Command, run: RunServer): void {
  const auditor = program
    .command('auditor')
    .description(
      'run the third-party auditor of a log: follow it, verify all of it, and sign the heads that its clients require',
    )
    .option('--server <url>', 'server of the log')
    .option('--data <dir>', 'folder of the auditor')
    .option(
      '--trust <file>',
      'trust bundle to hold the server to; default: the pinned one, else the first one that it shows',
    )
    .option('--listen <address>', 'address and port to serve heads and metrics on', '127.0.0.1:8200')
    .option('--interval <duration>', 'pause between two rounds', '5s')
    .option('--no-post', 'serve heads, but do not post them to the server')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey auditor --server https://keys.example --data /srv/auditor --trust trust.json',
    )
    .action((flags: AuditorFlags) => run(() => serve(flags)));
  const add = (name: string, summary: string): Command =>
    auditor
      .command(name)
      .description(summary)
      .requiredOption('--data <dir>', 'folder of the auditor')
      .option('--json', 'print the result as JSON')
      .addHelpText('after', `\nExample:\n  $ glasskey auditor ${name} --data /srv/auditor`);

  add('init', 'create the folder of an auditor with its key, and print the public key for --auditor-key')
    .addOption(
      new Option('--suite <name>', 'KEYTRANS cipher suite of the log').choices(['ed25519', 'p256']).default('ed25519'),
    )
    .action((flags: KeyFlags & { readonly suite: 'ed25519' | 'p256' }) =>
      run(async () => {
        const { AuditorFolder } = await loadFolder();
        await new AuditorFolder(flags.data).initialise(flags.suite);
        return showKey(flags);
      }),
    );
  add('key', 'print the public key').action((flags: KeyFlags) => run(() => showKey(flags)));
  add('resume', 'sign again after misbehaviour that a person has investigated; the evidence is kept').action(
    (flags: KeyFlags) =>
      run(async () => {
        const { AuditorFolder } = await loadFolder();
        const evidence = await new AuditorFolder(flags.data).resume();
        if (flags.json === true) printJson({ evidence });
        else printLines(`the auditor may sign again; the evidence is kept in ${evidence}`);
        return EXIT.fine;
      }),
  );
}

async function serve(flags: AuditorFlags): Promise<number> {
  const { data, server, trust, listen, post } = flags;
  ensure(
    data !== undefined && server !== undefined,
    'usage',
    'no log or no folder to work with: give --server and --data',
  );
  const intervalMs = parseDuration(flags.interval);
  ensure(intervalMs <= 3_600_000, 'usage', '--interval is an hour at most');
  const given =
    trust === undefined ? undefined : await asUserInput(trust, async () => parseTrustBundle(await readInput(trust)));
  const stopped = stopSignal();
  const [{ serveAuditor }, { auditThreads }] = await Promise.all([loadServe(), loadThreads()]);
  const openThreads = (prefix: string) => auditThreads({ type: 'http', prefix });
  const running = await serveAuditor({ data, server, trust: given, listen, intervalMs, post, openThreads });
  printLines(`listening on ${running.url}`);
  await stopped;
  await running.stop();
  return EXIT.fine;
}

async function showKey({ data, json }: KeyFlags): Promise<number> {
  const { AuditorFolder } = await loadFolder();
  const publicKey = formatBase64((await new AuditorFolder(data).openSigner()).publicKey);
  if (json === true) printJson({ publicKey });
  else printLines(publicKey);
  return EXIT.fine;
}
