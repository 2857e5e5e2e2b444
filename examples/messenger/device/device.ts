import {
  type DeviceKey,
  type IssuedCertificate,
  KeyDirectory,
  parseTrustBundle,
  type SignedTrustBundle,
  type StateStore,
} from 'glasskey';
import { IndexedDbState } from 'glasskey/browser';
import { deviceProofText, identityOf } from '../shared/protocol.ts';
import { Backend } from './backend.ts';
import { deviceIdOf, sha256, utf8 } from './bytes.ts';
import { keyOf } from './keys.ts';
import { Storage } from './storage.ts';

/** A certificate of this device with its chain, PEM. */
export type Certified = Pick<IssuedCertificate, 'certificate' | 'chain'>;

/** This browser as a device: storage, backend, and the directory that verifies keys. */
export interface Device {
  readonly storage: Storage;
  readonly backend: Backend;
  readonly directory: KeyDirectory;
  /** The memory of the directory. */
  readonly state: StateStore;
}

/** The user of this device, and the key by which everybody knows it. */
export interface Me {
  readonly name: string;
  readonly identity: string;
  readonly key: DeviceKey;
  /** Id of this device. */
  readonly device: string;
  readonly certified: Certified;
}

/** The user as stored; the key is stored apart. */
interface StoredMe {
  readonly name: string;
  readonly certified: Certified;
}

/** The state of a device after its user has logged in. */
export type Admission =
  | { readonly type: 'ready'; readonly me: Me }
  /** The name has keys already: another device of the user must add this one. */
  | { readonly type: 'must-link'; readonly name: string };

/** Opens what this device knows. An app has the trust bundle inside; here it comes with the page. */
export async function openDevice(): Promise<Device> {
  const state = new IndexedDbState();
  const server = location.origin;
  const [storage, directory] = await Promise.all([
    Storage.open(),
    KeyDirectory.open({ server, bundle: await readTrustBundle(), state }),
  ]);
  return { storage, backend: new Backend(), directory, state };
}

/** Reads the bundle that came with the page. */
export async function readTrustBundle(): Promise<SignedTrustBundle> {
  return parseTrustBundle(await (await fetch('/trust.json', { signal: AbortSignal.timeout(30_000) })).text());
}

/** Returns the user of this device; undefined before it has a certificate. */
export async function readMe({ storage }: Device): Promise<Me | undefined> {
  const stored = await storage.get<StoredMe>('me');
  if (stored === undefined) return undefined;
  const key = await keyOf(storage);
  return { ...stored, identity: identityOf(stored.name), key, device: await deviceIdOf(key) };
}

/** Stores who the user is, once the log has this device's key. */
export async function storeMe(device: Device, name: string, { certificate, chain }: Certified): Promise<Me> {
  const stored: StoredMe = { name, certified: { certificate, chain } };
  await device.storage.put({ me: stored });
  return (await readMe(device)) as Me;
}

/**
 * Makes this device one of a user who is logged in. If the log proves that the name has no keys yet, the backend
 * vouches for this device's key, and the device registers itself. It can be repeated.
 */
export async function admit(device: Device, name: string): Promise<Admission> {
  const known = await readMe(device);
  if (known !== undefined) return { type: 'ready', me: known };
  const identity = identityOf(name);
  const key = await keyOf(device.storage);
  const found = await device.directory.lookup(identity);
  const id = await deviceIdOf(key);
  // A registration whose answer was lost has put this key there: then the same request finds it.
  const isMine = found.found && found.binding.certificates.some(({ spkiSha256 }) => spkiSha256 === id);
  if (found.found && !isMine) return { type: 'must-link', name };
  const grant = await device.backend.grant(await sha256(key.spki));
  const issued = await device.directory.register(identity, { grant, key });
  return { type: 'ready', me: await storeMe(device, name, issued) };
}

/** Shows the backend that this device has its key, and gets its inbox. */
export async function openInbox({ backend }: Pick<Device, 'backend'>, name: string, key: DeviceKey): Promise<void> {
  await backend.addDevice(key.spki, await key.sign(utf8(deviceProofText(name))));
}
