import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoot, type Issuer, openIssuer, signIssuingCa } from '../ca/authority.ts';
import { parseCertificate, type ParsedCertificate } from '../ca/certificate.ts';
import { decodeCsrPem, parseCsr } from '../ca/csr/csr.ts';
import { readKeyFile } from '../ca/keys/key-file.ts';
import type { PermittedNames } from '../ca/name-constraints-writer.ts';
import { signerFromKey } from '../ca/keys/node-signer.ts';
import { formatPem, parsePem } from '../ca/der/pem.ts';
import type { SignerAlgorithm } from '../core/crypto/signer.ts';
import { ensure } from '../core/errors.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { createKeyFile } from './create-key-file.ts';
import { createPassphrase, DataFolder, keyPassphrase } from './data-folder.ts';

const YEAR_MS = 365.25 * 86_400_000;
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** The issuing CA to sign. */
export interface IntermediateOptions {
  readonly commonName: string;
  readonly years: number;
  readonly permitted: PermittedNames;
  readonly nowMs: number;
}

/**
 * An offline root: `root.pem`, its encrypted key `root.key.pem`, and `issued.txt` with a line for every CA that it
 * signed. It belongs on a machine without a network; requests and certificates come and go as files.
 */
export class RootFolder {
  readonly #files: DataFolder;

  constructor(path: string) {
    this.#files = new DataFolder(path);
  }

  get certificate(): string {
    return join(this.#files.path, 'root.pem');
  }
  get #key(): string {
    return join(this.#files.path, 'root.key.pem');
  }
  get #journal(): string {
    return join(this.#files.path, 'issued.txt');
  }

  /** Creates key and certificate. Safe to repeat after a crash. Throws `usage` if the folder has a root. */
  async create(
    commonName: string,
    algorithm: SignerAlgorithm,
    years: number,
    nowMs: number,
  ): Promise<ParsedCertificate> {
    await mkdir(this.#files.path, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(this.#files.path);
    try {
      ensure(!existsSync(this.certificate), 'usage', `${this.#files.path} already has a root`);
      const passphrase = await createPassphrase(this.#files);
      await createKeyFile(this.#key, passphrase, algorithm);
      const signer = signerFromKey(await readKeyFile(this.#key, passphrase));
      const root = await createRoot({ signer, commonName, nowMs, random, validityMs: years * YEAR_MS });
      await this.#files.write(this.certificate, formatPem('CERTIFICATE', root.certificate.der));
      return root.certificate;
    } finally {
      await lock.release();
    }
  }

  /**
   * Signs the CA of an untrusted request (PKCS#10, PEM). Takes only the key from the request, which must sign it.
   * Throws `bad-csr`, `bad-proof-of-possession`, `weak-key` for an RSA key, `certificate-expired` if the root is not
   * valid now, `bad-key-file` if the key is not the root's, `value-out-of-range`.
   */
  async signIntermediate(request: string, options: IntermediateOptions): Promise<ParsedCertificate> {
    const lock = await lockFolder(this.#files.path);
    try {
      const csr = await parseCsr(decodeCsrPem(request));
      ensure(csr.keyType !== 'rsa', 'weak-key', 'an issuing CA cannot have an RSA key');
      const { commonName, years, permitted, nowMs } = options;
      const root = await this.#open();
      const what = { root, spki: csr.spki, commonName, nowMs, random, validityMs: years * YEAR_MS, permitted };
      const certificate = parseCertificate(await signIssuingCa(what));
      const known = (await this.#files.read(this.#journal)) ?? '';
      const line = [new Date(nowMs).toISOString(), certificate.serial, commonName.replaceAll(/\s+/g, ' ')].join(' ');
      // The root's own list is on disk before the certificate leaves.
      await this.#files.write(this.#journal, `${known}${line}\n`);
      return certificate;
    } finally {
      await lock.release();
    }
  }

  async #open(): Promise<Issuer> {
    const pem = await this.#files.read(this.certificate);
    ensure(pem !== undefined, 'usage', `${this.#files.path} has no root: create one with "glasskey ca create-root"`);
    const signer = signerFromKey(await readKeyFile(this.#key, await keyPassphrase(this.#files)));
    return openIssuer(parsePem('CERTIFICATE', pem), [], signer);
  }
}
