import { type Command, Option } from 'commander';
import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { DataFolder } from '../../server/data-folder.ts';
import type { LogFlags } from '../../server/log-settings.ts';
import { parseDuration } from '../../server/settings/duration.ts';
import { readInput } from '../client-options.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output.ts';
import type { RunServer } from './run-command.ts';

// A server's modules (databases, HTTP, issuing) are loaded by the commands that need them: clients start twice as fast.
const loadModules = () =>
  Promise.all([
    import('../../server/init.ts'),
    import('../../server/open-server.ts'),
    import('../../server/log-settings.ts'),
  ]);

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

/** `init`: makes a data folder. */
export function initCommand(program: Command, run: RunServer): void {
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
    .action((flags: InitFlags) => run(() => init(flags)));
}

async function init(flags: InitFlags): Promise<number> {
  const { data, suite, origin, publicUrl, caKey, database } = flags;
  const [{ initialise }, { assertDatabaseUrl, openServer }, { logSettings }] = await loadModules();
  const log = logSettings(flags);
  if (database !== undefined) assertDatabaseUrl(database);
  const witnessPolicy = flags.witnessPolicy === undefined ? undefined : await readInput(flags.witnessPolicy);
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
}
