import { type Command, InvalidArgumentError, Option } from 'commander';
import { COMPANION_KINDS, type CompanionKind } from '../ca/companion-secret.ts';
import { csrKeys } from '../ca/csr/csr-keys.ts';
import { oidcNonce } from '../client/client-key.ts';
import type { NewKeyType } from '../client/keys/private-key.ts';
import { MAX_GRANT_CHARACTERS, MAX_ID_TOKEN_CHARACTERS } from '../contract/input-sizes.ts';
import { ML_DSA_SETS } from '../core/crypto/ml-dsa-sets.ts';
import { ensure } from '../core/errors.ts';
import type { ClientOptions } from './client-options.ts';
import { openDirectory } from './open-directory.ts';
import { readInput } from '../server/user-input.ts';
import { CredentialFolder } from './credentials/credentials.ts';
import { EXIT } from './exit-code.ts';
import { printJson, printLines } from './output/print.ts';

/** The companion keys to create with a key. */
export interface CompanionOption {
  readonly companion?: readonly CompanionKind[];
}

/** Returns the option that fills {@link CompanionOption}. */
export function companionOption(): Option {
  return new Option(
    '--companion <kinds>',
    `also create keys for encryption, certified with the key: ${COMPANION_KINDS.join(',')}`,
  ).argParser((text) => text.split(',').map(companionKind));
}

function companionKind(text: string): CompanionKind {
  const kind = COMPANION_KINDS.find((one) => one === text);
  if (kind === undefined) throw new InvalidArgumentError(`give one or more of ${COMPANION_KINDS.join(',')}`);
  return kind;
}

/** The kinds of keys that the program makes, the default one first. */
const KEY_TYPES: readonly NewKeyType[] = ['p256', 'ed25519', ...ML_DSA_SETS];

/** The option of a command that makes a signing key. */
export interface KeyTypeOption {
  readonly keyType?: NewKeyType;
}

/** Returns the option that fills {@link KeyTypeOption}. */
export function keyTypeOption(): Option {
  return new Option('--key-type <kind>', 'kind of the new key; default: p256').choices(KEY_TYPES);
}

/** The options of a command whose user proves that an identity is theirs. */
export interface EvidenceOptions extends ClientOptions, CompanionOption, KeyTypeOption {
  readonly tokenFile?: string;
  readonly oidcNonce?: boolean;
  readonly oidcTokenFile?: string;
  readonly grantFile?: string;
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
    .option('--oidc-nonce', 'only create the key, and print the nonce that an ID token for it must have')
    .option('--oidc-token-file <file>', 'ID token of an OpenID provider that vouches for the identity')
    .option('--email', 'only create the key, and have a code sent to the address')
    .option('--email-code <code>', 'the code from that e-mail')
    .addOption(keyTypeOption())
    .addOption(companionOption());
}

/** The evidence for an identity that a command was given. */
export interface GivenEvidence {
  readonly token: string | undefined;
  readonly idToken: string | undefined;
  readonly grant: string | undefined;
  readonly email: { readonly challenge: string; readonly code: string } | undefined;
}

/**
 * Reads the evidence. Throws `usage` for a file without a token, and for a code if none was requested with this key.
 */
export async function readEvidence(options: EvidenceOptions, folder: CredentialFolder): Promise<GivenEvidence> {
  const { tokenFile, oidcTokenFile, grantFile, emailCode: code } = options;
  return {
    token: await readToken(tokenFile, 512),
    idToken: await readToken(oidcTokenFile, MAX_ID_TOKEN_CHARACTERS),
    grant: await readToken(grantFile, MAX_GRANT_CHARACTERS),
    email: code === undefined ? undefined : { challenge: await folder.challenge(), code },
  };
}

/** Reads a file that holds one word, if one is named. */
async function readToken(file: string | undefined, maximum: number): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const token = (await readInput(file)).trim();
  ensure(
    /^[\x21-\x7e]+$/.test(token) && token.length <= maximum,
    'usage',
    `${file} does not hold a token: it must be one word of at most ${maximum} characters`,
  );
  return token;
}

/**
 * Has a code sent, or prints a nonce, if the options ask for that. Returns the exit code, or undefined if they do not.
 */
export async function prepareEvidence(identity: string, options: EvidenceOptions): Promise<number | undefined> {
  ensure(
    options.companion === undefined || options.csr === undefined,
    'usage',
    '--companion and --csr exclude each other: the request names its companion keys itself',
  );
  const makesKey = options.keyType === undefined || options.csr === undefined;
  ensure(makesKey, 'usage', '--key-type and --csr exclude each other: the request has its key already');
  if (options.oidcNonce === true) return printNonce(options);
  return options.email === true ? requestCode(identity, options) : undefined;
}

/** Creates the key to certify, and has a code for it sent. */
async function requestCode(identity: string, options: EvidenceOptions): Promise<number> {
  const directory = await openDirectory(options);
  const folder = new CredentialFolder(options.out);
  const request = async () =>
    folder.prepareRequest(directory.identity(identity), await folder.prepareKey(options.keyType), options.companion);
  const csr = options.csr === undefined ? await request() : await readInput(options.csr);
  const { challenge, expiresInSeconds } = await directory.requestEmailCode(identity, { csr });
  await folder.writeChallenge(challenge);
  const minutes = Math.floor(expiresInSeconds / 60);
  if (options.json === true) printJson({ challenge, expiresInSeconds });
  else printLines(`sent a code, valid for ${minutes} minutes. Next: run this command with --email-code <code>`);
  return EXIT.fine;
}

/** Creates the key to certify, and prints the nonce for its ID token. */
async function printNonce({ out, csr, json, keyType }: EvidenceOptions): Promise<number> {
  const spki =
    csr === undefined ? (await new CredentialFolder(out).prepareKey(keyType)).spki : csrKeys(await readInput(csr)).spki;
  const nonce = oidcNonce({ spki });
  if (json === true) printJson({ nonce });
  else printLines(nonce);
  return EXIT.fine;
}
