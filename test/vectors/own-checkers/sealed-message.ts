import { verifySpkiSignature } from '../../../src/ca/verify-signature.ts';
import { decryptContent, sealingInfo, slotHint } from '../../../src/client/e2ee/content-cipher.ts';
import { decodeEnvelope } from '../../../src/client/e2ee/envelope-codec.ts';
import { type ClaimedParty, decodeContent, sealedMessageText } from '../../../src/client/e2ee/message-claim.ts';
import {
  SEALING_SUITES,
  type SealingSuite,
  suitePrivateKey,
  suitePublicKey,
  unwrapKey,
} from '../../../src/client/e2ee/suites.ts';
import { companionKeysOf } from '../../../src/client/keys/companion-secrets.ts';
import { equalBytes, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import type { OwnChecker } from './checker.ts';

const partyOf = ({ label, version, commitment }: ClaimedParty): object => {
  return { label: formatHex(label), version, commitment: formatHex(commitment) };
};

/** Cases of `sealed-message.json`. */
export const checkSealedMessage: OwnChecker = async ({
  origin,
  label,
  x25519Secret,
  mlKem768Seed,
  senderSpki,
  envelope,
}) => {
  const to = { origin, label: parseHex(label) };
  const companionSecrets = {
    x25519Secret: parseHex(x25519Secret),
    mlKem768Seed: mlKem768Seed === null ? undefined : parseHex(mlKem768Seed),
  };
  const companions = companionKeysOf({ companionSecrets });
  const decoded = decodeEnvelope(parseHex(envelope));
  const own = (suite: SealingSuite) => {
    const publicKey = suitePublicKey(suite, companions);
    const privateKey = suitePrivateKey(suite, companionSecrets);
    const slot = decoded.header.slots.find((one) => {
      return publicKey && one.suite === suite && equalBytes(one.hint, slotHint(to, suite, one.enc, publicKey));
    });
    return slot === undefined || privateKey === undefined ? undefined : { slot, privateKey };
  };
  const found = SEALING_SUITES.map(own).find((one) => one !== undefined);
  if (found === undefined) throw new GlasskeyError('not-for-this-key', 'no slot');
  const { suite } = found.slot;
  const contentKey = await unwrapKey(suite, found.privateKey, sealingInfo(to), found.slot);
  const { claim, plaintext, signature } = decodeContent(decryptContent(contentKey, decoded));
  await verifySpkiSignature(parseHex(senderSpki), sealedMessageText(origin, claim, plaintext), signature);
  return {
    suite,
    sender: partyOf(claim.sender),
    signer: formatHex(claim.signer),
    recipient: partyOf(claim.recipient),
    devices: claim.devices.map(formatHex),
    messageId: formatHex(claim.messageId),
    sentAtMs: claim.sentAtMs,
    plaintext: formatHex(plaintext),
  };
};
