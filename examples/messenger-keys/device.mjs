// A device of a user: the messenger on a phone or a tablet.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
// In an app: 'glasskey-client', and 'glasskey-client/node' or, for `IndexedDbState`, 'glasskey-client/browser'.
import { createCsr, generateKey, importKey, KeyDirectory, parseTrustBundle } from 'glasskey';
import { FolderState } from 'glasskey/node';
import * as backend from './backend.mjs'; // stands for requests to your backend, in the user's session

const { GLASSKEY_SERVER: server = 'http://127.0.0.1:8080' } = process.env;

/** Opens what the device knows. `bundle` is the text of trust.json, which your app brings along. */
export async function openDevice(folder, bundle) {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { birthtimeMs: sinceMs } = await stat(folder); // when the app was set up on this device
  const state = new FolderState(join(folder, 'state'));
  const directory = await KeyDirectory.open({ server, bundle: parseTrustBundle(bundle), state });
  return { folder, directory, sinceMs };
}

/** The device's key for a name: made once, and stored before anything is asked, so that every call can be repeated. */
export async function keyOf(device, name, use = 'key') {
  const file = fileOf(device, name, use);
  try {
    return await importKey(await readFile(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const key = await generateKey();
  await writeFile(file, await key.exportPem(), { mode: 0o600, flag: 'wx' });
  return key;
}

const fileOf = ({ folder }, name, use) => join(folder, `${encodeURIComponent(name)}.${use}.pem`);

/** The first device of a user. `companions` are keys for encryption, certified with the key. */
export async function registerFirst(device, name, companions) {
  const key = await keyOf(device, name);
  const grant = await backend.grantFor(name, key.spki); // a fresh one for each attempt
  await device.directory.register(name, { grant, key, companions });
  return key;
}

/** A further device: it shows its request as a QR code, and the first one adds it. The backend has no say. */
export async function requestToJoin(device, name, companions) {
  return createCsr(device.directory.identity(name), await keyOf(device, name), companions);
}
export async function addDevice(first, name, credentials, csr) {
  const { binding } = await first.directory.register(name, { credentials, csr });
  return binding.certificates.map((one) => one.spkiSha256); // goes to the new device, as its `expected`
}

/** Then, on the new device: watches the name, unless it has other keys than the first device showed. */
export async function takeOver(device, name, expected) {
  return device.directory.own(name, { expected });
}

/** Runs at each start. Asks for a new certificate of this device's key after two thirds of the old one's life. */
export async function renewIfDue({ directory }, name, key, companions) {
  const { binding } = await directory.lookup(name);
  const mine = binding?.certificates.findLast(({ spki }) => !Buffer.compare(spki, key.spki));
  if (mine === undefined) return `This device has no valid key for ${name} any more: add it again.`;
  const dueMs = mine.notBeforeMs + ((mine.notAfterMs - mine.notBeforeMs) * 2) / 3;
  if (Date.now() > dueMs) await directory.renew(name, key, companions);
}

/** Replaces this device's key. If the call fails, call it again. */
export async function rotate(device, name, key, companions) {
  const next = await keyOf(device, name, 'next');
  await device.directory.rotate(name, key, next, { companions });
  await rename(fileOf(device, name, 'next'), fileOf(device, name, 'key'));
  return next;
}

/** The user's address book, before a message is encrypted: the keys of each name, and what to tell the user. */
export async function keysOf(device, names) {
  const outcomes = await device.directory.lookupMany(names);
  return outcomes.map(({ error, result }, i) => {
    const name = names[i];
    if (error !== undefined) return { name, keys: [], say: problem(error, name) };
    if (!result.found) return { name, keys: [], say: undefined }; // proved: nobody has this name
    const { certificates, alerts } = result.binding;
    const isAlarming = alerts.some(({ type }) => ALARMS.includes(type)); // until `acknowledge` is called
    const newest = new Map(certificates.map((one) => [one.spkiSha256, one])); // a renewed key has two certificates
    return { name, keys: isAlarming ? [] : [...newest.values()], say: notice(name, result.binding) };
  });
}
const ALARMS = ['unexplained', 'operator'];

/** Returns the text about a contact. It is silent about an owner's own change, or nobody would read the rest. */
export function notice(name, binding) {
  const texts = {
    unexplained: `${name}'s keys cannot be explained. Ask ${name} in another way before you write.`,
    operator: `The service changed ${name}'s keys, not ${name}. Ask ${name} in another way before you write.`,
    recovery: `${name} has new keys: the old ones were lost, or the number has a new owner. Ask who it is.`,
  };
  const worst = Object.keys(texts).find((one) => binding.alerts.some(({ type }) => type === one));
  const asked = binding.pending && `Somebody asks to take ${name} over. Ask ${name} in another way if that is right.`;
  const empty = binding.certificates.length === 0 && `${name} has no valid keys now. Nothing was sent.`;
  return [texts[worst], asked, empty].filter(Boolean).join(' ') || undefined;
}

/** Returns the text for keys that could not be verified. Without a verified answer, accept no new key. */
export function problem(error, name) {
  if (error.code === 'invalid-identity') return `${name} is not a name. Look at how it is written.`;
  if (!isLie(error)) return 'The keys could not be checked. Messages wait until they can.';
  return `The service showed keys that do not hold (${error.code}). Nothing was sent. Tell the people you write to.`;
}
const isLie = ({ fault }) => ['verification', 'decode'].includes(fault);

/** Signal protocol: throws unless the identity key of a PreKeyBundle, 32 bytes, is certified for this name. */
export function assertIdentityKey(certificates, identityKey) {
  const isOf = ({ companions }) => companions?.x25519 && !Buffer.compare(companions.x25519, identityKey);
  if (!certificates.some(isOf)) throw new Error('this identity key is not in the log: nothing was sent');
}

/** Runs at each start and whenever the system wakes the app. Returns everything that the user has to read. */
export async function watch({ directory, sinceMs }) {
  const windowMs = directory.trust.config.reasonableMonitoringWindowMs;
  const due = await directory.monitoringDue();
  const isOlder = (some, ms, first) => some.some(({ monitoredAtMs = first }) => Date.now() - monitoredAtMs > ms);
  const owned = due.filter(({ role }) => role === 'owner');
  const say = [];
  try {
    if (isOlder(due, windowMs / 4, 0)) await directory.monitor();
  } catch (error) {
    if (isLie(error)) say.push(problem(error));
    else if (isOlder(owned, windowMs, sinceMs)) say.push('The service cannot be reached: nobody watches your name.');
  }
  const alerts = await directory.alerts(); // kept, whatever else failed
  return [...alerts.map(({ identity, reason }) => `${identity}: ${reason}`), ...say];
}

/** A user with no device left. Call it again until `state` is `effective`. */
export async function recoverLost(device, name, companions) {
  const key = await keyOf(device, name, 'recovery');
  const csr = await createCsr(device.directory.identity(name), key, companions);
  await backend.recover(name, csr);
  return device.directory.recover(name, { csr });
}
