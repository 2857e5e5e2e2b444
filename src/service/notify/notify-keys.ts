import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto';
import { formatBase64Url } from '../../core/encoding/bytes.ts';

/** The keys of notices. All are derived, so every server of a log has the same and none needs a file. */
export interface NotifyDerivedKeys {
  /** Encrypts the addresses: 32 bytes. */
  readonly book: Uint8Array;
  /** Signs what webhooks get: Ed25519. */
  readonly webhook: KeyObject;
  /** Names the sender to push services: P-256, base64url as RFC 8292 has it. */
  readonly vapid: { readonly publicKey: string; readonly privateKey: string };
}

/** The PKCS #8 header of an Ed25519 seed (RFC 8410 §7). */
const ED25519_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Derives the keys from the log's secret for sealing rows (HKDF-SHA-256, RFC 5869); `origin` is its salt. */
export function deriveNotifyKeys(rowSeal: Uint8Array, origin: string): NotifyDerivedKeys {
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', rowSeal, origin, `glasskey notify ${purpose} v1`, 32));
  const webhook = Buffer.concat([ED25519_HEADER, derive('webhook')]);
  return {
    book: new Uint8Array(derive('book')),
    webhook: createPrivateKey({ key: webhook, format: 'der', type: 'pkcs8' }),
    vapid: vapidKeys((attempt) => derive(`push ${attempt}`)),
  };
}

/** Takes the first scalar that P-256 has: one in 2^32 is too large. */
function vapidKeys(scalar: (attempt: number) => Buffer): NotifyDerivedKeys['vapid'] {
  const ecdh = createECDH('prime256v1');
  for (let attempt = 0; ; attempt++) {
    const privateKey = scalar(attempt);
    try {
      ecdh.setPrivateKey(privateKey);
    } catch {
      continue;
    }
    return { publicKey: formatBase64Url(ecdh.getPublicKey()), privateKey: formatBase64Url(privateKey) };
  }
}
