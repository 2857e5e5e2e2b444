import type { ClientKey } from '../../src/client/client-key.ts';
import {
  decryptContent,
  encryptContent,
  keyCommitment,
  type SealedTo,
  sealingInfo,
  slotHint,
} from '../../src/client/e2ee/content-cipher.ts';
import { decodeEnvelope, encodeEnvelope, type Slot } from '../../src/client/e2ee/envelope-codec.ts';
import { decodeContent, encodeContent, type MessageContent } from '../../src/client/e2ee/message-claim.ts';
import {
  SEALING_SUITES,
  type SealingSuite,
  suitePrivateKey,
  suitePublicKey,
  unwrapKey,
  wrapKey,
} from '../../src/client/e2ee/suites.ts';
import { companionKeysOf } from '../../src/client/keys/companion-secrets.ts';
import { compareBytes, equalBytes } from '../../src/core/encoding/bytes.ts';

/** The parts of an envelope that a device of its recipient can read. */
export interface Unsealed {
  readonly contentKey: Uint8Array;
  readonly content: MessageContent;
}

function pairOf(key: ClientKey): { suite: SealingSuite; publicKey: Uint8Array; privateKey: Uint8Array } {
  const suite = SEALING_SUITES.find((one) => suitePrivateKey(one, key.companionSecrets) !== undefined) as SealingSuite;
  return {
    suite,
    publicKey: suitePublicKey(suite, companionKeysOf(key)) as Uint8Array,
    privateKey: suitePrivateKey(suite, key.companionSecrets) as Uint8Array,
  };
}

/** Reads an envelope as a device of its recipient can, and checks nothing. */
export async function unseal(to: SealedTo, key: ClientKey, envelope: Uint8Array): Promise<Unsealed> {
  const decoded = decodeEnvelope(envelope);
  const { suite, publicKey, privateKey } = pairOf(key);
  const slot = decoded.header.slots.find((one) => equalBytes(one.hint, slotHint(to, suite, one.enc, publicKey)));
  if (slot === undefined) throw new Error('no slot of this key');
  const contentKey = await unwrapKey(suite, privateKey, sealingInfo(to), slot);
  return { contentKey, content: decodeContent(decryptContent(contentKey, decoded)) };
}

/** Seals any content, true or not, to devices of a name. */
export async function reseal(to: SealedTo, keys: readonly ClientKey[], content: MessageContent): Promise<Uint8Array> {
  return resealBytes(to, keys, encodeContent(content));
}

/** As {@link reseal}, for any bytes. */
export async function resealBytes(
  to: SealedTo,
  keys: readonly ClientKey[],
  content: Uint8Array,
  contentKey: Uint8Array = new Uint8Array(32).fill(9),
): Promise<Uint8Array> {
  const slots: Slot[] = [];
  for (const key of keys) {
    const { suite, publicKey } = pairOf(key);
    const wrapped = await wrapKey(suite, publicKey, sealingInfo(to), contentKey);
    slots.push({ suite, hint: slotHint(to, suite, wrapped.enc, publicKey), ...wrapped });
  }
  const ordered = slots.toSorted((a, b) => compareBytes(a.hint, b.hint));
  const header = { format: 1, keyCommitment: keyCommitment(contentKey), slots: ordered } as const;
  return encodeEnvelope({ header, ciphertext: encryptContent(contentKey, header, content) });
}
