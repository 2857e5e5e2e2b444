// A device of a user: the messenger on a phone or a tablet.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCsr, generateKey, KeyDirectory, MonitoringSchedule } from 'glasskey';
import { FolderState } from 'glasskey/node';
import * as backend from './backend.mjs'; // stands for requests to your backend, in the user's session

const { GLASSKEY_SERVER: server = 'http://127.0.0.1:8080' } = process.env;

/** Opens what the device knows. Ship `bundle` in your app, so that nothing is trusted on first use. */
export async function openDevice(folder, bundle) {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const directory = await KeyDirectory.open({ server, bundle, state: new FolderState(join(folder, 'state')) });
  return { folder, directory };
}

/** Makes a key, and stores it before anything is asked: a lost answer must not lock anyone out. */
export async function newKey({ folder }) {
  const key = await generateKey();
  await writeFile(join(folder, `${Date.now()}.key.pem`), await key.exportPem(), { mode: 0o600 });
  return key;
}

/** The first device of a user. `companions` are keys for encryption, certified with the key. */
export async function registerFirst(device, name, companions) {
  const key = await newKey(device);
  const grant = await backend.grantFor(name, key.spki);
  await device.directory.register(name, { grant, key, companions });
  return key;
}

/** A further device: it shows its request as a QR code, and the first one adds it. The backend has no say. */
export const requestToJoin = async (device, name, key) => createCsr(device.directory.identity(name), key);
export async function addDevice(first, name, credentials, csr) {
  await first.directory.register(name, { credentials, csr });
  return first.directory.deviceNote(name, credentials); // goes to the user's other devices
}

/** The user's address book, before a message is encrypted: the keys of each name, and what to tell the user. */
export async function keysOf(device, names) {
  const outcomes = await device.directory.lookupMany(names);
  return outcomes.map(({ error, result }, i) => {
    if (error !== undefined) return { name: names[i], keys: [], say: problem(error) };
    if (!result.found) return { name: names[i], keys: [], say: undefined }; // proved: nobody has this name
    const keys = result.binding.certificates.map((one) => one.spkiSha256);
    return { name: names[i], keys, say: notice(names[i], result.binding) };
  });
}

/** What a user reads about a contact. Say nothing for an owner's own change, or nobody reads the rest. */
export function notice(name, { change, pending }) {
  if (pending !== undefined) return `Somebody asks to take ${name} over. Ask ${name} in another way if that is right.`;
  const texts = {
    operator: `${name}'s keys were changed by the service, not by ${name}. Ask before you write anything private.`,
    unexplained: `${name}'s keys cannot be explained. Do not write anything private until you have asked ${name}.`,
    recovery: `${name} has new keys: the old ones were lost, or the number has a new owner. Ask who it is.`,
  };
  return texts[change.type];
}

/** What a user reads if something failed. Only a lie keeps the app from sending. */
export function problem(error) {
  if (error.fault !== 'verification') return 'Could not check the keys. Try again later.';
  return `The service showed keys that do not hold (${error.code}). Nothing was sent. Keep the evidence, and tell others.`;
}

/** Signal protocol: throws unless the identity key of a PreKeyBundle, 32 bytes, is certified for this name. */
export function assertIdentityKey({ certificates }, identityKey) {
  const isCertified = certificates.some(
    ({ companions }) => companions?.x25519 && !Buffer.compare(companions.x25519, identityKey),
  );
  if (!isCertified) throw new Error('the backend gave an identity key that is not in the log: nothing was sent');
}

/** Runs when the phone wakes the app, and every few hours: reports what the user has to read. */
export async function watch(device) {
  const { directory } = device;
  const windowMs = directory.trust.config.reasonableMonitoringWindowMs;
  const schedule = (device.schedule ??= new MonitoringSchedule({ windowMs }));
  if (schedule.nextAtMs(await directory.monitoringDue()) > Date.now()) return [];
  try {
    const rounds = await directory.monitor();
    schedule.succeeded();
    return rounds.flatMap(({ alerts }) => alerts).map((alert) => `${alert.identity}: ${alert.reason}`);
  } catch (error) {
    if (error.fault === 'verification') return [problem(error)];
    schedule.failed();
    return schedule.isOverdue ? ['Nobody has watched your name for hours: the service cannot be reached.'] : [];
  }
}

/** A user with no device left. Ask again with the same request, until the state is `effective`. */
export async function recoverLost(device, name) {
  const key = await newKey(device);
  const csr = await createCsr(device.directory.identity(name), key);
  await backend.recover(name, csr);
  return { key, csr, recovery: await device.directory.recover(name, { csr }) };
}
