import { decodeError, isGlasskeyError } from '../core/errors.ts';
import { AkdFinding } from './akd-finding.ts';
import type { AkdSource } from './akd-source.ts';
import { type NamedEpoch, type ObjectName, parseObjectName } from './object-name.ts';

/** An object whose name was read, and its untrusted bytes. */
export interface Downloaded extends Omit<ObjectName, 'epoch'> {
  readonly name: string;
  /** The epoch that the proof leads to, by its name. */
  readonly endEpoch: number;
  readonly bytes: Uint8Array;
}

/** Epochs that are read ahead: with the one in work, so many objects are in memory at most. */
const AHEAD = 2;

/** Reads the objects of consecutive epochs, the next ones while one is verified. */
export class EpochDownloads {
  readonly #source: AkdSource;
  readonly #offset: number;
  readonly #to: number;
  readonly #closed = new AbortController();
  readonly #pending = new Map<number, Promise<Downloaded | undefined>>();

  /** `to` is the last epoch to read. */
  constructor(source: AkdSource, namedEpoch: NamedEpoch, to: number) {
    this.#source = source;
    this.#offset = namedEpoch === 'end' ? 0 : 1;
    this.#to = to;
  }

  /**
   * Returns the object that leads to `epoch`; undefined if there is none. Throws {@link AkdFinding}: `log-forked` for
   * two objects, `malformed-encoding` for a name in another form.
   */
  take(epoch: number): Promise<Downloaded | undefined> {
    for (let next = epoch; next <= Math.min(epoch + AHEAD, this.#to); next++) {
      if (this.#pending.has(next)) continue;
      const download = this.#download(next);
      // It is reported when its turn comes.
      download.catch(() => undefined);
      this.#pending.set(next, download);
    }
    const taken = this.#pending.get(epoch) ?? this.#download(epoch);
    this.#pending.delete(epoch);
    return taken;
  }

  /** Ends what is still read ahead: a slow server must not fill the memory with the objects of rounds that failed. */
  close(): void {
    this.#closed.abort();
  }

  /** Returns the names of the first epoch among those right after `epoch` that has any. */
  async namesAfter(epoch: number): Promise<readonly string[]> {
    for (let next = epoch + 1; next <= epoch + AHEAD; next++) {
      const names = await this.namesAgain(next);
      if (names.length > 0) return names;
    }
    return [];
  }

  /** Asks for the names of an epoch. */
  namesAgain(epoch: number): Promise<readonly string[]> {
    return this.#source.namesOf(epoch - this.#offset, this.#closed.signal);
  }

  async #download(endEpoch: number): Promise<Downloaded | undefined> {
    const names = await this.namesAgain(endEpoch);
    const [name] = names;
    if (name === undefined) return undefined;
    if (names.length > 1) {
      throw new AkdFinding('log-forked', `epoch ${endEpoch} has ${names.length} objects`, { names, endEpoch });
    }
    const { previous, current } = parseName(name, endEpoch, endEpoch - this.#offset);
    return { name, endEpoch, previous, current, bytes: await this.#source.read(name, this.#closed.signal) };
  }
}

function parseName(name: string, endEpoch: number, named: number): ObjectName {
  try {
    const parsed = parseObjectName(name);
    if (parsed.epoch !== named) throw decodeError('an object is named after another epoch');
    return parsed;
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw new AkdFinding(error.code, `epoch ${endEpoch}: ${error.message}`, { names: [name], endEpoch }, error);
  }
}
