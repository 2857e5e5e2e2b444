import { generateKey, isGlasskeyError } from 'glasskey';
import { markVerified, open, safetyNumber, sealTo, verifiedMark } from 'glasskey/e2ee';

/** A key that signs, and companion keys that decrypt. Store it before it is registered. */
export async function newDeviceKey() {
  return generateKey({ companions: ['x25519', 'ml-kem-768'] });
}

/** Returns the bytes to deliver to every device of `to`. */
export async function send({ directory, name, key, show }, to, text) {
  try {
    const sealed = await sealTo(directory, to, new TextEncoder().encode(text), { name, key });
    if (sealed.leftOut.length > 0) show(`${sealed.leftOut.length} devices of ${to} cannot read this`);
    return sealed.envelope;
  } catch (error) {
    if (!isGlasskeyError(error, 'keys-changed')) throw error;
    for (const { reason } of await directory.alerts()) show(reason); // and let the user decide:
    return undefined; // directory.acknowledge([to]), then send again
  }
}

/** Returns the text of an envelope, or undefined if it was here before. */
export async function receive({ directory, name, keys, seen, show }, envelope) {
  const { plaintext, from, messageId, to } = await open(directory, { name, keys }, envelope);
  const id = `${from.identity} ${messageId}`;
  if (seen.has(id)) return undefined; // anybody can deliver a message twice
  seen.add(id);
  if (!from.isCurrent) show(`${from.identity} no longer uses the device that wrote this`);
  return { from: from.identity, text: new TextDecoder().decode(plaintext), readers: to.devices.length };
}

/** Two people meet: one shows a QR code, the other scans it. */
export async function meet({ directory, name }, contact, scan) {
  const number = await safetyNumber(directory, name, contact);
  const scanned = await scan(number); // draws number.qr, shows number.digits, and reads the other screen
  const outcome = number.verify(scanned);
  if (outcome.same) await markVerified(directory, contact, number);
  return outcome;
}

/** A line for the head of a conversation. */
export async function headline({ directory }, contact) {
  const mark = await verifiedMark(directory, contact);
  if (mark === undefined) return 'not verified in person';
  if (mark.status === 'lost') return 'the keys changed without their owner: verify again';
  return mark.status === 'verified' ? 'verified' : `verified; ${mark.added.length} devices are new since`;
}
