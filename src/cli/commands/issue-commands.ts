import type { Command } from 'commander';
import type { ClientKey } from '../../client/client-key.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { readInput } from '../../server/user-input.ts';
import { CredentialFolder } from '../credentials/credentials.ts';
import { renew, type RenewOptions } from '../credentials/renew.ts';
import {
  type CompanionOption,
  companionOption,
  type EvidenceOptions,
  evidenceOptions,
  type KeyTypeOption,
  keyTypeOption,
  prepareEvidence,
  readEvidence,
} from '../evidence-options.ts';
import { clientCommand, type RunClient } from './run-command.ts';
import { printIssued } from '../output/binding-output.ts';

/** `register|rotate|renew`: the commands that return a certificate. */
export function issueCommands(program: Command, run: RunClient): void {
  const registering = clientCommand(
    program,
    'register <identity>',
    'register a key for an identity: the first one with evidence (an application token, an ID token, a registration\n' +
      'grant or an e-mailed code), a further one with the credentials of an earlier key',
    'glasskey register alice@example.com --server https://keys.example --token-file app.token --out alice',
  );
  evidenceOptions(registering)
    .option('--grant-file <file>', 'registration grant that the application gave for the identity')
    .option('--credentials <dir>', 'folder of an earlier key of the identity, to add a further one')
    .requiredOption('--out <dir>', 'folder for key.pem and certificate.pem')
    .option('--csr <file>', 'PKCS#10 request of a key that you keep yourself')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RegisterOptions) => run(options, () => register(identity, options)));

  clientCommand(
    program,
    'rotate <identity>',
    'replace a key by a new one; the old key signs the change',
    'glasskey rotate alice@example.com --server https://keys.example --credentials alice --out alice2',
  )
    .requiredOption('--credentials <dir>', 'folder of the key to replace')
    .requiredOption('--out <dir>', 'folder for the new key and its certificate')
    .addOption(keyTypeOption())
    .addOption(companionOption())
    .option('--drop-companions', 'let the companion keys of the old key go; default: the new key keeps them')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RotateOptions) => run(options, () => rotate(identity, options)));

  clientCommand(
    program,
    'renew <identity>',
    'renew the certificate of a key',
    'glasskey renew alice@example.com --server https://keys.example --credentials alice',
  )
    .requiredOption('--credentials <dir>', 'folder of the key; its certificate.pem is replaced')
    .option('--daemon', 'keep running, and renew whenever two thirds of the validity have passed')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RenewOptions) => run(options, () => renew(identity, options)));
}

interface RegisterOptions extends EvidenceOptions {
  readonly credentials?: string;
}

async function register(identity: string, options: RegisterOptions): Promise<number> {
  const prepared = await prepareEvidence(identity, options);
  if (prepared !== undefined) return prepared;
  const { tokenFile, oidcTokenFile, grantFile, emailCode, credentials: signer } = options;
  const ways = [tokenFile, oidcTokenFile, grantFile, emailCode, signer].filter((one) => one !== undefined);
  const all = '--token-file, --oidc-token-file, --grant-file, --email-code and --credentials';
  ensure(ways.length === 1, 'usage', `give exactly one of ${all}`);
  ensure(
    options.credentials === undefined || options.csr === undefined,
    'usage',
    '--csr and --credentials exclude each other: leave one out',
  );
  const directory = await openDirectory(options);
  const folder = new CredentialFolder(options.out);
  const canonical = directory.identity(identity);
  const credentials =
    options.credentials === undefined ? undefined : await new CredentialFolder(options.credentials).key();
  const key = options.csr === undefined ? await folder.prepareKey(options.keyType) : undefined;
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

/** Throws `usage` if the folder for the new key holds the key that signs for it. */
function assertAnother(key: ClientKey, signer: ClientKey, { out }: { readonly out: string }): void {
  const isAnother = !equalBytes(key.spki, signer.spki);
  ensure(isAnother, 'usage', `${out} holds the key of --credentials: name another folder for the new key with --out`);
}

interface RotateOptions extends ClientOptions, CompanionOption, KeyTypeOption {
  readonly credentials: string;
  readonly out: string;
  readonly dropCompanions?: boolean;
  readonly json?: boolean;
}

async function rotate(identity: string, options: RotateOptions): Promise<number> {
  const directory = await openDirectory(options);
  const folder = new CredentialFolder(options.out);
  const former = new CredentialFolder(options.credentials);
  const old = await former.key();
  const key = await folder.prepareKey(options.keyType);
  assertAnother(key, old, options);
  const { companion, dropCompanions } = options;
  const kept = dropCompanions === true ? undefined : former;
  const csr = await folder.prepareRequest(directory.identity(identity), key, companion, kept);
  const issued = await directory.rotate(identity, old, key, { csr, dropCompanions });
  await folder.writeCertificate(issued);
  return printIssued(issued.binding, folder, options);
}
