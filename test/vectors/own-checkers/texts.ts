import { verifySpkiSignature } from '../../../src/ca/verify-signature.ts';
import {
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  callMessageHash,
  type CallMessageKind,
  callSignedBytes,
  parseCallMessage,
} from '../../../src/client/calls/call-messages.ts';
import { verifiedCall } from '../../../src/client/calls/verified-call.ts';
import { deviceNoteMessage, parseDeviceNote } from '../../../src/client/device-note-text.ts';
import { formatSafetyPayload, parseSafetyPayload } from '../../../src/client/e2ee/safety-payload.ts';
import { keySet, sideFingerprint } from '../../../src/client/e2ee/safety-side.ts';
import { SAFETY_WORDS } from '../../../src/client/e2ee/safety-words.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { compareBytes, encodeUtf8, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import type { OwnChecker } from './checker.ts';

/** Cases of `device-note.json`. */
export const checkDeviceNote: OwnChecker = async ({ text }) => {
  const { signature, ...note } = parseDeviceNote(text);
  const message = deviceNoteMessage(note);
  await verifySpkiSignature(note.signer, message, signature);
  const { origin, version } = note;
  const [label, commitment, signer] = [note.label, note.commitment, note.signer].map(formatHex);
  return { origin, label, version, commitment, signer, message: formatHex(message) };
};

/** Bytes of a message's fields as vectors have them. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return formatHex(value);
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, readable(one)]));
}

async function read<T>(kind: CallMessageKind<T>, text: string, spki: Uint8Array) {
  const { body, signature } = parseCallMessage(kind, text);
  await verifySpkiSignature(spki, callSignedBytes(kind, body), signature);
  const hash = callMessageHash(kind, body);
  return { hash, shown: { ...(readable(body) as object), hash: formatHex(hash) } };
}

/** The two proofs of a call whose answer has this hash. */
function proofs(transcript: Uint8Array): object {
  const peer = {} as Parameters<typeof verifiedCall>[0]['peer'];
  const facts = { callId: new Uint8Array(32), peer, peerFingerprints: [], transcript };
  const [callerProof, calleeProof] = (['caller', 'callee'] as const).map((role) => {
    return formatHex(verifiedCall({ role, ...facts }).channelProof);
  });
  return { callerProof, calleeProof };
}

/** Cases of `call-message.json`. */
export const checkCallMessage: OwnChecker = async ({ type, text, spki }) => {
  if (type === 'offer') return (await read(CALL_OFFER, text, parseHex(spki))).shown;
  if (type === 'confirm') return (await read(CALL_CONFIRM, text, parseHex(spki))).shown;
  const { hash, shown } = await read(CALL_ANSWER, text, parseHex(spki));
  return { ...shown, ...proofs(hash) };
};

const half = (bytes: Uint8Array): Uint8Array => sha256(bytes).slice(0, 16);

/** Cases of `safety-number.json`. */
export const checkSafetyNumber: OwnChecker = ({ origin, sides, qr, list }) => {
  if (list === true) return { words: SAFETY_WORDS };
  if (qr !== undefined) {
    const { logHash, first, second } = parseSafetyPayload(qr);
    const shown = [first, second].map(({ labelHash, keys }) => ({ name: formatHex(labelHash), keys: formatHex(keys) }));
    return { log: formatHex(logHash), sides: shown };
  }
  const read = (sides as readonly { readonly label: string; readonly keys: readonly string[] }[])
    .map(({ label, keys }) => ({ label: parseHex(label), keys: keys.map(parseHex) }))
    .toSorted((a, b) => compareBytes(a.label, b.label));
  const [first, second] = read.map(({ label, keys }) => {
    const covered = keySet(keys.map((keysSha256) => ({ keysSha256 })));
    return { label, side: sideFingerprint({ origin, label, keys: covered }) };
  });
  if (first === undefined || second === undefined) throw new Error('a safety number has two sides');
  return {
    digits: [...first.side.digits, ...second.side.digits].join(' '),
    words: [...first.side.words, ...second.side.words],
    qr: formatSafetyPayload({
      logHash: half(encodeUtf8(origin)),
      first: { labelHash: half(first.label), keys: first.side.hash },
      second: { labelHash: half(second.label), keys: second.side.hash },
    }),
  };
};
