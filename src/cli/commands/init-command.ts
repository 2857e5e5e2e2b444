import { type Command, Option } from 'commander';
import { fingerprint } from '../../contract/bundle-signature.ts';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { DataFolder } from '../../server/data-folder.ts';
import { assertDatabaseUrl } from '../../server/database-url.ts';
import type { LogFlags } from '../../server/log-settings.ts';
import { parseDuration } from '../../server/settings/duration.ts';
import { readInput } from '../../server/user-input.ts';
import { warnOfPassword } from '../database-option.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { ALLOW_DISJOINT_HELP, type RunServer } from './run-command.ts';

// A server's modules (databases, HTTP, issuing) are loaded by the commands that need them: clients start twice as fast.
const loadModules = () => Promise.all([import('../../server/init.ts'), import('../../server/log-settings.ts')]);

interface InitFlags extends LogFlags {
  readonly data: string;
  readonly suite: 'ed25519' | 'p256';
  readonly origin?: string;
  readonly publicUrl?: string;
  readonly caKey: SignerAlgorithm;
  readonly database?: string;
  readonly witnessPolicy?: string;
  readonly allowDisjointQuorums?: boolean;
  readonly recoveryDelay: string;
  readonly mlDsa?: boolean;
  readonly json?: boolean;
}

/** `init`: creates a data folder. */
export function initCommand(program: Command, run: RunServer): void {
  program
    .command('init')
    .description('create a data folder: keys, certificate authority, trust bundle, first application token')
    .requiredOption('--data <dir>', 'folder to create')
    .addOption(new Option('--suite <name>', 'KEYTRANS cipher suite').choices(['ed25519', 'p256']).default('ed25519'))
    .option('--origin <name>', 'name of the log; default: the host of the public URL and a random part')
    .option('--public-url <url>', 'URL that certificates name for their CRL and issuer (AIA)')
    .addOption(
      new Option('--ca-key <kind>', 'algorithm of the CA keys').choices(['p256', 'p384', 'ed25519']).default('p256'),
    )
    .option('--monitoring-window <duration>', 'how often owners and contacts must monitor; fixed for ever', '6h')
    .option('--maximum-lifetime <duration>', 'age from which versions are pruned and cannot be shown; fixed for ever')
    .option('--auditor-key <base64>', 'public key of a third-party auditor, whose signature clients then require')
    .option('--auditor-lag <duration>', 'longest time that the auditor may lag behind the log; default: 10m')
    .option('--auditor-start <position>', 'first log entry that the auditor verifies: 0 in a new log')
    .option('--recovery-delay <duration>', 'how long a recovery is public before it takes effect', '7d')
    .option('--ml-dsa', 'sign checkpoints with ML-DSA-44 as well as Ed25519')
    .option('--witness-policy <file>', 'tlog-policy whose quorum every released head needs; default: quorum none')
    .option('--allow-disjoint-quorums', ALLOW_DISJOINT_HELP)
    .option('--database <url>', 'postgres://… to create the log in now; default: the first serve creates it')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey init --data /srv/glasskey --public-url https://keys.example')
    .action((flags: InitFlags) => run(() => init(flags)));
}

/** `init` fixes the public URL for ever, so that the lack of one must be noticed now. */
const NO_PUBLIC_URL = [
  '  no --public-url: certificates will name no CRL, no OCSP responder and no issuer, so that other programs cannot',
  '  learn of revocations. If they should, remove the folder and run init again with --public-url https://…',
];

/** Creates the log of a new data folder in a database. */
async function createLogIn(data: string, database: string): Promise<void> {
  const { openServer } = await import('../../server/open-server.ts');
  await (await openServer({ data, database, creates: true })).close();
}

async function init(flags: InitFlags): Promise<number> {
  const { data, suite, origin, publicUrl, caKey, database } = flags;
  const [{ initialise }, { logSettings }] = await loadModules();
  const log = logSettings(flags);
  if (database !== undefined) assertDatabaseUrl(database);
  warnOfPassword(database);
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
    allowsDisjointQuorums: flags.allowDisjointQuorums,
    mlDsa: flags.mlDsa,
    dev: false,
    nowMs: Date.now(),
  });
  if (database !== undefined) await createLogIn(data, database);
  const folder = new DataFolder(data);
  const bundle = fingerprint(parseTrustBundle(await readInput(folder.trust)).bundle);
  if (flags.json === true)
    printJson({ origin: config.origin, token: folder.token, trust: folder.trust, fingerprint: bundle });
  else
    printLines(
      `created log ${config.origin} in ${data}`,
      `  application token: ${folder.token}`,
      `  trust bundle for clients: ${folder.trust}`,
      `  its fingerprint, to publish where the server cannot change it: ${bundle}`,
      ...(publicUrl === undefined ? NO_PUBLIC_URL : []),
      '  Next: move keys/root.pem and keys/bundle.pem offline (serving does not need them),',
      '  then run `glasskey serve`, with the URL of a PostgreSQL in GLASSKEY_DATABASE',
    );
  return EXIT.fine;
}
