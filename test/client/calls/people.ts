import { CallDevice } from '../../../src/client/calls/call-device.ts';
import { type DeviceKey, generateKey } from '../../../src/client/client-key.ts';
import type { KeyDirectory } from '../../../src/client/key-directory.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import type { TestServer } from '../../support/test-server.ts';

export const ALICE = 'alice@example.com';
export const BOB = 'bob@example.com';
export const MALLORY = 'mallory@example.com';

/** A device that can call. */
export interface Person {
  readonly name: string;
  readonly key: DeviceKey;
  readonly directory: KeyDirectory;
  readonly device: CallDevice;
  /** DER of its certificate for DTLS; any bytes do here. */
  readonly dtls: Uint8Array;
  readonly fingerprint: Uint8Array;
}

/** Registers a name with a device of its own. */
export async function newPerson(server: TestServer, name: string): Promise<Person> {
  const directory = await server.client();
  const key = await generateKey();
  await directory.register(name, { token: server.log.token, key });
  return personWith(server, name, key, directory);
}

/** Adds a device to a name. */
export async function newDeviceOf(server: TestServer, { name, key, directory }: Person): Promise<Person> {
  const next = await generateKey({ type: 'ed25519' });
  await directory.register(name, { credentials: key, key: next });
  const own = await server.client();
  await own.own(name);
  return personWith(server, name, next, own);
}

/** A device with a key that it has. */
export function personWith(server: TestServer, name: string, key: DeviceKey, directory: KeyDirectory): Person {
  const dtls = sha256(key.spki);
  const device = new CallDevice({ directory, name, key, now: server.log.clock.now });
  return { name, key, directory, device, dtls, fingerprint: sha256(dtls) };
}

/** A call from one to the other, with the messages as they went. */
export async function callBetween(caller: Person, callee: Person) {
  const started = await caller.device.start(callee.name, [caller.fingerprint]);
  const incoming = await callee.device.receive(started.message);
  const answered = await incoming.answer([callee.fingerprint]);
  const { call, confirm } = await started.accept(answered.message);
  const calleeCall = await answered.confirmed(confirm);
  return { started, incoming, answered, confirm, callerCall: call, calleeCall };
}

/** A session description with one audio and one video section. */
export function sdpOf(...fingerprints: readonly Uint8Array[]): string {
  const [first, second = first] = fingerprints.map(formatFingerprint);
  return [
    'v=0',
    'o=- 1 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 0',
    'c=IN IP4 0.0.0.0',
    `a=fingerprint:sha-256 ${first}`,
    'a=mid:0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    `a=fingerprint:sha-256 ${second}`,
    'a=mid:1',
    '',
  ].join('\r\n');
}

/** `AB:CD:…` */
export function formatFingerprint(fingerprint: Uint8Array): string {
  return formatHex(fingerprint)
    .toUpperCase()
    .replaceAll(/..(?=.)/g, '$&:');
}

/** The texts of a message with one bit of its bytes flipped, for each bit. */
export function* flippedTexts(text: string): Generator<string> {
  const prefix = 'glasskey-call:';
  const encoded = Buffer.from(text.slice(prefix.length), 'base64url');
  for (let bit = 0; bit < encoded.length * 8; bit++) {
    const flipped = Buffer.from(encoded);
    flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
    yield prefix + flipped.toString('base64url');
  }
}

/** The device of a person whose lookups are made once: for tests of many messages. */
export function rememberingDevice(server: TestServer, { directory, name, key }: Person): CallDevice {
  const found = new Map<string, ReturnType<KeyDirectory['lookup']>>();
  const lookup = (text: string): ReturnType<KeyDirectory['lookup']> => {
    const held = found.get(text) ?? directory.lookup(text);
    found.set(text, held);
    return held;
  };
  const { trust } = directory;
  const remembering = {
    trust,
    lookup,
    identity: (text: string) => directory.identity(text),
    lookupVersion: (text: string, version: number) => directory.lookupVersion(text, version),
  };
  return new CallDevice({ directory: remembering, name, key, now: server.log.clock.now });
}
