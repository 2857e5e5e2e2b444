import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { DatabaseAddress } from './connection-string.ts';
import { ScramClient } from './postgres-scram.ts';
import { encodeMessage, errorIn, PostgresWire, type WireMessage, zeroEnded } from './postgres-wire.ts';

const PROTOCOL_3 = 196_608;
/** Kinds of an Authentication message (55.7). */
const AUTHENTICATION = { ok: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/** A session that has begun: what the server said, and the way to ask it more. */
export class PostgresSession {
  readonly #wire: PostgresWire;
  readonly #greeting: readonly WireMessage[];

  constructor(wire: PostgresWire, greeting: readonly WireMessage[]) {
    this.#wire = wire;
    this.#greeting = greeting;
  }

  /** Runs statements, and returns the rows of the last one as texts. Throws the error of the database. */
  async run(statements: string): Promise<readonly (readonly string[])[]> {
    this.#wire.send('Q', zeroEnded(statements));
    let rows: string[][] = [];
    let failure: Error | undefined;
    for (;;) {
      const { type, body } = await this.#wire.read();
      if (type === 'T') rows = [];
      else if (type === 'D') rows.push(rowIn(body));
      else if (type === 'E') failure ??= errorIn(body);
      else if (type === 'Z') break;
    }
    if (failure !== undefined) throw failure;
    return rows;
  }

  /** Leaves the connection to another reader, which is greeted as if it had begun the session. */
  handOver(): void {
    this.#wire.detach(Buffer.concat(this.#greeting.map(encodeMessage)));
  }
}

/** Begins a session: authenticates, and waits until the server is ready. Throws the error of the database. */
export async function login(socket: Socket, address: DatabaseAddress): Promise<PostgresSession> {
  const wire = new PostgresWire(socket);
  const { user, database, options } = address;
  const version = Buffer.alloc(4);
  version.writeUInt32BE(PROTOCOL_3);
  const parameters = ['user', user, 'database', database, 'client_encoding', 'UTF8', 'application_name', 'glasskey'];
  if (options !== undefined) parameters.push('options', options);
  wire.send('', Buffer.concat([version, zeroEnded(...parameters, '')]));
  const greeting: WireMessage[] = [await authenticate(wire, socket, address)];
  for (;;) {
    const message = await wire.read();
    if (message.type === 'E') throw refusalIn(message.body);
    if (message.type === 'S' || message.type === 'K' || message.type === 'Z') greeting.push(message);
    if (message.type === 'Z') return new PostgresSession(wire, greeting);
  }
}

/** Returns the message that says that the user is who he says. */
async function authenticate(wire: PostgresWire, socket: Socket, address: DatabaseAddress): Promise<WireMessage> {
  const { user, password, channelBinding } = address;
  const mustBind = channelBinding === 'require';
  let scram: ScramClient | undefined;
  let isServerProved = false;
  for (;;) {
    const message = await authenticationMessage(wire);
    const kind = message.body.readUInt32BE(0);
    const data = message.body.subarray(4);
    const text = data.toString('utf8');
    if (kind === AUTHENTICATION.sasl) {
      scram = new ScramClient(text.split('\0'), socket, password, channelBinding);
      wire.send('p', saslInitial(scram));
    } else if (kind === AUTHENTICATION.saslContinue && scram !== undefined) {
      wire.send('p', Buffer.from(await scram.answer(text)));
    } else if (kind === AUTHENTICATION.saslFinal && scram !== undefined) {
      scram.assertServer(text);
      isServerProved = true;
    } else if (kind === AUTHENTICATION.ok && isServerProved === (scram !== undefined)) {
      if (mustBind && !isServerProved) break;
      return message;
    } else if (mustBind) break;
    else if (scram !== undefined) throw new Error('the database breaks off SCRAM: it may be an impostor');
    else if (kind === AUTHENTICATION.cleartext && isPrivate(socket)) wire.send('p', zeroEnded(password));
    else if (kind === AUTHENTICATION.cleartext) throw new Error(IN_CLEAR);
    else if (kind === AUTHENTICATION.md5) wire.send('p', zeroEnded(md5Password(user, password, data)));
    else throw new Error('the database authenticates in a way that Glasskey does not know');
  }
  const transport = socket instanceof TLSSocket ? 'the server does not use it' : 'the connection has no TLS';
  throw new Error(`channel_binding=require, and ${transport}`);
}

const IN_CLEAR =
  'the database asks for the password in clear, and the connection has no TLS: add sslmode=verify-full, or use SCRAM';

/** Returns true for TLS, and for a Unix socket, which has no address. */
function isPrivate(socket: Socket): boolean {
  return socket instanceof TLSSocket || socket.remoteAddress === undefined;
}

async function authenticationMessage(wire: PostgresWire): Promise<WireMessage> {
  for (;;) {
    const message = await wire.read();
    if (message.type === 'E') throw refusalIn(message.body);
    if (message.type === 'R' && message.body.length >= 4) return message;
    // Notices, and a server that knows another minor version of the protocol.
    if (message.type !== 'N' && message.type !== 'v') throw new Error('not the protocol of PostgreSQL');
  }
}

/** Returns the error with which a server refuses a session. On a full disk, PostgreSQL has only an internal code. */
function refusalIn(body: Buffer): Error {
  const error = errorIn(body);
  return error.message === 'could not write init file' ? Object.assign(error, { code: '53100' }) : error;
}

function saslInitial({ mechanism, first }: ScramClient): Buffer {
  const data = Buffer.from(first);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([zeroEnded(mechanism), length, data]);
}

function md5Password(user: string, password: string, salt: Buffer): string {
  const inner = createHash('md5')
    .update(password + user)
    .digest('hex');
  return `md5${createHash('md5')
    .update(Buffer.concat([Buffer.from(inner), salt]))
    .digest('hex')}`;
}

/** Returns the columns of a DataRow; the texts asked for here are never null. */
function rowIn(body: Buffer): string[] {
  const columns: string[] = [];
  let at = 2;
  for (let i = body.readUInt16BE(0); i > 0; i--) {
    const length = body.readInt32BE(at);
    at += 4;
    columns.push(body.toString('utf8', at, at + Math.max(length, 0)));
    at += Math.max(length, 0);
  }
  return columns;
}
