import { type Command, Option } from 'commander';
import { REVOCATION_REASONS, type RevocationReason } from '../../contract/bodies.ts';
import { formatTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { fingerprint } from '../../contract/bundle-signature.ts';
import { Transport } from '../../client/transport.ts';
import { fetchBundle } from '../../client/trust.ts';
import type { KeyDirectory } from '../../client/key-directory.ts';
import { writeFileDurably } from '../../client/node.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { parseCertificate } from '../../ca/certificate.ts';
import { parsePemBlocks } from '../../ca/der/pem.ts';
import type { ClientKey } from '../../client/client-key.ts';
import { asUserInput, type ClientOptions, openDirectory, openIssuing, readInput } from '../client-options.ts';
import { CredentialFolder } from '../credentials/credentials.ts';
import { recordKnown, recordingFetch } from '../evidence.ts';
import {
  type CompanionOption,
  companionOption,
  type EvidenceOptions,
  evidenceOptions,
  prepareEvidence,
  readEvidence,
} from '../evidence-options.ts';
import { CertificateIsOver, EXIT } from '../exit-code.ts';
import { bindingJson, bindingLines, printJson, printLines } from '../output.ts';
import { printIssued } from '../credentials/print-issued.ts';
import { renew, type RenewOptions } from '../credentials/renew.ts';

interface JsonOption {
  readonly json?: boolean;
}

/** Runs a command; its result is the exit code. */
export type Run = (options: ClientOptions, work: () => Promise<number>) => Promise<void>;

/** A command of a client, with the options that all of them have. */
export function clientCommand(program: Command, usage: string, summary: string, example: string): Command {
  return program
    .command(usage)
    .description(summary)
    .requiredOption('--server <url>', 'URL of the server')
    .option(
      '--trust <file>',
      'trust bundle to hold the server to; default: the pinned one, else the first that is seen',
    )
    .option('--state <dir>', 'folder for what this client knows')
    .addHelpText('after', `\nExample:\n  $ ${example}`);
}

/** The commands of an end user: trust, register, rotate, renew, revoke. */
export function issuingCommands(program: Command, run: Run): void {
  program
    .command('trust')
    .description('fetch the trust bundle of a server and show its fingerprint')
    .requiredOption('--server <url>', 'URL of the server')
    .option('--out <file>', 'write the bundle to this file')
    .addHelpText('after', '\nExample:\n  $ glasskey trust --server https://keys.example --out trust.json')
    .action((options: ClientOptions & { out?: string }) =>
      run(options, async () => {
        const transport = new Transport({ server: options.server, fetch: recordingFetch, timeoutMs: 30_000 });
        const signed = await fetchBundle(transport);
        const text = formatTrustBundle(signed);
        if (options.out === undefined) printLines(text.trimEnd());
        else await writeFileDurably(options.out, text);
        process.stderr.write(`${signed.bundle.origin}: fingerprint ${fingerprint(signed.bundle)}\n`);
        return EXIT.fine;
      }),
    );

  const registering = clientCommand(
    program,
    'register <identity>',
    'register a key for an identity: the first with evidence (an application token, an ID token, an e-mailed code), a further one with the ' +
      'credentials of another',
    'glasskey register alice@example.com --server https://keys.example --token-file app.token --out alice',
  );
  evidenceOptions(registering)
    .option('--credentials <dir>', 'credentials of the identity, to add a further key')
    .requiredOption('--out <dir>', 'folder for key.pem and certificate.pem')
    .option('--csr <file>', 'PKCS#10 request of a key that you keep yourself')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RegisterOptions) => run(options, () => register(identity, options)));

  clientCommand(
    program,
    'rotate <identity>',
    'replace a key by a new one, signed by the old one',
    'glasskey rotate alice@example.com --server https://keys.example --credentials alice --out alice2',
  )
    .requiredOption('--credentials <dir>', 'the key to be replaced')
    .requiredOption('--out <dir>', 'folder for the new key and its certificate')
    .addOption(companionOption())
    .option('--json', 'print the result as JSON')
    .action(
      (
        identity: string,
        options: ClientOptions & JsonOption & CompanionOption & { credentials: string; out: string },
      ) =>
        run(options, async () => {
          const directory = await openIssuing(options);
          const folder = new CredentialFolder(options.out);
          const old = await new CredentialFolder(options.credentials).key();
          const key = await folder.prepareKey();
          assertAnother(key, old, options);
          const csr = await folder.prepareRequest(directory.identity(identity), key, options.companion);
          const issued = await directory.rotate(identity, old, key, csr);
          await folder.writeCertificate(issued);
          return printIssued(issued.binding, folder, options);
        }),
    );

  clientCommand(
    program,
    'renew <identity>',
    'ask for a new certificate of the same key',
    'glasskey renew alice@example.com --server https://keys.example --credentials alice',
  )
    .requiredOption('--credentials <dir>', 'the key; its certificate.pem is replaced')
    .option('--daemon', 'stay, and renew in time: after two thirds of the validity')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RenewOptions) => run(options, () => renew(identity, options)));

  clientCommand(
    program,
    'revoke <identity>',
    'revoke a certificate, signed by a key of the identity',
    'glasskey revoke alice@example.com --server https://keys.example --credentials alice --reason keyCompromise',
  )
    .requiredOption('--credentials <dir>', 'a key of the identity')
    .option('--serial <hex>', 'serial of the certificate; default: the one in the credentials')
    .option('--all', 'every certificate of the identity')
    .addOption(new Option('--reason <name>', 'reason').choices(Object.keys(REVOCATION_REASONS)).default('unspecified'))
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RevokeOptions) => run(options, () => revoke(identity, options)));
}

