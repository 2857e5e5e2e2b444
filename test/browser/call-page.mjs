// Two people in one page of chromium, with the code of docs/calls.md between them.
import { answerSomebody, callSomebody, decryptReceiver, encryptSender } from '../../examples/calls/calls.mjs';
import { CallDevice, SframeGroup } from '../../src/client/calls/index.ts';
import { generateKey, KeyDirectory, MemoryState } from '../../src/client/index.ts';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Two ends of a signalling channel. `change` is what the server between them does to a message. */
function signallingPair(change) {
  const inboxOf = () => {
    const messages = [];
    const readers = [];
    const push = (one) => (readers.length > 0 ? readers.shift()(one) : messages.push(one));
    const receive = () =>
      messages.length > 0 ? Promise.resolve(messages.shift()) : new Promise((resolve) => readers.push(resolve));
    return { push, receive };
  };
  const [one, other] = [inboxOf(), inboxOf()];
  return [
    { send: (message) => other.push(change(message)), receive: one.receive },
    { send: (message) => one.push(change(message)), receive: other.receive },
  ];
}

/** Two connections whose candidates reach each other once the descriptions are set. */
function connectionPair() {
  const [left, right] = [0, 1].map(() => new RTCPeerConnection({ encodedInsertableStreams: true }));
  const trickle = (from, to) =>
    from.addEventListener('icecandidate', async ({ candidate }) => {
      for (let i = 0; i < 600 && to.remoteDescription === null; i++) await wait(50);
      if (candidate !== null && to.remoteDescription !== null) await to.addIceCandidate(candidate);
    });
  trickle(left, right);
  trickle(right, left);
  return [left, right];
}

async function newDevice({ server, token, nowMs }) {
  const now = () => nowMs;
  const name = `${Math.random().toString(36).slice(2)}@example.com`;
  const directory = await KeyDirectory.open({ server, state: new MemoryState(), now });
  const key = await generateKey();
  await directory.register(name, { token, key });
  return { name, device: new CallDevice({ directory, name, key, now }) };
}

/** One calls the other; the outcome as each sees it, or the code of the first failure. */
export async function signedCall({ swap, ...log }) {
  const [alice, bob] = [await newDevice(log), await newDevice(log)];
  const [left, right] = connectionPair();
  const swapped = (message) => {
    const sdp = message.sdp?.replaceAll(/(sha-256 )(..)/g, (_, name, byte) => name + (byte === 'AA' ? 'BB' : 'AA'));
    return swap && sdp !== undefined ? { ...message, sdp } : message;
  };
  const [atAlice, atBob] = signallingPair(swapped);
  let rang;
  const isAlice = (name) => (rang = name) === alice.name;
  try {
    const both = [
      callSomebody(alice.device, bob.name, left, atAlice),
      answerSomebody(bob.device, right, atBob, isAlice),
    ];
    const [alices, bobs] = await Promise.all(both);
    const [certificate] = right.sctp.transport.getRemoteCertificates();
    bobs.assertCertificate(new Uint8Array(certificate));
    const reached = alices.peer.identity === bob.name && bobs.peer.identity === alice.name;
    return { reached, rang: rang === alice.name, roles: [alices.role, bobs.role] };
  } catch (error) {
    return { code: error.code ?? String(error), rang: rang === alice.name };
  } finally {
    left.close();
    right.close();
  }
}

function movingPicture() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const context = canvas.getContext('2d');
  setInterval(() => {
    context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
    context.fillRect(Math.random() * 300, Math.random() * 200, 80, 80);
  }, 40);
  return canvas.captureStream(25).getVideoTracks()[0];
}

const exporterOf = (epoch) => async (_label, _context, length) => new Uint8Array(length).fill(epoch);

async function framesDecoded(connection) {
  for (const one of (await connection.getStats()).values()) {
    if (one.type === 'inbound-rtp') return one.framesDecoded ?? 0;
  }
  return 0;
}

/** Sends video by SFrame; then the sender's group goes on without the receiver. */
export async function encryptedVideo({ mimeType, codec }) {
  const groups = [new SframeGroup(), new SframeGroup()];
  const first = { epoch: 1n, exporter: exporterOf(1), members: [0, 1] };
  await Promise.all(groups.map((group, own) => group.update({ ...first, own })));
  const [left, right] = connectionPair();
  const transceiver = left.addTransceiver(movingPicture(), { direction: 'sendonly' });
  const { codecs } = RTCRtpSender.getCapabilities('video');
  transceiver.setCodecPreferences(codecs.filter((one) => one.mimeType === mimeType));
  const sent = encryptSender(transceiver.sender, groups[0], 0, codec);
  const received = new Promise((resolve) =>
    right.addEventListener('track', ({ receiver, track }) => {
      resolve(decryptReceiver(receiver, groups[1], 0, codec));
      const video = Object.assign(document.createElement('video'), { muted: true });
      video.srcObject = new MediaStream([track]);
      void video.play();
    }),
  );
  await left.setLocalDescription();
  await right.setRemoteDescription(left.localDescription);
  await right.setLocalDescription();
  await left.setRemoteDescription(right.localDescription);
  const opened = await received;
  for (let i = 0; i < 300 && (await framesDecoded(right)) < 20; i++) await wait(100);
  const decoded = await framesDecoded(right);
  await groups[0].update({ epoch: 2n, exporter: exporterOf(2), members: [0], own: 0 });
  for (let i = 0; i < 100 && opened.counts().dropped < 5; i++) await wait(100);
  await wait(500);
  const before = await framesDecoded(right);
  await wait(500);
  const after = await framesDecoded(right);
  const outcome = { decoded, stopped: before === after, sent: sent.counts(), opened: opened.counts() };
  left.close();
  right.close();
  return outcome;
}
