import {
  LOG_END_KEY,
  type LogEnd,
  logEndLeaf,
  signedLogEndCodec,
  signLogEnd,
} from '../../../src/core/audit/log-end.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { ORIGIN, seededBytes, seededSigner } from './keys.ts';
import { hex, type OwnFile, refused, withFlippedBit } from './own-file.ts';

const BUNDLE_KEY = seededSigner(61);
const SUCCESSOR = {
  origin: 'log.example/next',
  url: 'https://next.example',
  fingerprint: seededBytes('fingerprint of the successor', 32),
  bundleKey: seededBytes('bundle key of the successor', 32),
};
const END: LogEnd = { format: 1, origin: ORIGIN, position: 41, reason: 'new keys', successor: SUCCESSOR };

/** Ends of logs, with what the last entry adds. */
export async function makeLogEnds(): Promise<OwnFile> {
  const sign = async (end: LogEnd, key = BUNDLE_KEY): Promise<Uint8Array> =>
    encode(signedLogEndCodec, await signLogEnd(end, (message) => key.sign(message)));
  const input = (encoded: Uint8Array, of: LogEnd, change: { readonly position?: number } = {}) => ({
    logEnd: hex(encoded),
    origin: ORIGIN,
    bundleKey: hex(BUNDLE_KEY.publicKey),
    position: END.position,
    vrfOutput: hex(LOG_END_KEY),
    commitment: hex(logEndLeaf(of).commitment),
    ...change,
  });
  const alone = { ...END, reason: '', successor: undefined };
  const other = { ...END, origin: 'log.example/other' };
  const { origin, url, fingerprint, bundleKey } = SUCCESSOR;
  const successor = { origin, url, fingerprint: hex(fingerprint), bundleKey: hex(bundleKey) };
  const encoded = await sign(END);
  const code = 'bad-log-end';
  return {
    primitive: 'log-end',
    notes: [
      'input.logEnd: a SignedLogEnd, as /log/end serves it; input.bundleKey signs it.',
      'input.position: the last entry of the log; input.vrfOutput and input.commitment: the leaf that it adds.',
    ],
    cases: [
      { name: 'with a successor', input: input(encoded, END), expect: { reason: END.reason, successor } },
      { name: 'without one', input: input(await sign(alone), alone), expect: { reason: '', successor: null } },
      refused('by another key', input(await sign(END, seededSigner(62)), END), code),
      refused('of another log', input(await sign(other), other), code),
      refused('of another entry', input(encoded, END, { position: 42 }), code),
      refused('that the entry is not bound to', input(encoded, alone), code),
      refused('with a bit flipped', input(withFlippedBit(encoded, 30), END), code),
      refused('with a byte more', input(Uint8Array.of(...encoded, 0), END), code),
    ],
  };
}
