import { join } from 'node:path';
import { fetchBundle } from '../client/trust.ts';
import type { Transport } from '../client/transport.ts';
import { fingerprint } from '../contract/bundle-signature.ts';
import { assertSuccessor } from '../contract/bundle-successor.ts';
import { formatTrustBundle, parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { SignedTrustBundle, TrustBundle } from '../contract/trust-bundle.ts';
import { decodeUtf8, encodeUtf8 } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import { DurableFile } from '../service/log/durable-file.ts';

/**
 * The trust bundle that an auditor holds its log to. It is given, or pinned on first use in the data folder.
 * Signed successors from the server update it.
 */
export class AuditorTrust {
  readonly #pinned: DurableFile;
  readonly #given: SignedTrustBundle | undefined;
  readonly #transport: Transport;
  readonly #onFirstUse: (origin: string, fingerprint: string) => void;

  constructor(options: {
    readonly folder: string;
    readonly given: SignedTrustBundle | undefined;
    readonly transport: Transport;
    /** Receives origin and fingerprint of a bundle that is pinned on first use. */
    readonly onFirstUse: (origin: string, fingerprint: string) => void;
  }) {
    this.#pinned = new DurableFile(join(options.folder, 'trust.json'));
    this.#given = options.given;
    this.#transport = options.transport;
    this.#onFirstUse = options.onFirstUse;
  }

  /**
   * Returns the current bundle. Throws `bundle-changed` or `bad-bundle` if the server shows another one without the
   * right signature, `storage-corrupt` if the pinned one cannot be parsed.
   */
  async settle(): Promise<TrustBundle> {
    const pinned = await this.#read();
    const shown = await fetchBundle(this.#transport);
    for (const known of [this.#given, pinned]) if (known !== undefined) assertSuccessor(known.bundle, shown);
    const text = formatTrustBundle(shown);
    if (pinned === undefined || formatTrustBundle(pinned) !== text) await this.#pinned.write(encodeUtf8(text));
    if (pinned === undefined && this.#given === undefined)
      this.#onFirstUse(shown.bundle.origin, fingerprint(shown.bundle));
    return shown.bundle;
  }

  async #read(): Promise<SignedTrustBundle | undefined> {
    const bytes = await this.#pinned.read();
    if (bytes === undefined) return undefined;
    try {
      return parseTrustBundle(decodeUtf8(bytes));
    } catch (cause) {
      throw new GlasskeyError('storage-corrupt', `${this.#pinned.path} is not a trust bundle`, { cause });
    }
  }
}
