import { type Command, InvalidArgumentError, Option } from 'commander';
import { COMPANION_KINDS, type CompanionKind } from '../ca/companion-secret.ts';
import { csrKeys } from '../ca/csr/csr-keys.ts';
import { oidcNonce } from '../client/client-key.ts';
import { MAX_ID_TOKEN_CHARACTERS } from '../contract/limits.ts';
import { ensure } from '../core/errors.ts';
import { type ClientOptions, openIssuing, readInput } from './client-options.ts';
import { CredentialFolder } from './credentials/credentials.ts';
import { EXIT } from './exit-code.ts';
import { printJson, printLines } from './output.ts';

/** Which companion keys are made with a key. */
export interface CompanionOption {
  readonly companion?: readonly CompanionKind[];
}

/** The option that reads {@link CompanionOption}. */
export function companionOption(): Option {
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

/** Options of commands whose user shows that an identity is theirs. */
export interface EvidenceOptions extends ClientOptions, CompanionOption {
  readonly tokenFile?: string;
  readonly oidcNonce?: boolean;
  readonly oidcTokenFile?: string;
  readonly email?: boolean;
  readonly emailCode?: string;
  readonly out: string;
  readonly csr?: string;
  readonly json?: boolean;
}

/** Adds {@link EvidenceOptions} to a command. */
export function evidenceOptions(command: Command): Command {
  return command
    .option('--token-file <file>', 'application token that vouches for the identity')
    .option('--oidc-nonce', 'make the key and print the nonce that an ID token for it must have')
    .option('--oidc-token-file <file>', 'ID token of an OpenID provider that vouches for the identity')
    .option('--email', 'make the key and have a code sent to the address')
    .option('--email-code <code>', 'the code that was sent')
    .addOption(companionOption());
}

/** What a command was given that vouches for an identity. */
export interface GivenEvidence {
  readonly token: string | undefined;
  readonly idToken: string | undefined;
  readonly email: { readonly challenge: string; readonly code: string } | undefined;
}

/** Reads what was given. Throws `usage` for a file that holds no token, and for a code that nobody asked for. */
export async function readEvidence(options: EvidenceOptions, folder: CredentialFolder): Promise<GivenEvidence> {
  const { tokenFile, oidcTokenFile, emailCode: code } = options;
  return {
    token: await readToken(tokenFile, 512),
    idToken: await readToken(oidcTokenFile, MAX_ID_TOKEN_CHARACTERS),
    email: code === undefined ? undefined : { challenge: await folder.challenge(), code },
  };
}

/** What a file holds, if one was named, as one word. */
async function readToken(file: string | undefined, maximum: number): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const token = (await readInput(file)).trim();
  ensure(/^[\x21-\x7e]+$/.test(token) && token.length <= maximum, 'usage', `${file} does not hold a token`);
  return token;
}

/** Prepares evidence, where that is what was asked for: has a code sent, or prints a nonce. Undefined where it was not. */
export async function prepareEvidence(identity: string, options: EvidenceOptions): Promise<number | undefined> {
  ensure(
    options.companion === undefined || options.csr === undefined,
    'usage',
    '--companion does not go with --csr, which says itself what it asks for',
  );
  if (options.oidcNonce === true) return printNonce(options);
  return options.email === true ? requestCode(identity, options) : undefined;
}

/** Makes the key that is going to be certified, and has a code for it sent. */
async function requestCode(identity: string, options: EvidenceOptions): Promise<number> {
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

/** Makes the key that is going to be certified, for which an ID token has to be asked. */
async function printNonce({ out, csr, json }: EvidenceOptions): Promise<number> {
  const spki =
    csr === undefined ? (await new CredentialFolder(out).prepareKey()).spki : csrKeys(await readInput(csr)).spki;
  const nonce = oidcNonce({ spki });
  if (json === true) printJson({ nonce });
  else printLines(nonce);
  return EXIT.fine;
}
