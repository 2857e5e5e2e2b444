import { verifySpkiSignature } from '../../../src/ca/verify-signature.ts';
import { addressesHash, mandateMessage, parseMandate } from '../../../src/client/mandate-text.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import type { OwnChecker } from './checker.ts';

/** Cases of `watch-mandate.json`: a text and its addresses. */
export const checkWatchMandate: OwnChecker = async ({ text, addresses }) => {
  const mandate = parseMandate(String(text));
  const message = mandateMessage(mandate);
  await verifySpkiSignature(mandate.signer, message, mandate.signature);
  const { origin, label, watcher, number, expiresMs, versions } = mandate;
  return {
    origin,
    label: formatHex(label),
    watcher: formatHex(watcher),
    number,
    expiresMs,
    addressesHash: formatHex(addressesHash(addresses as readonly string[])),
    versions: versions.map(({ version, commitment }) => ({ version, commitment: formatHex(commitment) })),
    message: formatHex(message),
  };
};
