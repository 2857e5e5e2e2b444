import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AkdPosition } from '../../akd/audit-epochs.ts';
import type { NamedEpoch } from '../../akd/object-name.ts';
import { writeFileDurably } from '../../client/node/durable-file.ts';
import { readIfPresent } from '../../client/node/read-if-present.ts';
import { takeLock } from '../../client/node/state-lock.ts';
import { JsonFields } from '../../contract/json-fields.ts';
import { formatHex, parseHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';

/** The kind of log that a state belongs to. */
export interface AkdKind {
  readonly configuration: 'whatsapp' | 'experimental';
  /** Of the experimental configuration only. */
  readonly domainLabel?: string | undefined;
  readonly namedEpoch: NamedEpoch;
}

/** The root of an epoch that was verified here, and that the log's auditor had not signed yet. */
export interface UnsignedEpoch {
  readonly epoch: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** The state that an auditor of an AKD log keeps. */
export interface AkdState {
  readonly position: AkdPosition;
  /** In order, at most {@link MAX_UNSIGNED}. */
  readonly unsigned: readonly UnsignedEpoch[];
}

/** Most epochs that a state keeps until the auditor has signed them; older ones are given up. */
export const MAX_UNSIGNED = 1_000;

const VERSION = 1;
const FILE = 'akd-audit.json';

/** The folder of an auditor of an AKD log. It is locked while it is open. */
export class AkdStateFolder {
  readonly #path: string;
  readonly #kind: AkdKind;
  readonly #lock: Awaited<ReturnType<typeof takeLock>>;

  private constructor(folder: string, kind: AkdKind, lock: Awaited<ReturnType<typeof takeLock>>) {
    this.#path = join(folder, FILE);
    this.#kind = kind;
    this.#lock = lock;
  }

  /** Creates the folder if need be, and locks it. Throws `state-locked`. */
  static async open(folder: string, kind: AkdKind): Promise<AkdStateFolder> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new AkdStateFolder(folder, kind, await takeLock(join(folder, 'akd-audit.lock')));
  }

  /** Reads the state; undefined if there is none. Throws `state-corrupt`, `state-too-new`, `usage` for another kind. */
  async read(): Promise<AkdState | undefined> {
    const text = await readIfPresent(this.#path);
    return text === undefined ? undefined : parseState(text, this.#kind, this.#path);
  }

  /** Stores the state durably. Throws `state-locked` if another process took the folder over. */
  async write(state: AkdState): Promise<void> {
    await this.#lock.assertHeld();
    await writeFileDurably(this.#path, `${JSON.stringify(stateJson(state, this.#kind))}\n`);
  }

  /** Unlocks the folder. */
  close(): Promise<void> {
    return this.#lock.release();
  }
}

function stateJson({ position, unsigned }: AkdState, kind: AkdKind): Record<string, unknown> {
  const { startEpoch, startRoot, endEpoch, endRoot, lastName, inserted } = position;
  return {
    version: VERSION,
    kind: kindText(kind),
    startEpoch,
    startRoot: formatHex(startRoot),
    endEpoch,
    endRoot: formatHex(endRoot),
    ...(lastName === undefined ? {} : { lastName }),
    inserted,
    unsigned: unsigned.map(({ epoch, root }) => `${epoch}/${formatHex(root)}`),
  };
}

function parseState(text: string, kind: AkdKind, path: string): AkdState {
  try {
    const fields = new JsonFields(JSON.parse(text), 'state-corrupt', 'state');
    ensure(fields.integer('version') === VERSION, 'state-too-new', `a newer program wrote ${path}`);
    const isSame = fields.string('kind', 1024) === kindText(kind);
    ensure(isSame, 'usage', `${path} is of an audit with another configuration or other names: give another --state`);
    const position = {
      startEpoch: fields.integer('startEpoch'),
      startRoot: rootOf(fields.string('startRoot', 64)),
      endEpoch: fields.integer('endEpoch'),
      endRoot: rootOf(fields.string('endRoot', 64)),
      lastName: fields.has('lastName') ? fields.string('lastName', 256) : undefined,
      inserted: fields.integer('inserted'),
    };
    ensure(position.startEpoch <= position.endEpoch, 'state-corrupt', 'it ends before it starts');
    const unsigned = fields.strings('unsigned', { minimum: 0, maximum: MAX_UNSIGNED }, 128).map((line) => {
      const [, epoch = '', root = ''] = /^(\d{1,15})\/([0-9a-f]{64})$/.exec(line) ?? [];
      return { epoch: Number(epoch), root: rootOf(root) };
    });
    return { position, unsigned };
  } catch (cause) {
    if (cause instanceof GlasskeyError && cause.code !== 'state-corrupt') throw cause;
    throw new GlasskeyError('state-corrupt', `${path} cannot be read: move it away, and audit anew`, { cause });
  }
}

function rootOf(hex: string): Uint8Array {
  const root = parseHex(hex);
  if (root.length !== 32) throw new RangeError('a root is 32 bytes');
  return root;
}

/** Returns true if two kinds are one: their logs have the same hashes and names. */
export function isSameKind(a: AkdKind, b: AkdKind): boolean {
  return kindText(a) === kindText(b);
}

/** Returns the options that name a kind, in one line. */
export function kindWords({ configuration, domainLabel, namedEpoch }: AkdKind): string {
  const domain = domainLabel === undefined ? '' : ` --domain-label ${JSON.stringify(domainLabel)}`;
  return `--configuration ${configuration}${domain} --named-epoch ${namedEpoch}`;
}

function kindText({ configuration, domainLabel, namedEpoch }: AkdKind): string {
  return JSON.stringify([configuration, domainLabel ?? null, namedEpoch]);
}
