import { createCsr } from 'glasskey';
import { identityOf } from '../shared/protocol.ts';
import { type Bytes, deviceIdOf, fromBase64, toBase64, utf8 } from './bytes.ts';
import { type Certified, type Device, type Me, openInbox, storeMe } from './device.ts';
import { keyOf } from './keys.ts';

/** The request that a new device shows as a QR code. */
interface LinkRequest {
  readonly name: string;
  /** Id of the new device. */
  readonly device: string;
  /** Certificate request, PEM. */
  readonly csr: string;
  /** Base64 of 32 random bytes. It seals the answer, which the backend carries. Only the old device gets it. */
  readonly secret: string;
}

/** The old device's answer. */
interface LinkAnswer {
  readonly certified: Certified;
  /** `spkiSha256` of every key that the name has now. */
  readonly expected: readonly string[];
}

/** A device that was added, and the certificate that it got. */
export interface Linked {
  readonly device: string;
  readonly serials: readonly string[];
}

const PREFIX = 'messenger-link:';
/** Longest text of a request, characters. */
const MAX_TEXT = 4_000;

/** On the new device: opens its inbox, and returns its id and the text for the QR code. The text can be shown again. */
export async function requestToLink(
  device: Device,
  name: string,
): Promise<{ readonly id: string; readonly code: string }> {
  const { directory, storage } = device;
  const key = await keyOf(storage);
  await openInbox(device, name, key);
  const secret = (await storage.get<string>('link-secret')) ?? toBase64(crypto.getRandomValues(new Uint8Array(32)));
  await storage.put({ 'link-secret': secret });
  const csr = await createCsr(directory.identity(identityOf(name)), key);
  const id = await deviceIdOf(key);
  const request: LinkRequest = { name, device: id, csr, secret };
  return { id, code: PREFIX + btoa(JSON.stringify(request)) };
}

/** On a device of the user: signs the new device into the name, and answers it. The backend has no say. */
export async function approveLink({ directory, backend }: Device, me: Me, text: string): Promise<Linked> {
  const request = readRequest(text);
  if (request.name !== me.name) throw new Error(`This is a device of ${request.name}, and you are ${me.name}.`);
  const { certificate, chain, binding } = await directory.register(me.identity, {
    credentials: me.key,
    csr: request.csr,
  });
  const added = binding.certificates.filter(({ spkiSha256 }) => spkiSha256 === request.device);
  if (added.length === 0) throw new Error('The code names another device than the one that it asks for.');
  const expected = binding.certificates.map(({ spkiSha256 }) => spkiSha256);
  const answer: LinkAnswer = { certified: { certificate, chain }, expected };
  await backend.direct(me.device, request.device, 'link', await seal(request.secret, utf8(JSON.stringify(answer))));
  return { device: request.device, serials: added.map(({ serial }) => serial) };
}

/**
 * On the new device: opens the answer, and takes the name over if it has just the keys that the old device named.
 * Throws `unexpected-version` otherwise: somebody else was added.
 */
export async function finishLink(device: Device, name: string, sealed: Uint8Array): Promise<Me> {
  const secret = await device.storage.get<string>('link-secret');
  if (secret === undefined) throw new Error('This device has asked for no link.');
  const answer = JSON.parse(new TextDecoder().decode(await open(secret, sealed))) as LinkAnswer;
  await device.directory.own(identityOf(name), { expected: answer.expected });
  const me = await storeMe(device, name, answer.certified);
  await device.storage.put({ 'link-secret': undefined });
  return me;
}

function readRequest(text: string): LinkRequest {
  const trimmed = text.trim();
  try {
    if (!trimmed.startsWith(PREFIX) || trimmed.length > MAX_TEXT) throw new Error('no request');
    const request = JSON.parse(atob(trimmed.slice(PREFIX.length))) as LinkRequest;
    const { name, device, csr, secret } = request;
    const isRequest = [name, device, csr, secret].every((part) => typeof part === 'string');
    if (isRequest && fromBase64(secret).length === 32) return request;
  } catch {
    // falls through
  }
  throw new Error('This is not the code of a new device. Copy it again.');
}

const keyFrom = (secret: string): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', fromBase64(secret), 'AES-GCM', false, ['encrypt', 'decrypt']);

const NONCE_BYTES = 12;
const algorithm = (iv: Bytes) => ({ name: 'AES-GCM', iv, additionalData: utf8('messenger link v1') });

async function seal(secret: string, bytes: Bytes): Promise<Uint8Array> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt(algorithm(nonce), await keyFrom(secret), bytes);
  return Uint8Array.of(...nonce, ...new Uint8Array(sealed));
}

async function open(secret: string, sealed: Uint8Array): Promise<Uint8Array> {
  const bytes = new Uint8Array(sealed);
  const [nonce, rest] = [bytes.slice(0, NONCE_BYTES), bytes.slice(NONCE_BYTES)];
  return new Uint8Array(await crypto.subtle.decrypt(algorithm(nonce), await keyFrom(secret), rest));
}
