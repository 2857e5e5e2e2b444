import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { parseDuration } from '../../server/settings/duration.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output.ts';
import { stopSignal } from '../stop-signal.ts';
import { DataFolder } from '../../server/data-folder.ts';
import { type AdminFlags, withLog } from './admin/with-log.ts';
import { adminAuditorCommand } from './admin/auditor-command.ts';
import { adminLogCommand } from './admin/log-command.ts';
import { importCommand } from './admin/import-command.ts';
import { adminRecoveryCommands } from './admin/recovery-commands.ts';
import { listCommands } from './admin/list-commands.ts';
import { administrator, recordCommands } from './admin/record-commands.ts';
import type { LogFlags } from '../../server/log-settings.ts';
import { configCommand } from './config-command.ts';
import { boundHeapGrowth } from '../../server/heap-growth.ts';

// A server's modules (databases, HTTP, issuing) are loaded by the commands that need them: clients start twice as fast.
const loadInit = () => import('../../server/init.ts');
const loadOpen = () => import('../../server/open-server.ts');
const loadSettings = () => import('../../server/log-settings.ts');
const loadServe = () => import('../../server/serve.ts');
const loadTokens = () => import('../../service/log/tokens.ts');

/** Runs a server-side command; its result is the exit code. */
export type RunServer = (work: () => Promise<number>) => Promise<void>;

interface InitFlags extends LogFlags {
  readonly data: string;
  readonly suite: 'ed25519' | 'p256';
  readonly origin?: string;
  readonly publicUrl?: string;
  readonly caKey: SignerAlgorithm;
  readonly database?: string;
  readonly witnessPolicy?: string;
  readonly recoveryDelay: string;
  readonly mlDsa?: boolean;
  readonly json?: boolean;
}

interface ServeFlags {
  readonly data: string;
  readonly listen: string;
  readonly database?: string;
  readonly dev?: boolean;
  readonly acceptClockGap?: boolean;
  readonly auditor?: string;
}

/** The commands of an operator: init, serve, admin. */
export function serverCommands(program: Command, run: RunServer): void {
  program
    .command('init')
    .description('make a data folder: keys, certificate authority, trust bundle, first application token')
    .requiredOption('--data <dir>', 'folder to make')
    .addOption(new Option('--suite <name>', 'KEYTRANS cipher suite').choices(['ed25519', 'p256']).default('ed25519'))
    .option('--origin <name>', 'name of the log; default: host of the public URL and a random part')
    .option('--public-url <url>', 'URL that certificates name for CRL and AIA')
    .addOption(new Option('--ca-key <kind>', 'keys of the CA').choices(['p256', 'p384', 'ed25519']).default('p256'))
    .option('--monitoring-window <duration>', 'how often owners and contacts monitor; never changes', '6h')
    .option('--maximum-lifetime <duration>', 'older versions can no longer be shown, and are pruned; never changes')
    .option('--auditor-key <base64>', 'public key of a third-party auditor, without which clients accept nothing')
    .option('--auditor-lag <duration>', 'how far the auditor may be behind the log; default: 10m')
    .option('--auditor-start <position>', 'the first log entry that the auditor verifies; default: 0')
    .option('--recovery-delay <duration>', 'how long everybody can see a recovery before it takes effect', '7d')
    .option('--ml-dsa', 'sign checkpoints with ML-DSA-44 as well as with Ed25519')
    .option('--witness-policy <file>', 'tlog-policy: nothing is released without its quorum; default: quorum none')
    .option(
      '--database <url>',
      'postgres://… in which to create the log now; default: serve creates it where it first runs',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey init --data /srv/glasskey --public-url https://keys.example')
    .action((flags: InitFlags) =>
      run(async () => {
        const { data, suite, origin, publicUrl, caKey, database } = flags;
        const [{ initialise }, { assertDatabaseUrl, openServer }, { logSettings }] = await Promise.all([
          loadInit(),
          loadOpen(),
          loadSettings(),
        ]);
        const log = logSettings(flags);
        if (database !== undefined) assertDatabaseUrl(database);
        const witnessPolicy = flags.witnessPolicy === undefined ? undefined : await readPolicyFile(flags.witnessPolicy);
        const config = await initialise({
          data,
          suite,
          origin,
          publicUrl,
          caKey,
          log,
          recoveryDelayMs: parseDuration(flags.recoveryDelay),
          witnessPolicy,
          mlDsa: flags.mlDsa,
          dev: false,
          nowMs: Date.now(),
        });
        if (database !== undefined) await (await openServer({ data, database })).close();
        const folder = new DataFolder(data);
        if (flags.json === true) printJson({ origin: config.origin, token: folder.token, trust: folder.trust });
        else
          printLines(
            `made the log ${config.origin} in ${data}`,
            `  application token: ${folder.token}`,
            `  trust bundle for clients: ${folder.trust}`,
            '  keep keys/root.pem and keys/bundle.pem offline: the server does not need them',
          );
        return EXIT.fine;
      }),
    );

  program
    .command('serve')
    .description('serve the log of a data folder')
    .requiredOption('--data <dir>', 'data folder')
    .option('--listen <address>', 'address and port', '127.0.0.1:8080')
    .option('--database <url>', 'postgres://… ; default: the embedded database, for trying out')
    .option('--dev', 'for development: initialise where needed, with the address as public URL')
    .option('--auditor <url>', 'fetch the heads of the third-party auditor here; default: it posts them')
    .option('--accept-clock-gap', 'append though the last entry is more than a day old; look at the clock first')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey serve --data /srv/glasskey --database postgres://localhost/glasskey',
    )
    .action((flags: ServeFlags) => run(() => runServer(flags)));

  const admin = program.command('admin').description('administer a log');
  configCommand(program, run);
  tokenCommands(admin, run);
  listCommands(admin, run);
  recordCommands(admin, run);
  importCommand(admin, run);
  adminAuditorCommand(admin, run);
  adminRecoveryCommands(admin, run);
  policyCommand(admin, run);
  adminLogCommand(admin, run);
}

