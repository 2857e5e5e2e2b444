import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatPem } from '../../ca/der/pem.ts';
import { writeFileDurably } from '../../client/node.ts';
import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { readInput } from '../client-options.ts';
import { parseDuration } from '../../server/settings/duration.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output.ts';
import { DataFolder } from '../../server/data-folder.ts';
import type { RunServer } from './run-command.ts';

const loadRoot = () => import('../../server/root-folder.ts');
const loadInstall = () => import('../../server/install-issuer.ts');

interface Json {
  readonly json?: boolean;
}

/** `ca create-root|request-intermediate|sign-intermediate|install-intermediate`: an offline root, by exchange of files. */
export function ceremonyCommands(ca: Command, run: RunServer): void {
  ca.command('create-root')
    .description('make an offline root CA in a folder of its own')
    .requiredOption('--out <dir>', 'folder to make; it stays on a machine without a network')
    .requiredOption('--name <name>', 'common name')
    .addOption(new Option('--key <kind>', 'kind of key').choices(['p256', 'p384', 'ed25519']).default('p384'))
    .option('--years <n>', 'validity', parseYears, 20)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca create-root --out /media/root --name "Example Root CA"')
    .action((flags: Json & { out: string; name: string; key: SignerAlgorithm; years: number }) =>
      run(async () => {
        const { RootFolder } = await loadRoot();
        const folder = new RootFolder(flags.out);
        const { serial, notAfterMs } = await folder.create(flags.name, flags.key, flags.years, Date.now());
        const until = new Date(notAfterMs).toISOString();
        if (flags.json === true) printJson({ certificate: folder.certificate, serial, notAfter: until });
        else printLines(`made the root ${serial}, valid until ${until}: ${folder.certificate}`);
        return EXIT.fine;
      }),
    );

  ca.command('request-intermediate')
    .description('write a request of the issuing key of a data folder, for an offline root')
    .requiredOption('--data <dir>', 'data folder that init made')
    .requiredOption('--out <file>', 'file for the request')
    .option('--next', 'of the issuing CA that is to follow, whose key is made where it is missing')
    .addOption(new Option('--key <kind>', 'kind of that key').choices(['p256', 'p384', 'ed25519']).default('p256'))
    .addHelpText('after', '\nExample:\n  $ glasskey ca request-intermediate --data /srv/glasskey --out issuing.csr')
    .action((flags: { data: string; out: string; next?: boolean; key: SignerAlgorithm }) =>
      run(async () => {
        const { requestIntermediate, requestNext } = await loadInstall();
        const folder = new DataFolder(flags.data);
        const request = flags.next === true ? requestNext(folder, flags.key) : requestIntermediate(folder);
        await writeFileDurably(flags.out, await request);
        printLines(`request written to ${flags.out}`);
        return EXIT.fine;
      }),
    );

  ca.command('sign-intermediate <request>')
    .description('sign an issuing CA with an offline root')
    .requiredOption('--root <dir>', 'folder of the root')
    .requiredOption('--name <name>', 'common name of the issuing CA')
    .requiredOption('--out <file>', 'file for the certificate')
    .option('--years <n>', 'validity, never longer than the root', parseYears, 5)
    .option(
      '--permit-email <domain>',
      'only mail addresses of this host, or below .domain; can be repeated',
      collect,
      [],
    )
    .option('--permit-uri <domain>', 'only URIs of this host, or below .domain; can be repeated', collect, [])
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey ca sign-intermediate issuing.csr --root /media/root --name "Example Issuing CA 1" --out issuing.pem',
    )
    .action((file: string, flags: SignFlags) => run(() => signRequest(file, flags)));

  ca.command('install-next <certificate>')
    .description('install the issuing CA that is to follow, signed by the root of the log; then reload the servers')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--after <duration>', 'when it begins to sign: clients must have the new trust bundle by then', '1d')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca install-next issuing-2.pem --data /srv/glasskey')
    .action((file: string, flags: NextFlags) =>
      run(async () => {
        const { installNext } = await loadInstall();
        return printNext(await installNext(new DataFolder(flags.data), await readInput(file), timesOf(flags)), flags);
      }),
    );

  ca.command('roll-issuer')
    .description('make and install the issuing CA that is to follow, with the root key of the folder')
    .requiredOption('--data <dir>', 'data folder, with keys/root.pem and keys/bundle.pem')
    .addOption(new Option('--key <kind>', 'kind of its key').choices(['p256', 'p384', 'ed25519']).default('p256'))
    .option('--years <n>', 'validity, never longer than the root', parseYears, 5)
    .option('--after <duration>', 'when it begins to sign: clients must have the new trust bundle by then', '1d')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca roll-issuer --data /srv/glasskey')
    .action((flags: NextFlags & { key: SignerAlgorithm; years: number }) =>
      run(async () => {
        const { rollIssuer } = await import('../../server/roll-issuer.ts');
        const options = { kind: flags.key, years: flags.years, ...timesOf(flags) };
        return printNext(await rollIssuer(new DataFolder(flags.data), options), flags);
      }),
    );

  ca.command('install-intermediate <certificate>')
    .description('put an issuing CA that an offline root signed into a data folder, before its log has begun')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .requiredOption('--root <file>', 'certificate of the root')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey ca install-intermediate issuing.pem --root root.pem --data /srv/glasskey',
    )
    .action((file: string, flags: Json & { data: string; root: string }) =>
      run(async () => {
        const { installIntermediate } = await loadInstall();
        const folder = new DataFolder(flags.data);
        const { bundle } = await installIntermediate(
          folder,
          await readInput(file),
          await readInput(flags.root),
          Date.now(),
        );
        if (flags.json === true) printJson({ origin: bundle.origin, sequence: bundle.sequence, trust: folder.trust });
        else
          printLines(
            `trust bundle ${bundle.sequence} of ${bundle.origin} has the new CAs: ${folder.trust}`,
            `  ${folder.key('root')}, which init made, is of no more use: delete it`,
          );
        return EXIT.fine;
      }),
    );
}

interface NextFlags extends Json {
  readonly data: string;
  readonly after: string;
}

function timesOf({ after }: NextFlags): { readonly nowMs: number; readonly signsFromMs: number } {
  const nowMs = Date.now();
  return { nowMs, signsFromMs: nowMs + parseDuration(after) };
}

function printNext(
  { name, bundle: { bundle } }: Awaited<ReturnType<Awaited<ReturnType<typeof loadInstall>>['installNext']>>,
  { json, data }: NextFlags,
): number {
  if (json === true) printJson({ name, origin: bundle.origin, sequence: bundle.sequence });
  else
    printLines(
      `trust bundle ${bundle.sequence} of ${bundle.origin} has ${name}`,
      `  reload every server of ${data} (SIGHUP) before it begins to sign`,
    );
  return EXIT.fine;
}

interface SignFlags extends Json {
  readonly root: string;
  readonly name: string;
  readonly out: string;
  readonly years: number;
  readonly permitEmail: readonly string[];
  readonly permitUri: readonly string[];
}

async function signRequest(file: string, flags: SignFlags): Promise<number> {
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
  else printLines(`signed the issuing CA ${serial}, valid until ${until}: ${flags.out}`);
  return EXIT.fine;
}

function parseYears(text: string): number {
  const years = Number(text);
  if (!/^\d{1,2}$/.test(text) || years < 1) throw new InvalidArgumentError('a number of years from 1 to 99');
  return years;
}

function collect(value: string, known: readonly string[]): readonly string[] {
  return [...known, value];
}
