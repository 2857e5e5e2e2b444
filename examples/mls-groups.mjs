// Groups of MLS whose members are who a Glasskey log says: the code of docs/mls.md.
import { deviceSuite, makeKeyPackage, MlsAuthentication, proposeRemovals } from 'glasskey/mls';
import {
  createApplicationMessage,
  createGroup,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  zeroOutUint8Array,
} from 'ts-mls';

const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';

export async function openDevice(directory, key, issued, show) {
  const auth = new MlsAuthentication(directory, { onEvent: show });
  const cipherSuite = deviceSuite(await getCiphersuiteImpl(getCiphersuiteFromName(SUITE)), key);
  return { auth, key, issued, cipherSuite, show };
}

export async function newKeyPackage(device) {
  const { publicPackage, privatePackage } = await makeKeyPackage(device, device.cipherSuite);
  return { publicPackage, privatePackage }; // publish the first, keep the second until a Welcome came for it
}

export async function begin(device, groupId, own) {
  const { auth, cipherSuite } = device;
  device.group = await createGroup(
    groupId,
    own.publicPackage,
    own.privatePackage,
    [],
    cipherSuite,
    auth.clientConfig(), // without it, ts-mls 1.x accepts everybody
  );
}

export async function add(device, keyPackage) {
  const context = { state: device.group, cipherSuite: device.cipherSuite };
  const extraProposals = [{ proposalType: 'add', add: { keyPackage } }];
  const made = await device.auth.commit(context, { extraProposals, ratchetTreeExtension: true });
  return use(device, made); // send `commit` to the group and `welcome` to the new device
}

export async function join(device, welcome, own) {
  device.group = await device.auth.join({ welcome, ...own, cipherSuite: device.cipherSuite });
}

export async function receive(device, message) {
  const got = await device.auth.process(message, device.group, { cipherSuite: device.cipherSuite });
  use(device, got);
  return got.kind === 'applicationMessage' ? new TextDecoder().decode(got.message) : undefined;
}

export async function send(device, text) {
  const made = await createApplicationMessage(device.group, new TextEncoder().encode(text), device.cipherSuite);
  const { privateMessage } = use(device, made);
  return { version: 'mls10', wireformat: 'mls_private_message', privateMessage };
}

export async function removeDeparted(device) {
  const roster = await device.auth.recheck(device.group); // on a timer, such as every hour
  if (roster.departed.some(({ isSelf }) => isSelf)) device.show({ type: 'own-device-departed' });
  const { messages, ...proposed } = await proposeRemovals(device.group, roster, device.cipherSuite);
  if (messages.length === 0) return [];
  use(device, proposed);
  const { commit } = use(device, await device.auth.commit({ state: device.group, cipherSuite: device.cipherSuite }));
  return [...messages, commit]; // send them in this order
}

export async function replaceKey(device, next) {
  const { group: state, cipherSuite, key: before } = device;
  const { commit } = use(device, await device.auth.replace({ state, cipherSuite, before, next }));
  Object.assign(device, { key: next.key, issued: next.issued, cipherSuite: deviceSuite(cipherSuite, next.key) });
  return commit;
}

function use(device, step) {
  device.group = step.newState;
  step.consumed.forEach(zeroOutUint8Array);
  if (step.report !== undefined) device.show({ type: 'commit', report: step.report });
  return step;
}
