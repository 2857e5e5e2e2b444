import { type Command, Option } from 'commander';
import { writeFileDurably } from '../../../client/node.ts';
import { ML_DSA_SETS } from '../../../core/crypto/ml-dsa-sets.ts';
import type { CaAlgorithm } from '../../../core/crypto/signer.ts';
import { DataFolder } from '../../../server/data-folder.ts';
import { parseDuration } from '../../../server/settings/duration.ts';
import { readInput } from '../../../server/user-input.ts';
import { EXIT } from '../../exit-code.ts';
import { parseYears } from '../../number-option.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';

const loadInstall = () => import('../../../server/install-issuer.ts');

/** `ca request-intermediate|install-intermediate|install-next|roll-issuer`: the issuing CAs of a data folder. */
export function issuingCaCommands(ca: Command, run: RunServer): void {
  requestIntermediateCommand(ca, run);
  installNextCommand(ca, run);
  rollIssuerCommand(ca, run);
  installIntermediateCommand(ca, run);
}

/** The kinds of keys of an issuing CA. Those of ML-DSA are for logs that require it of clients. */
const KEY_TYPES: readonly CaAlgorithm[] = ['p256', 'p384', 'ed25519', ...ML_DSA_SETS];

interface RequestFlags {
  readonly data: string;
  readonly out: string;
  readonly next?: boolean;
  readonly key: CaAlgorithm;
}

function requestIntermediateCommand(ca: Command, run: RunServer): void {
  ca.command('request-intermediate')
    .description('write a certificate request for the issuing key of a data folder, for an offline root to sign')
    .requiredOption('--data <dir>', 'data folder that init created')
    .requiredOption('--out <file>', 'file to write the request to')
    .option('--next', 'request for the next issuing CA instead; its key is created if there is none')
    .addOption(new Option('--key <kind>', 'algorithm of that key').choices(KEY_TYPES).default('p256'))
    .addHelpText('after', '\nExample:\n  $ glasskey ca request-intermediate --data /srv/glasskey --out issuing.csr')
    .action((flags: RequestFlags) =>
      run(async () => {
        const { requestIntermediate, requestNext } = await loadInstall();
        const folder = new DataFolder(flags.data);
        const request = flags.next === true ? requestNext(folder, flags.key) : requestIntermediate(folder);
        await writeFileDurably(flags.out, await request);
        printLines(
          `wrote the certificate request to ${flags.out}`,
          '  Next: carry it to the offline machine and run `glasskey ca sign-intermediate`',
        );
        return EXIT.fine;
      }),
    );
}

interface InstallFlags {
  readonly data: string;
  readonly root: string;
  readonly json?: boolean;
}

function installIntermediateCommand(ca: Command, run: RunServer): void {
  ca.command('install-intermediate <certificate>')
    .description('install an issuing CA that an offline root signed, before the log has its first entry')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .requiredOption('--root <file>', 'certificate of the root')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey ca install-intermediate issuing.pem --root root.pem --data /srv/glasskey',
    )
    .action((file: string, flags: InstallFlags) => run(() => install(file, flags)));
}

async function install(file: string, flags: InstallFlags): Promise<number> {
  const { installIntermediate } = await loadInstall();
  const folder = new DataFolder(flags.data);
  const [certificate, root] = [await readInput(file), await readInput(flags.root)];
  const { bundle } = await installIntermediate(folder, certificate, root, Date.now());
  if (flags.json === true) printJson({ origin: bundle.origin, sequence: bundle.sequence, trust: folder.trust });
  else
    printLines(
      `installed the new CAs: trust bundle ${bundle.sequence} of ${bundle.origin} names them: ${folder.trust}`,
      `  Next: delete ${folder.key('root')}, which init created and nothing uses any more`,
    );
  return EXIT.fine;
}

interface NextFlags {
  readonly data: string;
  readonly after: string;
  readonly json?: boolean;
}

const AFTER = 'start of its signing, counted from now: by then every client must have the new trust bundle';

function installNextCommand(ca: Command, run: RunServer): void {
  ca.command('install-next <certificate>')
    .description('install the next issuing CA, signed by the root of the log; then reload the servers')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--after <duration>', AFTER, '1d')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca install-next issuing-2.pem --data /srv/glasskey')
    .action((file: string, flags: NextFlags) =>
      run(async () => {
        const { installNext } = await loadInstall();
        return printNext(await installNext(new DataFolder(flags.data), await readInput(file), timesOf(flags)), flags);
      }),
    );
}

function rollIssuerCommand(ca: Command, run: RunServer): void {
  ca.command('roll-issuer')
    .description('create and install the next issuing CA with the root key in the data folder')
    .requiredOption('--data <dir>', 'data folder, with keys/root.pem and keys/bundle.pem')
    .addOption(new Option('--key <kind>', 'key algorithm').choices(KEY_TYPES).default('p256'))
    .option('--years <n>', 'validity in years, never beyond that of the root', parseYears, 5)
    .option('--after <duration>', AFTER, '1d')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca roll-issuer --data /srv/glasskey')
    .action((flags: NextFlags & { readonly key: CaAlgorithm; readonly years: number }) =>
      run(async () => {
        const { rollIssuer } = await import('../../../server/roll-issuer.ts');
        const options = { kind: flags.key, years: flags.years, ...timesOf(flags) };
        return printNext(await rollIssuer(new DataFolder(flags.data), options), flags);
      }),
    );
}

function timesOf({ after }: NextFlags): { readonly nowMs: number; readonly signsFromMs: number } {
  const nowMs = Date.now();
  return { nowMs, signsFromMs: nowMs + parseDuration(after) };
}

function printNext(
  { name, bundle: { bundle } }: Awaited<ReturnType<Awaited<ReturnType<typeof loadInstall>>['installNext']>>,
  { json, data, after }: NextFlags,
): number {
  if (json === true) printJson({ name, origin: bundle.origin, sequence: bundle.sequence });
  else
    printLines(
      `installed ${name}: trust bundle ${bundle.sequence} of ${bundle.origin} names it`,
      `  Next: reload every server of ${data} (SIGHUP) before it starts to sign, ${after} from now`,
    );
  return EXIT.fine;
}
