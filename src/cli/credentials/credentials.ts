import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import type { CompanionKind } from '../../ca/companion-secret.ts';
import { csrKeys } from '../../ca/csr/csr-keys.ts';
import { parsePemBlocks } from '../../ca/der/pem.ts';
import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { type ClientKey, generateKey, importKey } from '../../client/client-key.ts';
import { createCsr } from '../../client/csr.ts';
import type { IssuedCertificate } from '../../client/binding/issued-certificate.ts';
import { writeFileDurably } from '../../client/node.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { asUserInput, readInput } from '../client-options.ts';
import { hasCompanion, prepareCompanions, readCompanions } from './companion-files.ts';

/** The files of one key: `key.pem` and its `companion-….pem` (0600), `request.pem`, `certificate.pem` (leaf, then issuer). */
export class CredentialFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get #key(): string {
    return join(this.path, 'key.pem');
  }
  get #request(): string {
    return join(this.path, 'request.pem');
  }
  /** Where the certificate is. */
  get certificate(): string {
    return join(this.path, 'certificate.pem');
  }

  /**
   * The key to be certified: the one that is there, else a new one, which is safely on disk before this returns. So a lost
   * answer never loses a key.
   */
  async prepareKey(): Promise<ClientKey> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    if (existsSync(this.#key)) return this.key();
    const key = await generateKey();
    await writeFileDurably(this.#key, await key.exportPem());
    return key;
  }

  /**
   * The CSR of an earlier attempt, byte for byte, else a new one with companion keys of the given kinds and those that are there:
   * the same request again finds its answer. Throws `usage` where the earlier CSR lacks such a kind.
   */
  async prepareRequest(identity: Identity, key: ClientKey, kinds: readonly CompanionKind[] = []): Promise<string> {
    if (existsSync(this.#request)) {
      const earlier = await readInput(this.#request);
      const asked = await asUserInput(this.#request, () => csrKeys(earlier).companions);
      const isSame = kinds.every((kind) => hasCompanion(asked, kind));
      ensure(isSame, 'usage', `${this.#request} asks for no such companion keys: name another folder`);
      return earlier;
    }
    const companions = await prepareCompanions(this.path, kinds);
    const csr = await createCsr(identity, key, companions);
    await writeFileDurably(this.#request, csr);
    return csr;
  }

  /** The companion keys whose private keys are there; undefined for none. Throws `bad-key-file`. */
  companions(): Promise<CompanionKeys | undefined> {
    return readCompanions(this.path);
  }

  get #challenge(): string {
    return join(this.path, 'challenge');
  }

  /** Keeps the name of the e-mail challenge that was asked for with the key. */
  async writeChallenge(challenge: string): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await writeFileDurably(this.#challenge, `${challenge}\n`);
  }

  /** The e-mail challenge that was asked for last. Throws `usage` where there was none. */
  async challenge(): Promise<string> {
    return (await readInput(this.#challenge)).trim();
  }

  /** The private key that is there. Throws `usage`, `bad-key-file`. */
  async key(): Promise<ClientKey> {
    const pem = await readInput(this.#key);
    let spki: Uint8Array;
    try {
      spki = new Uint8Array(createPublicKey(createPrivateKey(pem)).export({ format: 'der', type: 'spki' }));
    } catch (cause) {
      throw new GlasskeyError('bad-key-file', `${this.#key} is not a private key in PEM`, { cause });
    }
    return asUserInput(this.#key, () => importKey(pem, spki));
  }

  /** The certificate that is there. Throws `usage`. */
  async leaf(): Promise<ParsedCertificate> {
    const text = await readInput(this.certificate);
    return asUserInput(this.certificate, () => {
      const [leaf] = parsePemBlocks('CERTIFICATE', text);
      ensure(leaf !== undefined, 'usage', 'no certificate');
      return parseCertificate(leaf);
    });
  }

  /** Its serial, lower-case hex. */
  async serial(): Promise<string> {
    return (await this.leaf()).serial;
  }

  /** Writes the certificate: the leaf, then its issuer. */
  async writeCertificate(issued: IssuedCertificate): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await writeFileDurably(this.certificate, issued.certificate + (issued.chain[0] ?? ''));
  }
}
