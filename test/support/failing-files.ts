import * as node from 'node:fs/promises';
import type { FileSystem } from '../../src/service/file-system.ts';

/** How a file system fails: a full disk and a broken one fail once and may be tried again, a killed process does no more. */
export type Failure = 'ENOSPC' | 'EIO' | 'killed';

/** Node's file system, in which the call of number `at` (counted from 1) fails; what it would have done is half done. */
export class FailingFiles {
  calls = 0;
  readonly #failure: Failure;
  readonly #at: number;

  constructor(failure: Failure, at: number) {
    this.#failure = failure;
    this.#at = at;
  }

  /** Throws where it is this call's turn. */
  #turn(): void {
    this.calls++;
    const fails = this.#failure === 'killed' ? this.calls >= this.#at : this.calls === this.#at;
    if (!fails) return;
    throw Object.assign(new Error(this.#failure), { code: this.#failure, syscall: 'test' });
  }

  get fails(): boolean {
    return this.calls >= this.#at;
  }

  readonly files: FileSystem = {
    ...node,
    readFile: this.#wrap(node.readFile),
    readdir: this.#wrap(node.readdir),
    link: this.#wrap(node.link),
    mkdir: this.#wrap(node.mkdir),
    rename: this.#wrap(node.rename),
    unlink: this.#wrap(node.unlink),
    open: (async (...args: Parameters<typeof node.open>) => {
      this.#turn();
      const file = await node.open(...args);
      return {
        writeFile: async (bytes: Uint8Array) => {
          try {
            this.#turn();
          } catch (error) {
            await file.writeFile(bytes.subarray(0, bytes.length / 2));
            throw error;
          }
          await file.writeFile(bytes);
        },
        sync: async () => {
          this.#turn();
          await file.sync();
        },
        truncate: async (length: number) => {
          this.#turn();
          await file.truncate(length);
        },
        chmod: async (mode: number) => {
          this.#turn();
          await file.chmod(mode);
        },
        stat: () => file.stat(),
        // The system closes what a dead process has open.
        close: () => file.close(),
      };
    }) as typeof node.open,
  };

  #wrap<F>(call: F): F {
    const plain = call as (...args: unknown[]) => Promise<unknown>;
    return (async (...args: unknown[]) => {
      this.#turn();
      return plain(...args);
    }) as F;
  }
}
