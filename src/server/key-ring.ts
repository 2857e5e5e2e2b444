import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { readKeyFile, readKeyText } from '../ca/keys/key-file.ts';
import { signerFromKey } from '../ca/keys/node-signer.ts';
import { Pkcs11Token } from '../ca/pkcs11/pkcs11-token.ts';
import { openTokenSigner } from '../ca/pkcs11/token-signer.ts';
import type { TokenKeyName } from '../ca/pkcs11/token-key.ts';
import type { Signer, SignerAlgorithm } from '../core/crypto/signer.ts';
import { ensure } from '../core/errors.ts';
import { type DataFolder, type KeyName, keyPassphrase } from './data-folder.ts';
import { createKeyFile } from './create-key-file.ts';
import type { Pkcs11Settings, TokenPurpose } from './settings/pkcs11.ts';
import { readSettings } from './settings/server-settings.ts';

/** The private keys of a data folder: in encrypted files, or in the token that its settings name. */
export class KeyRing {
  readonly #folder: DataFolder;
  readonly #settings: Pkcs11Settings | undefined;
  #token: Promise<Pkcs11Token> | undefined;

  constructor(folder: DataFolder, settings: Pkcs11Settings | undefined) {
    this.#folder = folder;
    this.#settings = settings;
  }

  /** The keys of a folder by its settings. Nothing is opened yet. Throws `usage` for settings with a problem. */
  static async of(folder: DataFolder): Promise<KeyRing> {
    return new KeyRing(folder, (await readSettings(folder)).pkcs11);
  }

  /** What a key is called in the token; undefined: it is in a file. */
  inToken(purpose: TokenPurpose | KeyName): TokenKeyName | undefined {
    return purpose === 'vrf' ? undefined : this.#settings?.keys[purpose];
  }

  /** The key of this name. Throws `bad-key-file`, `hsm-refused`, `hsm-unavailable`, `usage` without a passphrase. */
  async signer(name: KeyName): Promise<Signer> {
    return (await this.tokenSigner(name)) ?? signerFromKey(await this.#read(name));
  }

  /** The key that the token has for this; undefined where it is to be in no token. Throws as {@link signer}. */
  async tokenSigner(purpose: TokenPurpose | KeyName): Promise<Signer | undefined> {
    const name = this.inToken(purpose);
    return name === undefined ? undefined : openTokenSigner(await this.token(), name);
  }

  /**
   * The key of the issuing CA number `n`, from 2 on: in the token where the settings name one for it, else in a file, which `create` makes
   * where it is missing. Throws as {@link signer}.
   */
  async laterIssuer(n: number, create?: SignerAlgorithm): Promise<Signer> {
    const name = this.#settings?.laterIssuers[n - 2];
    if (name !== undefined) return this.#laterInToken(n, name, create);
    const path = this.#folder.laterKey(n);
    const passphrase = await keyPassphrase(this.#folder);
    if (create !== undefined) await createKeyFile(path, passphrase, create);
    return signerFromKey(await readKeyFile(path, passphrase));
  }

  async #laterInToken(n: number, name: TokenKeyName, create: SignerAlgorithm | undefined): Promise<Signer> {
    const token = await this.token();
    if (create !== undefined && !(await token.has(name))) await token.generate(fullName(name, `issuer-${n}`), create);
    return openTokenSigner(token, name);
  }

  /** The token, opened. Throws `usage` where the settings name none, `hsm-refused`, `hsm-unavailable`. */
  token(): Promise<Pkcs11Token> {
    return (this.#token ??= this.#open());
  }

  /** Logs out of the token. */
  async close(): Promise<void> {
    (await this.#token?.catch(() => undefined))?.close();
  }

  async #open(): Promise<Pkcs11Token> {
    ensure(this.#settings !== undefined, 'usage', `there is no [pkcs11] in ${this.#folder.settings}`);
    const { module, token, sessions, timeoutMs, pin } = this.#settings;
    return Pkcs11Token.open({ module, token, sessions, timeoutMs, pin: await this.#pin(pin) });
  }

  async #pin(from: Pkcs11Settings['pin']): Promise<string> {
    const given =
      'variable' in from ? process.env[from.variable] : await readKeyText(resolve(this.#folder.path, from.file));
    const pin = given?.trim() ?? '';
    const where = 'variable' in from ? `the variable ${from.variable}` : from.file;
    ensure(pin !== '', 'hsm-refused', `${where} holds no PIN`);
    return pin;
  }

  async #read(name: KeyName) {
    return readKeyFile(this.#folder.key(name), await keyPassphrase(this.#folder));
  }
}

/** A name for a new key, with label and id. */
export function fullName({ label, id }: TokenKeyName, purpose: string): Required<TokenKeyName> {
  return { label: label ?? `glasskey ${purpose}`, id: id ?? randomBytes(8).toString('hex') };
}

/** Opens the keys of a folder for a piece of work. Throws as {@link KeyRing.of}. */
export async function withKeys<T>(folder: DataFolder, work: (keys: KeyRing) => Promise<T>): Promise<T> {
  const keys = await KeyRing.of(folder);
  try {
    return await work(keys);
  } finally {
    await keys.close();
  }
}