/** The text of a policy file. Throws `usage` where it cannot be read. */
async function readPolicyFile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GlasskeyError('usage', `${path} cannot be read`, { cause });
  });
}

/** `admin witness-policy`: makes the next trust bundle, for which the bundle key has to be in the folder. */
function policyCommand(admin: Command, run: RunServer): void {
  admin
    .command('witness-policy <file>')
    .description('set or replace the witness policy: makes and signs the next trust bundle; then restart the server')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey admin witness-policy policy.txt --data /srv/glasskey')
    .action((file: string, flags: { readonly data: string; readonly json?: boolean }) =>
      run(async () => {
        const text = await readPolicyFile(file);
        const { replaceWitnessPolicy } = await import('../../server/witness-policy.ts');
        const { bundle } = await replaceWitnessPolicy(new DataFolder(flags.data), text);
        if (flags.json === true) printJson({ origin: bundle.origin, sequence: bundle.sequence });
        else printLines(`trust bundle ${bundle.sequence} of ${bundle.origin} has the policy; restart the server`);
        return EXIT.fine;
      }),
    );
}

async function runServer(flags: ServeFlags): Promise<number> {
  const { data, listen, database, dev, acceptClockGap, auditor } = flags;
  boundHeapGrowth();
  const stopped = stopSignal();
  const { serve } = await loadServe();
  const running = await serve({
    data,
    listen,
    database,
    dev: dev === true,
    acceptClockGap: acceptClockGap === true,
    auditor,
  });
  const reload = (): void => void running.reload();
  process.on('SIGHUP', reload);
  printLines(`listening on ${running.url}`);
  await stopped;
  process.off('SIGHUP', reload);
  await running.stop();
  return EXIT.fine;
}

/** `admin token create|list|revoke`. With the embedded database the server must be stopped: it holds the folder's lock. */
function tokenCommands(admin: Command, run: RunServer): void {
  const tokens = admin.command('token').description('application tokens');
  const add = (usage: string, summary: string, example: string): Command =>
    tokens
      .command(usage)
      .description(summary)
      .requiredOption('--data <dir>', 'data folder')
      .option('--database <url>', 'postgres://… ; default: the embedded database')
      .option('--json', 'print the result as JSON')
      .addHelpText('after', `\nExample:\n  $ ${example}`);

  add('create <name>', 'make a token and print it', 'glasskey admin token create backend --data /srv/glasskey').action(
    (name: string, flags: AdminFlags) =>
      run(() =>
        withLog(flags, async ({ context }) => {
          const { createToken } = await loadTokens();
          const { token, info } = await createToken(context, name, administrator());
          if (flags.json === true) printJson({ ...info, token });
          else printLines(token);
        }),
      ),
  );
  add('list', 'list tokens, revoked ones too', 'glasskey admin token list --data /srv/glasskey').action(
    (flags: AdminFlags) =>
      run(() =>
        withLog(flags, async ({ context }) => {
          const { listTokens } = await loadTokens();
          const all = await listTokens(context);
          if (flags.json === true) return printJson(all);
          const line = (one: (typeof all)[number]): string =>
            `${one.id}  ${one.revokedMs === undefined ? 'valid  ' : 'revoked'}  ${one.name}`;
          printLines(...all.map(line));
        }),
      ),
  );
  add('revoke <id>', 'revoke a token', 'glasskey admin token revoke 2 --data /srv/glasskey').action(
    (id: string, flags: AdminFlags) =>
      run(() => {
        ensure(/^\d{1,15}$/.test(id), 'usage', 'a token is named by its number in the list');
        return withLog(flags, async ({ context }) =>
          (await loadTokens()).revokeToken(context, Number(id), administrator()),
        );
      }),
  );
}
