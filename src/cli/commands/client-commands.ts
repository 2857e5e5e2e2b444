import { type Command, InvalidArgumentError, Option } from 'commander';
import { REVOCATION_REASONS, type RevocationReason } from '../../contract/bodies.ts';
import { formatTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { fingerprint } from '../../contract/bundle-signature.ts';
import { Transport } from '../../client/transport.ts';
import { fetchBundle } from '../../client/trust.ts';
import type { KeyDirectory } from '../../client/key-directory.ts';
import { oidcNonce } from '../../client/oidc-nonce.ts';
import { MAX_ID_TOKEN_CHARACTERS } from '../../contract/limits.ts';
import { writeFileDurably } from '../../client/node.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { csrKeys } from '../../ca/csr-keys.ts';
import { parseCertificate } from '../../ca/certificate.ts';
import { parsePemBlocks } from '../../ca/pem.ts';
import type { ClientKey } from '../../client/client-key.ts';
import { asUserInput, type ClientOptions, openDirectory, openIssuing, readInput } from '../client-options.ts';
import { CredentialFolder } from '../credentials.ts';
import { COMPANION_KINDS, type CompanionKind } from '../../ca/companion-secret.ts';
import { recordKnown, recordingFetch } from '../evidence.ts';
import { CertificateIsOver, EXIT, reportFailure } from '../exit-code.ts';
import { bindingJson, bindingLines, isErased, printJson, printLines, versionJson, versionLines } from '../output.ts';
import { reportEnd } from '../report-end.ts';
import { printIssued } from '../print-issued.ts';
import { renew, type RenewOptions } from '../renew.ts';

interface JsonOption {
  readonly json?: boolean;
}

/** Runs a command; its result is the exit code. */
export type Run = (options: ClientOptions, work: () => Promise<number>) => Promise<void>;

function clientCommand(program: Command, usage: string, summary: string, example: string): Command {
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

  clientCommand(
    program,
    'register <identity>',
    'register a key for an identity: the first with evidence (an application token, an ID token, an e-mailed code), a further one with the ' +
      'credentials of another',
    'glasskey register alice@example.com --server https://keys.example --token-file app.token --out alice',
  )
    .option('--token-file <file>', 'application token that vouches for the identity')
    .option('--oidc-nonce', 'make the key and print the nonce that an ID token for it must have')
    .option('--oidc-token-file <file>', 'ID token of an OpenID provider that vouches for the identity')
    .option('--email', 'make the key and have a code sent to the address')
    .option('--email-code <code>', 'the code that was sent')
    .option('--credentials <dir>', 'credentials of the identity, to add a further key')
    .requiredOption('--out <dir>', 'folder for key.pem and certificate.pem')
    .addOption(companionOption())
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

interface CompanionOption {
  readonly companion?: readonly CompanionKind[];
}

function companionOption(): Option {
  return new Option(
    '--companion <kinds>',
    `make keys for encryption too, certified with the key: ${COMPANION_KINDS.join(',')}`,
  ).argParser((text) => text.split(',').map(companionKind));
}

function companionKind(text: string): CompanionKind {
  const kind = COMPANION_KINDS.find((one) => one === text);
  if (kind === undefined) throw new InvalidArgumentError(`one or more of ${COMPANION_KINDS.join(',')}`);
  return kind;
}

interface RegisterOptions extends ClientOptions, JsonOption, CompanionOption {
  readonly tokenFile?: string;
  readonly oidcNonce?: boolean;
  readonly oidcTokenFile?: string;
  readonly email?: boolean;
  readonly emailCode?: string;
  readonly credentials?: string;
  readonly out: string;
  readonly csr?: string;
}

async function register(identity: string, options: RegisterOptions): Promise<number> {
  const { tokenFile, oidcTokenFile, oidcNonce: asksNonce = false } = options;
  if (asksNonce) return printNonce(options);
  if (options.email === true) return requestCode(identity, options);
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
  ensure(
    options.companion === undefined || options.csr === undefined,
    'usage',
    '--companion does not go with --csr, which says itself what it asks for',
  );
  const token = await readToken(tokenFile, 512);
  const idToken = await readToken(oidcTokenFile, MAX_ID_TOKEN_CHARACTERS);
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
  const code = options.emailCode;
  const email = code === undefined ? undefined : { challenge: await folder.challenge(), code };
  const issued = await directory.register(identity, { token, idToken, email, credentials, key, csr });
  await folder.writeCertificate(issued);
  return printIssued(issued.binding, folder, options);
}

/** What a file holds, if one was named, as one word. */
async function readToken(file: string | undefined, maximum: number): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const token = (await readInput(file)).trim();
  ensure(/^[\x21-\x7e]+$/.test(token) && token.length <= maximum, 'usage', `${file} does not hold a token`);
  return token;
}

/** Makes the key that is going to be registered, and has a code for it sent. */
async function requestCode(identity: string, options: RegisterOptions): Promise<number> {
  const directory = await openIssuing(options);
  const folder = new CredentialFolder(options.out);
  const request = async () =>
    folder.prepareRequest(directory.identity(identity), await folder.prepareKey(), options.companion);
  const csr = options.csr === undefined ? await request() : await readInput(options.csr);
  const { challenge, expiresInSeconds } = await directory.requestEmailCode(identity, { csr });
  await folder.writeChallenge(challenge);
  if (options.json === true) printJson({ challenge, expiresInSeconds });
  else printLines(`a code was sent; it is valid for ${Math.floor(expiresInSeconds / 60)} minutes: --email-code <code>`);
  return EXIT.fine;
}

/** Makes the key that is going to be registered, for which an ID token has to be asked. */
async function printNonce({ out, csr, json }: RegisterOptions): Promise<number> {
  const spki =
    csr === undefined ? (await new CredentialFolder(out).prepareKey()).spki : csrKeys(await readInput(csr)).spki;
  const nonce = oidcNonce({ spki });
  if (json === true) printJson({ nonce });
  else printLines(nonce);
  return EXIT.fine;
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

/** The commands of who relies on the log: lookup, verify, audit. */
export function relyingCommands(program: Command, run: Run): void {
  clientCommand(
    program,
    'lookup <identity>',
    'look an identity up: its verified certificates, or a proof that it has none (exit 3)',
    'glasskey lookup bob@example.com --server https://keys.example',
  )
    .option('--version <n>', 'this version instead of the greatest one', parseVersion)
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: ClientOptions & JsonOption & { readonly version?: number }) =>
      run(options, async () => {
        const directory = await openDirectory(options);
        if (options.version !== undefined) return lookupVersion(directory, identity, options.version, options);
        const result = await directory.lookup(identity);
        await reportEnd(directory);
        if (!result.found) {
          const { treeSize } = result;
          if (options.json === true) printJson({ identity: result.identity, found: false, treeSize });
          else printLines(`${result.identity}: proved not to exist in the log of ${treeSize} entries`);
          return EXIT.absent;
        }
        if (options.json === true) printJson(bindingJson(result.binding));
        else printLines(...bindingLines(result.binding));
        if (!isErased(result.binding)) return EXIT.fine;
        reportFailure(new GlasskeyError('erased', `${result.binding.identity} was erased by the authority`));
        return EXIT.refused;
      }),
    );

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

/** Shows one version of an identity. */
async function lookupVersion(
  directory: KeyDirectory,
  identity: string,
  version: number,
  { json }: JsonOption,
): Promise<number> {
  const found = await directory.lookupVersion(identity, version).catch((error: unknown) => {
    if (isGlasskeyError(error, 'search-not-found')) return undefined;
    throw error;
  });
  if (found === undefined) {
    process.stderr.write(`glasskey: the server shows no version ${version} of ${identity}, and proves nothing of it\n`);
    return EXIT.refused;
  }
  if (json === true) printJson(versionJson(found));
  else printLines(...versionLines(found));
  return EXIT.fine;
}

function parseVersion(text: string): number {
  const version = Number(text);
  const isOne = /^\d{1,10}$/.test(text) && version < 2 ** 32;
  if (!isOne) throw new InvalidArgumentError('a version is a number from 0 to 4294967295');
  return version;
}

/** Tells an expired certificate from one that is not valid yet, which a slow clock shows as well. */
function isOver(der: Uint8Array | undefined): boolean {
  return der !== undefined && parseCertificate(der).notAfterMs < Date.now();
}
