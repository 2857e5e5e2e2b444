import { generateKey } from '../../../src/client/client-key.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { KeyDirectory } from '../../../src/client/key-directory.ts';
import { DemoServer } from '../../../src/cli/demo/demo-server.ts';
import { falseRecord, falseVersion } from '../../../src/cli/demo/false-record.ts';
import { identityOf } from '../shared/protocol.ts';

/** The lies that the operator can tell. */
export type Lie = 'swap' | 'silent-device' | 'fork';

/** Most false entries of a fork. */
const MAX_FORK = 2_000;

/** A head of the log to rewind to. */
type Head = Awaited<ReturnType<DemoServer['snapshot']>>;

/** Nobody has this operator. It is the Glasskey server of the example, in this process, with a switch to turn evil. */
export class EvilOperator {
  readonly #server: DemoServer;
  readonly #start: Head;
  readonly #named = new Set<string>();
  #undo: (() => Promise<void>) | undefined;
  #lie: Lie | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(server: DemoServer, start: Head) {
    this.#server = server;
    this.#start = start;
  }

  /** Starts an honest server in an empty folder. */
  static async start(folder: string): Promise<EvilOperator> {
    const server = await DemoServer.start(folder);
    // A log has an entry before anything can be forked.
    const directory = await KeyDirectory.open({ server: server.url, state: new MemoryState() });
    await directory.register(identityOf('nobody'), { token: server.token, key: await generateKey() });
    return new EvilOperator(server, await server.snapshot());
  }

  get url(): string {
    return this.#server.url;
  }

  get token(): string {
    return this.#server.token;
  }

  /** The lie that is told now. */
  get lie(): Lie | undefined {
    return this.#lie;
  }

  /** The names that hold a key of this operator for ever. */
  get added(): readonly string[] {
    return [...this.#named];
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Swaps the certificate of a user in the database for one of the operator's own key. */
  swap(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#repent();
      this.#undo = await this.#server.replaceRecord(
        await falseRecord(this.#server, identityOf(name), await generateKey()),
      );
      this.#lie = 'swap';
    });
  }

  /** Publishes a further device of a user, with the operator's own key. A log forgets nothing: this stays. */
  addSilentDevice(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#repent();
      const key = await generateKey({ type: 'ed25519' });
      await this.#server.publish(await falseVersion(this.#server, identityOf(name), key));
      this.#lie = 'silent-device';
      this.#named.add(name);
    });
  }

  /** Rewinds the log to its start, writes another history with own keys for everybody, and signs it. */
  fork(names: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#repent();
      const { size } = await this.#server.snapshot();
      this.#undo = await this.#server.keepCopy();
      this.#lie = 'fork';
      await this.#server.rewindTo(this.#start);
      const liar = await KeyDirectory.open({ server: this.url, state: new MemoryState() });
      const more = Array.from({ length: Math.min(Number(size), MAX_FORK) }, (_, i) => `nobody-${i}`);
      for (const name of [...names, ...more])
        await liar.register(identityOf(name), { token: this.token, key: await generateKey() });
    });
  }

  /** Takes back what can be taken back. */
  repent(): Promise<void> {
    return this.#inTurn(() => this.#repent());
  }

  async #repent(): Promise<void> {
    const undo = this.#undo;
    this.#undo = undefined;
    this.#lie = undefined;
    await undo?.();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