interface RegisterOptions extends EvidenceOptions {
  readonly credentials?: string;
}

async function register(identity: string, options: RegisterOptions): Promise<number> {
  const prepared = await prepareEvidence(identity, options);
  if (prepared !== undefined) return prepared;
  const { tokenFile, oidcTokenFile } = options;
  const ways = [tokenFile, oidcTokenFile, options.emailCode, options.credentials].filter((one) => one !== undefined);
  ensure(
    ways.length === 1,
    'usage',
    'one of --token-file, --oidc-token-file, --email-code and --credentials is needed',
  );
  ensure(
    options.credentials === undefined || options.csr === undefined,
    'usage',
    '--csr does not go with --credentials',
  );
  const directory = await openIssuing(options);
  const folder = new CredentialFolder(options.out);
  const canonical = directory.identity(identity);
  const credentials =
    options.credentials === undefined ? undefined : await new CredentialFolder(options.credentials).key();
  const key = options.csr === undefined ? await folder.prepareKey() : undefined;
  if (key !== undefined && credentials !== undefined) assertAnother(key, credentials, options);
  const csr =
    key === undefined
      ? await readInput(options.csr as string)
      : await folder.prepareRequest(canonical, key, options.companion);
  const evidence = await readEvidence(options, folder);
  const issued = await directory.register(identity, { ...evidence, credentials, key, csr });
  await folder.writeCertificate(issued);
  return printIssued(issued.binding, folder, options);
}

/** Throws `usage` where the folder for the new key holds the one that signs for it. */
function assertAnother(key: ClientKey, signer: ClientKey, { out }: { readonly out: string }): void {
  const isAnother = !equalBytes(key.spki, signer.spki);
  ensure(isAnother, 'usage', `${out} holds the key of the credentials: name another folder for the new key`);
}

interface RevokeOptions extends ClientOptions, JsonOption {
  readonly credentials: string;
  readonly serial?: string;
  readonly all?: boolean;
  readonly reason: RevocationReason;
}

async function revoke(identity: string, options: RevokeOptions): Promise<number> {
  const folder = new CredentialFolder(options.credentials);
  const key = await folder.key();
  ensure(options.all !== true || options.serial === undefined, 'usage', 'either --all or --serial');
  const serial = (options.serial ?? (await folder.serial())).toLowerCase().replaceAll(':', '');
  ensure(/^(?:[0-9a-f]{2}){1,20}$/.test(serial), 'usage', 'a serial is hexadecimal');
  const directory = await openIssuing(options);
  const serials = options.all === true ? await serialsOf(directory, identity) : [serial];
  const binding = await directory.revoke(identity, key, { serials, reason: options.reason });
  if (options.json === true) printJson({ revoked: serials, ...bindingJson(binding) });
  else printLines(`revoked ${serials.join(' ')}`, ...bindingLines(binding));
  return EXIT.fine;
}

/** Serials of every certificate of the current record. Throws `identity-not-found`. */
async function serialsOf(directory: KeyDirectory, identity: string): Promise<readonly string[]> {
  const result = await directory.lookup(identity);
  if (!result.found) throw new GlasskeyError('identity-not-found', `${identity} is not registered`);
  return [...result.binding.certificates, ...result.binding.expired].map(({ serial }) => serial);
}

/** The commands of who relies on the log, beside lookup: verify. */
export function relyingCommands(program: Command, run: Run): void {
  clientCommand(
    program,
    'verify <certificate>',
    'verify that a certificate (PEM file) is in the current record of the identity that it names',
    'glasskey verify bob.pem --server https://keys.example',
  )
    .option('--json', 'print the result as JSON')
    .action((file: string, options: ClientOptions & JsonOption) =>
      run(options, async () => {
        const pem = await readInput(file);
        const blocks = await asUserInput(file, () => parsePemBlocks('CERTIFICATE', pem));
        ensure(blocks.length > 0, 'usage', `${file} holds no certificate in PEM`);
        recordKnown({ certificate: pem });
        const directory = await openDirectory(options);
        const binding = await directory.verifyCertificate(pem).catch((error: unknown) => {
          throw isGlasskeyError(error, 'certificate-expired') && isOver(blocks[0])
            ? new CertificateIsOver(error)
            : error;
        });
        if (options.json === true) printJson({ verified: true, ...bindingJson(binding) });
        else printLines('verified: the certificate is in the current record', ...bindingLines(binding));
        return EXIT.fine;
      }),
    );
}

/** Tells an expired certificate from one that is not valid yet, which a slow clock shows as well. */
function isOver(der: Uint8Array | undefined): boolean {
  return der !== undefined && parseCertificate(der).notAfterMs < Date.now();
}
