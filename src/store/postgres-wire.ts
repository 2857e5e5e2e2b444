import type { Socket } from 'node:net';

/** A message of PostgreSQL's protocol (55.7). */
export interface WireMessage {
  readonly type: string;
  readonly body: Buffer;
}

/** Longest message before a session is ready, bytes. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Most bytes before a session is ready: some messages are kept until then, and an honest server sends a few KiB. */
const MAX_BYTES = 2 * 1024 * 1024;
const HEADER_BYTES = 5;

/** Reads and writes messages while a session begins. */
export class PostgresWire {
  readonly #socket: Socket;
  #arrived = Buffer.alloc(0);
  /** Bytes that have arrived, read or not. */
  #total = 0;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  readonly #onData = (chunk: Buffer): void => {
    this.#total += chunk.length;
    if (this.#total > MAX_BYTES) return void this.#socket.destroy(flooded());
    this.#arrived = Buffer.concat([this.#arrived, chunk]);
    this.#wake();
  };
  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
    this.#wake();
  };
  readonly #onClose = (): void => this.#onError(connectionEnded());

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('error', this.#onError).on('close', this.#onClose);
    socket.resume();
  }

  /** Writes a message; the first one of a connection has no type. */
  send(type: string, body: Buffer): void {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length + 4);
    this.#socket.write(Buffer.concat([Buffer.from(type, 'latin1'), length, body]));
  }

  /** Reads the only byte that has arrived: a second one could be injected before TLS begins. */
  async readSoleByte(): Promise<string> {
    await this.#until(1);
    if (this.#arrived.length > 1) throw new Error('the database sent data before TLS');
    return this.#take(1).toString('latin1');
  }

  async read(): Promise<WireMessage> {
    await this.#until(HEADER_BYTES);
    const length = this.#arrived.readUInt32BE(1);
    if (length < 4 || length > MAX_MESSAGE_BYTES) throw new Error('not the protocol of PostgreSQL');
    await this.#until(1 + length);
    const message = this.#take(1 + length);
    return { type: message.toString('latin1', 0, 1), body: message.subarray(HEADER_BYTES) };
  }

  /** Leaves the socket to another reader, which gets `first` and then what has arrived. */
  detach(first: Buffer): void {
    this.#socket.off('data', this.#onData).off('error', this.#onError).off('close', this.#onClose);
    this.#socket.pause();
    const left = Buffer.concat([first, this.#arrived]);
    if (left.length > 0) this.#socket.unshift(left);
  }

  #take(bytes: number): Buffer {
    const taken = this.#arrived.subarray(0, bytes);
    this.#arrived = this.#arrived.subarray(bytes);
    return taken;
  }

  async #until(bytes: number): Promise<void> {
    while (this.#arrived.length < bytes) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The error for a connection that ended while it began. */
export function connectionEnded(): Error {
  return Object.assign(new Error('the connection ended while it began'), { code: 'CONNECTION_CLOSED' });
}

function flooded(): Error {
  return new Error(`the database sent more than ${MAX_BYTES / 1024 / 1024} MiB before its session was ready`);
}

/** Encodes texts, each ended by a zero byte. */
export function zeroEnded(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(''), 'utf8');
}

/** Encodes a message of the server, to be read again. */
export function encodeMessage({ type, body }: WireMessage): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(type, 'latin1');
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** Returns the error in an ErrorResponse, with its SQLSTATE as `code`. */
export function errorIn(body: Buffer): Error {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  return Object.assign(new Error(fields.get('M') ?? 'refused'), { code: fields.get('C') });
}
