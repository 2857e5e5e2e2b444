// Two users, a second device, a lost phone, a thief, a closed account. Needs a server: `npm start`.
import { readFileSync } from 'node:fs';
import { x25519 } from '@noble/curves/ed25519.js';
import * as backend from './backend.mjs';
import * as app from './device.mjs';

process.once('uncaughtException', ({ message }) => process.exit(console.error(message) ?? 1));
const { TRUST_FILE = 'certs-dev/trust.json' } = process.env;
const bundle = readFileSync(TRUST_FILE, 'utf8'); // an app has it inside
const run = Date.now();
const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => `acct:${name}-${run}@chat.example`);
const [phoneA, phoneB, tabletB, phoneC] = await Promise.all(
  ['alice', 'bob', 'bob-tablet', 'carol'].map((name) => app.openDevice(`messenger/${run}/${name}`, bundle)),
);
const show = async (who, names) => {
  for (const { name, keys, say } of await app.keysOf(who, names))
    console.log(`  ${name}: ${keys.length} keys. ${say ?? ''}`);
};

await app.registerFirst(phoneA, alice);
const bobs = await app.registerFirst(phoneB, bob);
const identityKey = x25519.getPublicKey(x25519.utils.randomSecretKey()); // of Carol's Signal protocol store
await app.registerFirst(phoneC, carol, { x25519: identityKey });
console.log('Alice looks her address book up:');
await show(phoneA, [bob, carol, `acct:nobody-${run}@chat.example`]);
const [{ keys }] = await app.keysOf(phoneA, [carol]);
app.assertIdentityKey(keys, identityKey);
console.log('  Carol’s Signal identity key is the one in the log');

const request = await app.requestToJoin(tabletB, bob);
await app.takeOver(tabletB, bob, await app.addDevice(phoneB, bob, bobs, request)); // now the tablet watches, too
const next = await app.rotate(phoneB, bob, bobs);
console.log(
  'Bob has added a tablet, and changed the key of his phone. His tablet is alarmed, until the phone explains:',
);
const [{ alerts }] = await tabletB.directory.monitor([bob]);
console.log(`  ${alerts.map(({ reason }) => reason).join('\n  ')}`);
await tabletB.directory.acceptDeviceNote(bob, await phoneB.directory.deviceNote(bob, bobs));
console.log(`${(await tabletB.directory.alerts()).length} alarms are left. Alice sees a change by Bob’s own key:`);
await show(phoneA, [bob]);

const thief = await app.openDevice(`messenger/${run}/thief`, bundle);
await app.recoverLost(thief, bob); // somebody has talked the backend into it
console.log('Somebody else asks for Bob’s name. Alice reads:');
await show(phoneA, [bob]);
await phoneB.directory.veto(bob, next);
console.log('Bob’s phone says no, and Alice reads:');
await show(phoneA, [bob]);

const newPhone = await app.openDevice(`messenger/${run}/carol-2`, bundle);
const { state } = await app.recoverLost(newPhone, carol);
console.log(`Carol lost her only phone. Her new one waits: ${state}. Alice reads:`);
await show(phoneA, [carol]);

await backend.revokeAll(alice, 'cessationOfOperation');
console.log('Alice closes her account. Bob sees:');
await show(phoneB, [alice]);
console.log('Her phone is told, since its key did not sign that:');
console.log(`  ${(await phoneA.directory.monitor([alice]))[0].alerts[0].reason}`);
