import type { WriterLock } from './ports.ts';
import { lockLost } from './writer-lock.ts';

interface Holder {
  readonly lose: () => void;
  expiresMs: number;
}

/**
 * The writer's locks of an embedded database, which one process uses. Its leases go by the monotonic clock of the
 * process, since the database stops and goes on with it.
 */
export class ProcessLocks {
  readonly #leaseMs: number;
  readonly #holders = new Map<number, Holder>();

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Takes the lock of a log; returns undefined while another holder's lease lasts. */
  tryLock(logId: number): WriterLock | undefined {
    const earlier = this.#holders.get(logId);
    if (earlier !== undefined && performance.now() < earlier.expiresMs) return undefined;
    earlier?.lose();
    let lose!: () => void;
    const lost = new Promise<void>((resolve) => {
      lose = resolve;
    });
    const holder: Holder = { lose, expiresMs: performance.now() + this.#leaseMs };
    this.#holders.set(logId, holder);
    return {
      session: undefined,
      lost,
      isHeld: () => this.#isHeld(logId, holder),
      renew: async () => this.#renew(logId, holder),
      release: async () => this.#drop(logId, holder),
    };
  }

  #isHeld(logId: number, holder: Holder): boolean {
    return this.#holders.get(logId) === holder && performance.now() < holder.expiresMs;
  }

  #renew(logId: number, holder: Holder): void {
    if (!this.#isHeld(logId, holder)) {
      this.#drop(logId, holder);
      throw lockLost();
    }
    holder.expiresMs = performance.now() + this.#leaseMs;
  }

  #drop(logId: number, holder: Holder): void {
    if (this.#holders.get(logId) === holder) this.#holders.delete(logId);
    holder.lose();
  }
}
