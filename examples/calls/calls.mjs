// Calls between two people, and media of a group (docs/calls.md). `peer` is an RTCPeerConnection.
import { sdpFingerprints, sframeTransform } from 'glasskey/calls';

export function proofChannel(peer) {
  const channel = peer.createDataChannel('proof', { negotiated: true, id: 0 });
  channel.binaryType = 'arraybuffer';
  const opened = new Promise((resolve) => channel.addEventListener('open', resolve));
  const received = new Promise((resolve) => channel.addEventListener('message', ({ data }) => resolve(data)));
  return { channel, opened, received };
}

export async function callSomebody(device, name, peer, signalling) {
  const proof = proofChannel(peer);
  await peer.setLocalDescription();
  const started = await device.start(name, sdpFingerprints(peer.localDescription.sdp));
  signalling.send({ message: started.message, sdp: peer.localDescription.sdp });
  const { message, sdp } = await signalling.receive();
  const { call, confirm } = await started.accept(message);
  await peer.setRemoteDescription({ type: 'answer', sdp: call.verifySdp(sdp) });
  signalling.send({ confirm });
  return proveConnection(call, proof);
}

export async function answerSomebody(device, peer, signalling, mayAnswer) {
  const { message, sdp } = await signalling.receive();
  const incoming = await device.receive(message);
  if (!(await mayAnswer(incoming.caller.identity))) return undefined;
  const proof = proofChannel(peer);
  await peer.setRemoteDescription({ type: 'offer', sdp: incoming.verifySdp(sdp) });
  await peer.setLocalDescription();
  const answered = await incoming.answer(sdpFingerprints(peer.localDescription.sdp));
  signalling.send({ message: answered.message, sdp: peer.localDescription.sdp });
  const { confirm } = await signalling.receive();
  return proveConnection(await answered.confirmed(confirm), proof);
}

async function proveConnection(call, { channel, opened, received }) {
  await opened;
  channel.send(call.channelProof);
  call.assertChannelProof(new Uint8Array(await received));
  return call; // from here on, play what arrives, and show call.peer.identity
}

export function encryptSender(sender, group, stream, codec) {
  const { readable, writable } = sender.createEncodedStreams();
  const transform = sframeTransform(group.sealer(stream), { codec });
  void readable.pipeThrough(transform).pipeTo(writable);
  return transform;
}

export function decryptReceiver(receiver, group, from, codec) {
  const { readable, writable } = receiver.createEncodedStreams();
  const onDrop = ({ code }) => console.warn(`dropped a frame: ${code}`);
  const transform = sframeTransform(group, { codec, from, onDrop });
  void readable.pipeThrough(transform).pipeTo(writable);
  return transform;
}
