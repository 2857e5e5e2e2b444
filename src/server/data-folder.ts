import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { writeFileDurably } from '../client/node.ts';
import type { SignerAlgorithm } from '../core/crypto/signer.ts';
import { DEFAULT_IDENTITY_RULES, type IdentityRules } from '../identity/identity.ts';
import { DEFAULT_LOG_SETTINGS, type LogSettings } from './log-settings.ts';

/** The data folder of a server, by file. */
export class DataFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Written last by `init`: if it exists, the folder is complete. */
  get config(): string {
    return join(this.path, 'glasskey.json');
  }
  /** The operator's settings. Optional. */
  get settings(): string {
    return join(this.path, 'glasskey.toml');
  }
  /** Names the database in which the log was created. */
  get marker(): string {
    return join(this.path, 'log.json');
  }
  /** The last checkpoint that this host signed. Never restore it from a backup. */
  get lastSigned(): string {
    return join(this.path, 'last-signed.checkpoint');
  }
  get passphrase(): string {
    return join(this.path, 'passphrase');
  }
  /** The first application token. */
  get token(): string {
    return join(this.path, 'registration.token');
  }
  /** The signed trust bundle. */
  get trust(): string {
    return join(this.path, 'trust.json');
  }
  /** The embedded database. */
  get database(): string {
    return join(this.path, 'db');
  }
  key(name: KeyName): string {
    return join(this.path, 'keys', `${name}.pem`);
  }
  /** The ML-DSA-44 key of checkpoints, if the log has one. */
  get mlDsaKey(): string {
    return join(this.path, 'keys', 'checkpoint-ml-dsa-44.pem');
  }
  certificate(name: 'root' | 'issuer'): string {
    return join(this.path, 'ca', `${name}.pem`);
  }
  /** The times from which the issuing CAs after the first sign. */
  get laterCas(): string {
    return join(this.path, 'ca', 'later.json');
  }
  /** Certificate of issuing CA number `n`, from 2 on. */
  laterCertificate(n: number): string {
    return join(this.path, 'ca', `issuer-${n}.pem`);
  }
  /** Key of issuing CA number `n`, from 2 on. */
  laterKey(n: number): string {
    return join(this.path, 'keys', `issuer-${n}.pem`);
  }
  get isComplete(): boolean {
    return existsSync(this.config);
  }

  /** Returns what {@link marker} says; undefined if there is none. */
  async readMarker(): Promise<LogMarker | undefined> {
    const text = await this.read(this.marker);
    return text === undefined ? undefined : (JSON.parse(text) as LogMarker);
  }

  async writeMarker(marker: LogMarker): Promise<void> {
    await this.write(this.marker, `${JSON.stringify(marker)}\n`);
  }

  /**
   * Returns a function that returns true until an administrator has sealed the rows of a log that an older program
   * created. It reads the marker at each call, so that a running server learns of it; once false, it stays so. It is
   * false, too, if the marker cannot be read any more. Throws for a marker that is no JSON.
   */
  unsealedRowsGate(): () => boolean {
    const isOpen = (): boolean =>
      existsSync(this.marker) && (JSON.parse(readFileSync(this.marker, 'utf8')) as LogMarker).rows !== 'sealed';
    let accepts = isOpen();
    return () => {
      if (!accepts) return false;
      try {
        accepts = isOpen();
      } catch {
        return false;
      }
      return accepts;
    };
  }

  /** Creates the folder and its subfolders (mode 0700). */
  async make(): Promise<void> {
    for (const folder of [this.path, join(this.path, 'keys'), join(this.path, 'ca')]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
  }

  /** Returns the content of a file; undefined if there is none. */
  async read(path: string): Promise<string | undefined> {
    return existsSync(path) ? readFile(path, 'utf8') : undefined;
  }

  /** Writes a file (mode 0600) atomically. */
  async write(path: string, content: string): Promise<void> {
    await writeFileDurably(path, content);
  }

  /** Returns the content of a file. If there is none, writes what `create` returns. */
  async readOrCreate(path: string, create: () => Promise<string> | string): Promise<string> {
    const known = await this.read(path);
    if (known !== undefined) return known;
    const content = await create();
    await this.write(path, content);
    return content;
  }
}

