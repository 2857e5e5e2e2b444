import { type Command, Option } from 'commander';
import { formatPem } from '../../../ca/der/pem.ts';
import { writeFileDurably } from '../../../client/node.ts';
import type { SignerAlgorithm } from '../../../core/crypto/signer.ts';
import { readInput } from '../../../server/user-input.ts';
import { EXIT } from '../../exit-code.ts';
import { parseYears } from '../../number-option.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';

const loadRoot = () => import('../../../server/root-folder.ts');

/** `ca create-root|sign-intermediate`: the commands of the offline machine that keeps the root key. */
export function offlineRootCommands(ca: Command, run: RunServer): void {
  createRootCommand(ca, run);
  signIntermediateCommand(ca, run);
}

interface RootFlags {
  readonly out: string;
  readonly name: string;
  readonly key: SignerAlgorithm;
  readonly years: number;
  readonly json?: boolean;
}

function createRootCommand(ca: Command, run: RunServer): void {
  ca.command('create-root')
    .description('create an offline root CA in a folder of its own')
    .requiredOption('--out <dir>', 'folder to create; keep it on a machine without a network')
    .requiredOption('--name <name>', 'common name of the root')
    .addOption(new Option('--key <kind>', 'key algorithm').choices(['p256', 'p384', 'ed25519']).default('p384'))
    .option('--years <n>', 'validity in years', parseYears, 20)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca create-root --out /media/root --name "Example Root CA"')
    .action((flags: RootFlags) => run(() => createRoot(flags)));
}

async function createRoot(flags: RootFlags): Promise<number> {
  const { RootFolder } = await loadRoot();
  const folder = new RootFolder(flags.out);
  const { serial, notAfterMs } = await folder.create(flags.name, flags.key, flags.years, Date.now());
  const until = new Date(notAfterMs).toISOString();
  if (flags.json === true) printJson({ certificate: folder.certificate, serial, notAfter: until });
  else
    printLines(
      `created root ${serial}, valid until ${until}: ${folder.certificate}`,
      '  Next: `glasskey ca request-intermediate` on the server, then `glasskey ca sign-intermediate` here',
    );
  return EXIT.fine;
}

interface SignFlags {
  readonly root: string;
  readonly name: string;
  readonly out: string;
  readonly years: number;
  readonly permitEmail: readonly string[];
  readonly permitUri: readonly string[];
  readonly json?: boolean;
}

function signIntermediateCommand(ca: Command, run: RunServer): void {
  ca.command('sign-intermediate <request>')
    .description('sign the certificate of an issuing CA with an offline root')
    .requiredOption('--root <dir>', 'folder of the root')
    .requiredOption('--name <name>', 'common name of the issuing CA')
    .requiredOption('--out <file>', 'file to write the certificate to')
    .option('--years <n>', 'validity in years, never beyond that of the root', parseYears, 5)
    .option('--permit-email <domain>', 'permit only mail addresses at this host, or below .domain; repeatable', add, [])
    .option('--permit-uri <domain>', 'permit only URIs at this host, or below .domain; repeatable', add, [])
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey ca sign-intermediate issuing.csr --root /media/root --name "Example Issuing CA 1" ' +
        '--out issuing.pem',
    )
    .action((file: string, flags: SignFlags) => run(() => signIntermediate(file, flags)));
}

function add(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

async function signIntermediate(file: string, flags: SignFlags): Promise<number> {
  const { RootFolder } = await loadRoot();
  const certificate = await new RootFolder(flags.root).signIntermediate(await readInput(file), {
    commonName: flags.name,
    years: flags.years,
    permitted: { email: flags.permitEmail, uri: flags.permitUri },
    nowMs: Date.now(),
  });
  await writeFileDurably(flags.out, formatPem('CERTIFICATE', certificate.der));
  const { serial, notAfterMs } = certificate;
  const until = new Date(notAfterMs).toISOString();
  if (flags.json === true) printJson({ certificate: flags.out, serial, notAfter: until });
  else
    printLines(
      `signed issuing CA ${serial}, valid until ${until}: ${flags.out}`,
      '  Next: on the server, `glasskey ca install-intermediate` (new log) or `glasskey ca install-next` (running log)',
    );
  return EXIT.fine;
}
