import { KeyDirectory } from '../../src/client/key-directory.ts';
import type { VerifiedBinding } from '../../src/client/binding/binding.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import type { SignedTrustBundle } from '../../src/contract/trust-bundle.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import type { CrashLoad, Testimony } from '../scenario/crash-load.ts';
import type { SoakNotes } from './soak-notes.ts';

/** What honest clients and attackers share. */
export interface SoakWorld {
  /** URLs of the servers. */
  readonly urls: readonly string[];
  readonly bundle: SignedTrustBundle;
  /** An application's token. */
  readonly token: string;
  readonly notes: SoakNotes;
  readonly load: CrashLoad;
  readonly testimony: Testimony;
  readonly versions: AcknowledgedVersions;
  readonly random: () => number;
}

/** Certificates (DER, hex) of every version that was acknowledged, by identity and version. */
export class AcknowledgedVersions {
  readonly #versions = new Map<string, Map<number, readonly string[]>>();

  note({ identity, version, certificates }: VerifiedBinding): void {
    const versions = this.#versions.get(identity) ?? new Map<number, readonly string[]>();
    versions.set(
      version,
      certificates.map(({ der }) => formatHex(der)),
    );
    this.#versions.set(identity, versions);
  }

  get identities(): readonly string[] {
    return [...this.#versions.keys()];
  }

  get count(): number {
    return [...this.#versions.values()].reduce((sum, versions) => sum + versions.size, 0);
  }

  /** Throws unless the log has every version of an identity, with the certificates that were acknowledged. */
  async assertKept(directory: KeyDirectory, identity: string): Promise<void> {
    const { versions } = await directory.history(identity);
    for (const [version, expected] of this.#versions.get(identity) ?? []) {
      const found = versions[version]?.certificates.map(({ der }) => formatHex(der)) ?? [];
      const lost = expected.filter((der) => !found.includes(der));
      if (versions[version] === undefined || lost.length > 0)
        throw new Error(`${identity}: version ${version} was acknowledged and is lost`);
    }
  }
}

/** A client of all servers of a log, with one state. */
export class SoakClient {
  readonly #directories: readonly KeyDirectory[];
  readonly #world: SoakWorld;

  private constructor(world: SoakWorld, directories: readonly KeyDirectory[]) {
    this.#world = world;
    this.#directories = directories;
  }

  /** Undefined if the soak is over before the servers answer. */
  static async open(world: SoakWorld): Promise<SoakClient | undefined> {
    const { urls, bundle, notes } = world;
    const state = new MemoryState();
    const open = (): Promise<KeyDirectory[]> =>
      Promise.all(urls.map((server) => KeyDirectory.open({ server, state, bundle })));
    const directories = await notes.insist('open', open);
    return directories && new SoakClient(world, directories);
  }

  /** Asks one server after the other until one does it. `before`: attempts so far. */
  insist<T>(operation: string, ask: (directory: KeyDirectory, before: number) => Promise<T>): Promise<T | undefined> {
    const first = Math.floor(this.#world.random() * this.#directories.length);
    return this.#world.notes.insist(operation, (before) => {
      const directory = this.#directories[(first + before) % this.#directories.length];
      if (directory === undefined) throw new Error('no server');
      return ask(directory, before);
    });
  }
}