/** `log.json`. */
export interface LogMarker {
  /** The database of the log, without its password. */
  readonly database: string;
  /** `sealed` if rows without a seal authorise nothing; undefined in the file of an older program. */
  readonly rows?: 'sealed' | undefined;
}

/** The private keys of a server; each has one purpose. */
export const KEY_NAMES = ['root', 'issuer', 'tree-head', 'checkpoint', 'vrf', 'bundle'] as const;

/** Name of a key file. */
export type KeyName = (typeof KEY_NAMES)[number];

/** `glasskey.json`: decided by `init`, and fixed. */
export interface ServerConfig {
  readonly format: 1;
  /** The log's name in its messages and checkpoints. */
  readonly origin: string;
  /** URL below which certificates point to CRL, OCSP and CA certificates; undefined: they point nowhere. */
  readonly publicUrl: string | undefined;
  readonly caKey: SignerAlgorithm;
  /** True for a log of `serve --dev`: its public URL is the address on which the server listens. */
  readonly dev: boolean;
  readonly identityRules: IdentityRules;
  /** The log's Configuration without its keys. */
  readonly log: LogSettings;
}

/** Reads `glasskey.json`. Throws `usage` if it is missing or malformed. */
export async function readServerConfig(folder: DataFolder): Promise<ServerConfig> {
  const text = await folder.read(folder.config);
  ensure(text !== undefined, 'usage', `${folder.path} is not a data folder: create one with "glasskey init --data"`);
  try {
    const json = JSON.parse(text) as ServerConfig;
    ensure(json.format === 1 && typeof json.origin === 'string', 'usage', 'unknown format');
    return {
      ...json,
      dev: json.dev ?? false,
      identityRules: json.identityRules ?? DEFAULT_IDENTITY_RULES,
      log: json.log ?? DEFAULT_LOG_SETTINGS,
    };
  } catch (cause) {
    throw new GlasskeyError('usage', `${folder.config} cannot be read`, { cause });
  }
}

/**
 * Returns the passphrase of the key files: GLASSKEY_PASSPHRASE, else the text of the file that GLASSKEY_PASSPHRASE_FILE
 * names, else what `init` wrote. Throws `usage` without one, or with both variables.
 */
export async function keyPassphrase(folder: DataFolder): Promise<string> {
  const text = (await passphraseOfEnvironment()) ?? (await folder.read(folder.passphrase));
  ensure(
    text !== undefined,
    'usage',
    `${folder.passphrase} is missing: set GLASSKEY_PASSPHRASE, or GLASSKEY_PASSPHRASE_FILE, to the passphrase that init used`,
  );
  return text.trim();
}

/** Returns {@link keyPassphrase}. If there is none, writes a random one first. */
export async function createPassphrase(folder: DataFolder): Promise<string> {
  const given = await passphraseOfEnvironment();
  if (given === undefined)
    await folder.readOrCreate(folder.passphrase, () => `${randomBytes(24).toString('base64url')}\n`);
  return keyPassphrase(folder);
}

async function passphraseOfEnvironment(): Promise<string | undefined> {
  const [given, path] = ['GLASSKEY_PASSPHRASE', 'GLASSKEY_PASSPHRASE_FILE'].map((name) => process.env[name] ?? '');
  if (path === undefined || path === '') return given === '' ? undefined : given;
  ensure(given === '', 'usage', 'set GLASSKEY_PASSPHRASE or GLASSKEY_PASSPHRASE_FILE, not both');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GlasskeyError('usage', `GLASSKEY_PASSPHRASE_FILE names ${path}, which cannot be read`, { cause });
  });
  ensure(text.trim() !== '', 'usage', `GLASSKEY_PASSPHRASE_FILE names ${path}, which is empty`);
  return text;
}
