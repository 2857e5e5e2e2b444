import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';

const PLAIN = 'SCRAM-SHA-256';
const BOUND = 'SCRAM-SHA-256-PLUS';
const KEY_BYTES = 32;
/** Bounds the work that a server can cause. PostgreSQL's default is 4,096. */
const MAX_ITERATIONS = 1_000_000;

/** Hash functions other than SHA-256 of certificate signatures, by the algorithm (RFC 8017, RFC 5758). */
const CERTIFICATE_HASHES = new Map([
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
]);

const derive = promisify(pbkdf2);

/** One SCRAM-SHA-256 exchange of a client (RFC 5802, RFC 7677), bound to the TLS connection if it can be. */
export class ScramClient {
  readonly mechanism: string;
  readonly #header: string;
  readonly #binding: Buffer;
  readonly #firstBare = `n=*,r=${randomBytes(18).toString('base64')}`;
  readonly #password: string;
  #serverSignature: Buffer | undefined;

  /** Throws if channel binding is required and not possible. */
  constructor(offered: readonly string[], socket: Socket, password: string, binding: 'disable' | 'prefer' | 'require') {
    const endPoint = binding !== 'disable' && socket instanceof TLSSocket ? serverEndPoint(socket) : undefined;
    const isBound = endPoint !== undefined && offered.includes(BOUND);
    if (binding === 'require' && !isBound) throw new Error('channel_binding=require, and the server offers none');
    if (!isBound && !offered.includes(PLAIN)) throw new Error('the server offers no SCRAM-SHA-256');
    this.mechanism = isBound ? BOUND : PLAIN;
    this.#header = isBound ? 'p=tls-server-end-point,,' : endPoint === undefined ? 'n,,' : 'y,,';
    this.#binding = isBound ? endPoint : Buffer.alloc(0);
    this.#password = password.normalize('NFKC');
  }

  /** The client's first message. */
  get first(): string {
    return this.#header + this.#firstBare;
  }

  /** Returns the client's final message. Throws if the server's first one is not an answer to {@link first}. */
  async answer(serverFirst: string): Promise<string> {
    const fields = new Map(serverFirst.split(',').map((field) => [field.slice(0, 1), field.slice(2)]));
    const nonce = fields.get('r') ?? '';
    const salt = Buffer.from(fields.get('s') ?? '', 'base64');
    const iterations = Number(fields.get('i'));
    const isAnswer = nonce.startsWith(this.#firstBare.slice('n=*,r='.length)) && salt.length > 0;
    const isBounded = Number.isSafeInteger(iterations) && iterations > 0 && iterations <= MAX_ITERATIONS;
    if (!isAnswer || !isBounded) throw new Error('the database does not authenticate as SCRAM says');
    const salted = await derive(this.#password, salt, iterations, KEY_BYTES, 'sha256');
    const channel = Buffer.concat([Buffer.from(this.#header), this.#binding]).toString('base64');
    const withoutProof = `c=${channel},r=${nonce}`;
    const signed = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), signed);
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** Throws unless the server's final message proves that it knows the password. */
  assertServer(serverFinal: string): void {
    const given = Buffer.from(/^v=([^,]*)/.exec(serverFinal)?.[1] ?? '', 'base64');
    const expected = this.#serverSignature;
    const holds = expected !== undefined && given.length === expected.length && timingSafeEqual(given, expected);
    if (!holds) throw new Error('the database does not know the password: it may be an impostor');
  }
}

/** Returns `tls-server-end-point` (RFC 5929 §4.1): a hash of the server's certificate. */
function serverEndPoint(socket: TLSSocket): Buffer | undefined {
  const raw = socket.getPeerX509Certificate()?.raw;
  return raw && createHash(hashOf(raw)).update(raw).digest();
}

/** Returns the hash function of a certificate's signature. SHA-256 stands for those that are too weak. */
function hashOf(certificate: Buffer): string {
  const signedPart = elementAt(certificate, elementAt(certificate, 0).start);
  const identifier = elementAt(certificate, elementAt(certificate, signedPart.end).start);
  return CERTIFICATE_HASHES.get(certificate.toString('hex', identifier.start, identifier.end)) ?? 'sha256';
}

/** Returns where the content of a DER element starts and ends. TLS has parsed the certificate. */
function elementAt(der: Buffer, at: number): { readonly start: number; readonly end: number } {
  const short = der.readUInt8(at + 1);
  const lengthBytes = short < 0x80 ? 0 : short - 0x80;
  const start = at + 2 + lengthBytes;
  return { start, end: start + (lengthBytes === 0 ? short : der.readUIntBE(at + 2, lengthBytes)) };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
