import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCryptoki } from '../../src/ca/pkcs11/cryptoki.ts';

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];

/** SoftHSM's PKCS #11 module on this machine. */
export const SOFT_HSM_MODULE = MODULES.find((path) => existsSync(path)) ?? '';

/** Why there is no token to test with; undefined where there is. The gate always has one. */
export const NO_SOFT_HSM: string | undefined = process.env['CI'] === undefined ? missing() : undefined;

function missing(): string | undefined {
  if (SOFT_HSM_MODULE === '') return 'softhsm2 is not installed';
  try {
    loadCryptoki(SOFT_HSM_MODULE);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A token of SoftHSM in a folder of its own, for this process and for those that get {@link SoftHsm.variables}. */
export class SoftHsm {
  readonly label = 'glasskey test';
  readonly pin = '648219';
  readonly module = SOFT_HSM_MODULE;
  readonly folder = mkdtempSync(join(tmpdir(), 'glasskey-hsm-'));
  readonly variables: Readonly<Record<string, string>>;

  constructor() {
    mkdirSync(this.#tokens);
    const file = join(this.folder, 'softhsm2.conf');
    writeFileSync(file, `directories.tokendir = ${this.#tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
    this.variables = { SOFTHSM2_CONF: file };
    Object.assign(process.env, this.variables);
    this.#run('softhsm2-util', '--init-token', '--free', '--label', this.label, '--so-pin', '1234', '--pin', this.pin);
  }

  get #tokens(): string {
    return join(this.folder, 'tokens');
  }

  /** Makes a key pair with OpenSC's tool, as an administrator would. `kind` is `EC:prime256v1`, `EC:edwards25519` … */
  makeKey(kind: string, label: string, id: string): void {
    const login = ['--module', this.module, '--token-label', this.label, '--login', '--pin', this.pin];
    this.#run('pkcs11-tool', ...login, '--keypairgen', '--key-type', kind, '--label', label, '--id', id);
  }

  /** What OpenSC's tool says of a private key. */
  describeKey(label: string): string {
    const login = ['--module', this.module, '--token-label', this.label, '--login', '--pin', this.pin];
    return this.#run('pkcs11-tool', ...login, '--list-objects', '--type', 'privkey', '--label', label);
  }

  /** Takes the token away, as when its cable is pulled. */
  unplug(): void {
    renameSync(this.#tokens, join(this.folder, 'unplugged'));
  }

  plugIn(): void {
    renameSync(join(this.folder, 'unplugged'), this.#tokens);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #run(program: string, ...args: string[]): string {
    return execFileSync(program, args, {
      stdio: 'pipe',
      encoding: 'utf8',
      env: { ...process.env, ...this.variables },
    });
  }
}
