import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { readCaKeyFile } from '../ca/keys/ca-key-file.ts';
import { readKeyFile, readKeyText } from '../ca/keys/key-file.ts';
import { signerFromKey } from '../ca/keys/node-signer.ts';
import { Pkcs11Token } from '../ca/pkcs11/pkcs11-token.ts';
import { openTokenSigner } from '../ca/pkcs11/token-signer.ts';
import type { TokenKeyName } from '../ca/pkcs11/token-key.ts';
import { isMlDsaSet } from '../core/crypto/ml-dsa-sets.ts';
import type { CaAlgorithm, CaSigner, Signer, SignerAlgorithm } from '../core/crypto/signer.ts';
import { ensure } from '../core/errors.ts';
import { type DataFolder, type KeyName, keyPassphrase } from './data-folder.ts';
import { createCaKeyFile, createKeyFile } from './create-key-file.ts';
import type { Pkcs11Settings, TokenPurpose } from './settings/pkcs11.ts';
import { readSettings } from './settings/server-settings.ts';

/** The private keys of a data folder, in encrypted files or in the token that the settings name. */
export class KeyRing {
  readonly #folder: DataFolder;
  readonly #settings: Pkcs11Settings | undefined;
  /** The keys that this ring has created: reading a file back derives a key from the passphrase, on purpose slowly. */
  readonly #created = new Map<KeyName, Signer>();
  #token: Promise<Pkcs11Token> | undefined;

  constructor(folder: DataFolder, settings: Pkcs11Settings | undefined) {
    this.#folder = folder;
    this.#settings = settings;
  }

  /** Returns the keys of a folder, and opens none of them yet. Throws `usage` for settings with a problem. */
  static async of(folder: DataFolder): Promise<KeyRing> {
    return new KeyRing(folder, (await readSettings(folder)).pkcs11);
  }

  /** Returns the name of a key in the token; undefined if the key is in a file. */
  inToken(purpose: TokenPurpose | KeyName): TokenKeyName | undefined {
    return purpose === 'vrf' ? undefined : this.#settings?.keys[purpose];
  }

  /** Opens a key. Throws `bad-key-file`, `hsm-refused`, `hsm-unavailable`, `usage` without a passphrase. */
  async signer(name: KeyName): Promise<Signer> {
    return (await this.tokenSigner(name)) ?? this.#created.get(name) ?? signerFromKey(await this.#read(name));
  }

  /** Creates the file of a key, unless it exists. Throws `bad-key-file`. */
  async create(name: KeyName, passphrase: string, algorithm: SignerAlgorithm): Promise<void> {
    const key = await createKeyFile(this.#folder.key(name), passphrase, algorithm);
    if (key !== undefined) this.#created.set(name, signerFromKey(key));
  }

  /** Opens the token's key for a purpose; undefined if the settings name none. Throws as {@link signer}. */
  async tokenSigner(purpose: TokenPurpose | KeyName): Promise<Signer | undefined> {
    const name = this.inToken(purpose);
    return name === undefined ? undefined : openTokenSigner(await this.token(), name);
  }

  /**
   * Opens the key of issuing CA number `n`, from 2 on: in the token if the settings name it there, else in a file.
   * With `create`, a missing key is created with that algorithm. Throws as {@link signer}, and `usage` for an ML-DSA
   * key in a token.
   */
  async laterIssuer(n: number, create?: CaAlgorithm): Promise<CaSigner> {
    const name = this.#settings?.laterIssuers[n - 2];
    if (name !== undefined) return this.#laterInToken(n, name, create);
    const path = this.#folder.laterKey(n);
    const passphrase = await keyPassphrase(this.#folder);
    if (create !== undefined) await createCaKeyFile(path, passphrase, create);
    return readCaKeyFile(path, passphrase, (length) => new Uint8Array(randomBytes(length)));
  }

  async #laterInToken(n: number, name: TokenKeyName, create: CaAlgorithm | undefined): Promise<Signer> {
    const makesMlDsa = create !== undefined && isMlDsaSet(create);
    ensure(!makesMlDsa, 'usage', `issuing CA ${n} has its key in a token, where ML-DSA keys cannot be`);
    const token = await this.token();
    if (create !== undefined && !(await token.has(name))) await token.generate(fullName(name, `issuer-${n}`), create);
    return openTokenSigner(token, name);
  }

  /** Opens the token, once. Throws `usage` if the settings name none, `hsm-refused`, `hsm-unavailable`. */
  token(): Promise<Pkcs11Token> {
    return (this.#token ??= this.#open());
  }

  /** Logs out of the token. */
  async close(): Promise<void> {
    (await this.#token?.catch(() => undefined))?.close();
  }

  async #open(): Promise<Pkcs11Token> {
    ensure(this.#settings !== undefined, 'usage', `${this.#folder.settings} has no [pkcs11] table`);
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

/** Returns a complete name for a new key, with label and id. */
export function fullName({ label, id }: TokenKeyName, purpose: string): Required<TokenKeyName> {
  return { label: label ?? `glasskey ${purpose}`, id: id ?? randomBytes(8).toString('hex') };
}

/** Runs `work` with the keys of a folder, and logs out of the token. Throws as {@link KeyRing.of}. */
export async function withKeys<T>(folder: DataFolder, work: (keys: KeyRing) => Promise<T>): Promise<T> {
  const keys = await KeyRing.of(folder);
  try {
    return await work(keys);
  } finally {
    await keys.close();
  }
}
