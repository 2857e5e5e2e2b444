import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import type { CompanionKind } from '../../ca/companion-secret.ts';
import { csrKeys } from '../../ca/csr/csr-keys.ts';
import { parsePemBlocks } from '../../ca/der/pem.ts';
import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { type ClientKey, generateKey, importKey } from '../../client/client-key.ts';
import type { NewKeyType } from '../../client/keys/private-key.ts';
import { createCsr } from '../../client/csr.ts';
import type { IssuedCertificate } from '../../client/binding/issued-certificate.ts';
import { writeFileDurably } from '../../client/node.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { asUserInput, readInput } from '../../server/user-input.ts';
import { carryCompanions, hasCompanion, prepareCompanions, readCompanions } from './companion-files.ts';

/**
 * A folder of one key: `key.pem`, `companion-….pem` (both 0600), `request.pem`, `certificate.pem` (leaf, then issuer).
 */
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
  /** The path of the certificate. */
  get certificate(): string {
    return join(this.path, 'certificate.pem');
  }

  /**
   * Returns the key to certify: the one in the folder, else a new one. A new one is durable before this returns, so
   * that a lost answer never loses a key. Throws `usage` if the one in the folder is of another type than `type`.
   */
  async prepareKey(type?: NewKeyType): Promise<ClientKey> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    if (existsSync(this.#key)) {
      const stored = await this.key();
      const fits = type === undefined || stored.keyType === type;
      ensure(
        fits,
        'usage',
        `${this.path} holds a key of type ${stored.keyType}: leave --key-type out, or name another folder`,
      );
      return stored;
    }
    const key = await generateKey({ type });
    await writeFileDurably(this.#key, await key.exportPem());
    return key;
  }

  /**
   * Returns the CSR of an earlier attempt, byte for byte, so that the server finds its answer to the same request.
   * Without one, creates a CSR with new companion keys of `kinds`, those in the folder, and those of `former` of other
   * kinds. Throws `usage` if the earlier one lacks a kind.
   */
  async prepareRequest(
    identity: Identity,
    key: ClientKey,
    kinds: readonly CompanionKind[] = [],
    former?: CredentialFolder,
  ): Promise<string> {
    if (existsSync(this.#request)) {
      const earlier = await readInput(this.#request);
      const asked = await asUserInput(this.#request, () => csrKeys(earlier).companions);
      const isSame = kinds.every((kind) => hasCompanion(asked, kind));
      ensure(isSame, 'usage', `${this.#request} does not ask for these companion keys: name another folder with --out`);
      return earlier;
    }
    if (former !== undefined) await carryCompanions(former.path, this.path, kinds);
    const companions = await prepareCompanions(this.path, kinds);
    const csr = await createCsr(identity, key, companions);
    await writeFileDurably(this.#request, csr);
    return csr;
  }

  /** Returns the public companion keys of the folder, or undefined if there are none. Throws `bad-key-file`. */
  companions(): Promise<CompanionKeys | undefined> {
    return readCompanions(this.path);
  }

  get #challenge(): string {
    return join(this.path, 'challenge');
  }

  /** Stores the name of the e-mail challenge that was requested with the key. */
  async writeChallenge(challenge: string): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await writeFileDurably(this.#challenge, `${challenge}\n`);
  }

  /** Returns the e-mail challenge that was requested last. Throws `usage` if there was none. */
  async challenge(): Promise<string> {
    return (await readInput(this.#challenge)).trim();
  }

  /** Returns the private key. Throws `usage` if there is none, `bad-key-file`. */
  async key(): Promise<ClientKey> {
    const pem = await readInput(this.#key);
    return asUserInput(this.#key, async () => {
      try {
        return await importKey(pem);
      } catch (cause) {
        throw new GlasskeyError('bad-key-file', `${this.#key} is not a private key in PEM`, { cause });
      }
    });
  }

  /** Returns the certificate. Throws `usage` if there is none. */
  async leaf(): Promise<ParsedCertificate> {
    const text = await readInput(this.certificate);
    return asUserInput(this.certificate, () => {
      const [leaf] = parsePemBlocks('CERTIFICATE', text);
      ensure(leaf !== undefined, 'usage', 'holds no certificate in PEM');
      return parseCertificate(leaf);
    });
  }

  /** Returns the serial of the certificate, lower-case hex. */
  async serial(): Promise<string> {
    return (await this.leaf()).serial;
  }

  /** Writes the certificate: the leaf, then its issuer. */
  async writeCertificate(issued: IssuedCertificate): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await writeFileDurably(this.certificate, issued.certificate + (issued.chain[0] ?? ''));
  }
}
