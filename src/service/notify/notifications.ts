import type { ResolveHost } from '../../delivery/resolve-host.ts';
import type { StateProver } from '../log/proved-state.ts';
import { NotifyKeeper } from './notify-keeper.ts';
import { NotifyOwners } from './notify-owners.ts';
import { type NotifyParts, notifyBase, openNotices, type OpenNotices } from './notify-parts.ts';
import type { NotifySettings } from './notify-settings.ts';

/** Options of {@link Notifications}. */
export interface NotificationsOptions {
  /** Undefined: nobody is told. */
  readonly settings?: NotifySettings | undefined;
  /** A seam for tests: resolves the hosts of addresses that owners chose. */
  readonly resolve?: ResolveHost;
}

/** Notices to the owners of names: their orders, and the rounds that carry notices out. */
export class Notifications {
  readonly owners: NotifyOwners;
  readonly keeper: NotifyKeeper;
  readonly #parts: NotifyParts;
  readonly #resolve: ResolveHost | undefined;
  /** The channels of the present settings; undefined while nobody is told. */
  #open: OpenNotices | undefined;

  /** While `isActive` is false, another process tells owners. Throws `usage` for settings that cannot be read. */
  constructor(prover: StateProver, isActive: () => boolean, { settings, resolve }: NotificationsOptions = {}) {
    this.#parts = { ...notifyBase(prover), open: () => this.#open };
    this.#resolve = resolve;
    this.owners = new NotifyOwners(this.#parts);
    this.keeper = new NotifyKeeper(this.#parts, isActive);
    this.reconfigure(settings);
  }

  /** Replaces the settings. What is under way ends, and is tried again. */
  reconfigure(settings: NotifySettings | undefined): void {
    const { now } = this.#parts.prover.context;
    const before = this.#open;
    this.#open = settings && openNotices(settings, this.#parts.keys, now, this.#resolve);
    void before?.deliverer.close();
  }

  /** Starts the rounds. */
  start(): void {
    this.keeper.start();
  }

  /** Stops the rounds and ends what is under way. */
  async stop(): Promise<void> {
    const open = this.#open;
    await Promise.all([this.keeper.stop(), open?.deliverer.close()]);
  }
}
