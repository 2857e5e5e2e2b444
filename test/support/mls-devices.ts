import {
  type CiphersuiteImpl,
  type CiphersuiteName,
  type ClientState,
  createApplicationMessage,
  createGroup,
  type CreateCommitResult,
  decodeMlsMessage,
  encodeMlsMessage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type KeyPackage,
  type MLSMessage,
  type Proposal,
} from 'ts-mls';
import { type ClientKey, type DeviceKey, generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import type { MlsEvent } from '../../src/client/mls/credential-judge.ts';
import { deviceSuite } from '../../src/client/mls/device-suite.ts';
import { type DeviceCertificate, makeKeyPackage, type NewKeyPackage } from '../../src/client/mls/key-package.ts';
import { MlsAuthentication } from '../../src/client/mls/mls-authentication.ts';
import type { Processed, Reported } from '../../src/client/mls/commit-steps.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';

/** The suite of the tests: the one that every implementation of MLS has. */
export const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';

/** A device of a user, with its view of the log and of one group. */
export interface MlsTestDevice {
  readonly name: string;
  readonly directory: KeyDirectory;
  readonly auth: MlsAuthentication;
  readonly events: MlsEvent[];
  /** Paths of its requests, oldest first. */
  readonly requests: string[];
  /** True to let its requests fail. */
  readonly network: { isDown: boolean };
  key: ClientKey;
  issued: DeviceCertificate;
  suite: CiphersuiteImpl;
  group: ClientState;
}

/** A server where devices register: its address, its application's token, and the clock of its clients. */
export interface RegisteringServer {
  readonly url: string;
  readonly log: { readonly token: string; readonly clock: { readonly now: () => number } };
}

/** What differs from device to device. */
export interface MlsDeviceOptions {
  /** A device of the same name, which registers this one. */
  readonly by?: MlsTestDevice;
  readonly key?: DeviceKey;
  readonly suite?: CiphersuiteName;
  readonly servesMs?: number;
}

/** Returns the bare cipher suite. */
export function bareSuite(name: CiphersuiteName = SUITE): Promise<CiphersuiteImpl> {
  return getCiphersuiteImpl(getCiphersuiteFromName(name));
}

/** Registers a device of a name with a client of its own. */
export async function newMlsDevice(
  { url: server, log }: RegisteringServer,
  name: string,
  { by, suite = SUITE, servesMs, ...given }: MlsDeviceOptions = {},
): Promise<MlsTestDevice> {
  const requests: string[] = [];
  const network = { isDown: false };
  const counting: typeof fetch = (input, init) => {
    if (network.isDown) return Promise.reject(new TypeError('no network'));
    requests.push(new URL(input instanceof Request ? input.url : input).pathname);
    return fetch(input, init);
  };
  const directory = await KeyDirectory.open({ server, state: new MemoryState(), now: log.clock.now, fetch: counting });
  const key = given.key ?? (await generateKey({ type: 'ed25519' }));
  const issued =
    by === undefined
      ? await directory.register(name, { token: log.token, key })
      : await by.directory.register(name, { credentials: by.key, key });
  if (by !== undefined) await directory.own(name);
  const events: MlsEvent[] = [];
  const auth = new MlsAuthentication(directory, { onEvent: (one) => events.push(one), servesMs, now: log.clock.now });
  const group = undefined as unknown as ClientState;
  return {
    name,
    directory,
    auth,
    events,
    requests,
    network,
    key,
    issued,
    suite: deviceSuite(await bareSuite(suite), key),
    group,
  };
}

/** Makes a KeyPackage of a device, as it comes over the wire. */
export async function publish(device: MlsTestDevice): Promise<NewKeyPackage> {
  const made = await makeKeyPackage(device, device.suite);
  const sent = transit({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: made.publicPackage });
  if (sent.wireformat !== 'mls_key_package') throw new Error('no KeyPackage');
  return { ...made, publicPackage: sent.keyPackage };
}

/** Sends a message over a wire. */
export function transit(message: MLSMessage): MLSMessage {
  const [sent] = decodeMlsMessage(encodeMlsMessage(message), 0) ?? [];
  if (sent === undefined) throw new Error('a message that cannot be read');
  return sent;
}

/** The proposal to add a KeyPackage. */
export function adding(keyPackage: KeyPackage): Proposal {
  return { proposalType: 'add', add: { keyPackage } };
}

/** The proposal to remove a leaf. */
export function removing(removed: number): Proposal {
  return { proposalType: 'remove', remove: { removed } };
}

/** Begins a group of one. */
export async function beginGroup(device: MlsTestDevice): Promise<void> {
  const { publicPackage, privatePackage } = await publish(device);
  const id = new TextEncoder().encode('group');
  device.group = await createGroup(id, publicPackage, privatePackage, [], device.suite, device.auth.clientConfig());
}

/** Makes a group of devices: the first one begins it and adds the others, who join. */
export async function groupOf(first: MlsTestDevice, ...others: readonly MlsTestDevice[]): Promise<void> {
  await beginGroup(first);
  if (others.length > 0) await addTo([first], ...others);
}

/** The first member adds devices, the other members hear of it, and the added ones join. */
export async function addTo(members: readonly MlsTestDevice[], ...added: readonly MlsTestDevice[]): Promise<void> {
  const packages = await Promise.all(added.map(publish));
  const [first, ...others] = members as [MlsTestDevice, ...MlsTestDevice[]];
  const extraProposals = packages.map(({ publicPackage }) => adding(publicPackage));
  const context = { state: first.group, cipherSuite: first.suite };
  const made = await first.auth.commit(context, { extraProposals, ratchetTreeExtension: true });
  await take(others, made);
  first.group = made.newState;
  for (const [i, device] of added.entries()) await joinBy(device, made, packages[i] as NewKeyPackage);
}

/** A device joins by the Welcome of a commit. */
export async function joinBy(device: MlsTestDevice, made: CreateCommitResult, own: NewKeyPackage): Promise<void> {
  if (made.welcome === undefined) throw new Error('a commit that adds nobody');
  const sent = transit({ version: 'mls10', wireformat: 'mls_welcome', welcome: made.welcome });
  if (sent.wireformat !== 'mls_welcome') throw new Error('no Welcome');
  device.group = await device.auth.join({ ...own, welcome: sent.welcome, cipherSuite: device.suite });
}

/** A device processes a message of its group, and does not use the state yet. */
export function receive(device: MlsTestDevice, message: MLSMessage): Promise<Processed> {
  const sent = transit(message);
  if (sent.wireformat !== 'mls_private_message' && sent.wireformat !== 'mls_public_message')
    throw new Error('no message');
  return device.auth.process(sent, device.group, { cipherSuite: device.suite });
}

/** Devices take a commit. */
export async function take(devices: readonly MlsTestDevice[], { commit }: Pick<CreateCommitResult, 'commit'>) {
  const reports: Reported['report'][] = [];
  for (const device of devices) {
    const { newState, report } = await receive(device, commit);
    device.group = newState;
    reports.push(report);
  }
  return reports;
}

/** One device says something, and another one of the group reads it. */
export async function says(from: MlsTestDevice, to: MlsTestDevice, text: string): Promise<string> {
  const made = await createApplicationMessage(from.group, new TextEncoder().encode(text), from.suite);
  from.group = made.newState;
  const { privateMessage } = made;
  const got = await receive(to, { version: 'mls10', wireformat: 'mls_private_message', privateMessage });
  to.group = got.newState;
  if (got.kind !== 'applicationMessage') throw new Error('no application message');
  return new TextDecoder().decode(got.message);
}
