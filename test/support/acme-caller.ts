import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { PATHS } from '../../src/contract/paths.ts';
import type { AcmeKeyAnswer } from '../../src/contract/bodies.ts';
import type { TestServer } from './test-server.ts';

/** Text or an object as base64url. */
export function base64Url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** A key of an ACME client. */
export interface CallerKey {
  readonly jwk: object;
  readonly alg: string;
  readonly sign: (input: string) => string;
}

/** Makes a P-256 key. */
export function callerKey(pair: { privateKey: KeyObject; publicKey: KeyObject } = p256()): CallerKey {
  const jwk = pair.publicKey.export({ format: 'jwk' });
  return {
    jwk,
    alg: 'ES256',
    sign: (input) =>
      sign('sha256', Buffer.from(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  };
}

function p256(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** A flattened JWS: `header` as it is given. */
export function jws(header: object, payload: unknown, key: Pick<CallerKey, 'sign'>): Record<string, string> {
  const parts = { protected: base64Url(header), payload: payload === undefined ? '' : base64Url(payload) };
  return { ...parts, signature: key.sign(`${parts.protected}.${parts.payload}`) };
}

/** Signs with a MAC key, in base64url. */
export function macKey(hmacKey: string): Pick<CallerKey, 'sign'> {
  const key = Buffer.from(hmacKey, 'base64url');
  return { sign: (input) => createHmac('sha256', key).update(input).digest('base64url') };
}

/** An answer of an ACME server. */
export interface AcmeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
  /** The error type without its prefix, or the status. */
  readonly outcome: string | number;
}

/** Sends a body as an ACME client does. */
export async function sendJose(
  url: string,
  body: string | object,
  type = 'application/jose+json',
): Promise<AcmeAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body: text });
  const answered = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true && answered !== '';
  const json = isJson ? (JSON.parse(answered) as Record<string, unknown>) : {};
  const outcome = typeof json['type'] === 'string' ? json['type'].split(':').pop()! : response.status;
  return { status: response.status, headers: response.headers, text: answered, json, outcome };
}

/** An ACME client that says exactly what a test wants. */
export class AcmeCaller {
  readonly #server: TestServer;
  readonly key: CallerKey;
  kid = '';

  constructor(server: TestServer, key: CallerKey = callerKey()) {
    this.#server = server;
    this.key = key;
  }

  /** Asks for a binding key, as an application. */
  async bindingKey(body: object = {}, token = this.#server.log.token): Promise<AcmeKeyAnswer> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await (await fetch(this.#server.url + PATHS.acmeKeys, init)).json()) as AcmeKeyAnswer;
  }

  /** A nonce of the server. */
  async nonce(): Promise<string> {
    const response = await fetch(this.#server.url + PATHS.acmeNewNonce, { method: 'HEAD' });
    return response.headers.get('replay-nonce') ?? '';
  }

  /** The binding of this key by a binding key. */
  binding({ keyId, hmacKey }: Pick<AcmeKeyAnswer, 'keyId' | 'hmacKey'>, changes: object = {}): object {
    const header = { alg: 'HS256', kid: keyId, url: this.#server.url + PATHS.acmeNewAccount, ...changes };
    return jws(header, this.key.jwk, macKey(hmacKey));
  }

  /** Posts a payload to a path or URL; `changes` go into the header, and undefined takes a member out. */
  async post(to: string, payload?: unknown, changes: object = {}): Promise<AcmeAnswer> {
    const url = to.startsWith('http') ? to : this.#server.url + to;
    const sender = this.kid === '' ? { jwk: this.key.jwk } : { kid: this.kid };
    const header = { alg: this.key.alg, nonce: await this.nonce(), url, ...sender, ...changes };
    return sendJose(url, jws(header, payload, this.key));
  }

  /** Opens an account. */
  async open(body: object = {}, token?: string): Promise<this> {
    const payload = { externalAccountBinding: this.binding(await this.bindingKey(body, token)) };
    const { headers, text } = await this.post(PATHS.acmeNewAccount, payload);
    const location = headers.get('location');
    if (location === null) throw new Error(text);
    this.kid = location;
    return this;
  }

  /** Orders a certificate for an address. */
  order(address: string, type = 'email'): Promise<AcmeAnswer> {
    return this.post(PATHS.acmeNewOrder, { identifiers: [{ type, value: address }] });
  }
}
