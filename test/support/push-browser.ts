import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto';

/** A browser with a push subscription, as far as messages are concerned (RFC 8291). */
export interface PushBrowser {
  readonly p256dh: Buffer;
  readonly auth: Buffer;
  /** The JSON that the page has from `PushSubscription.toJSON()`. */
  subscription(endpoint: string): string;
  /** Decrypts a body as the browser does. Throws for anything that was not encrypted for this subscription. */
  decrypt(body: Buffer): string;
}

/** Subscribes, with fresh keys or those that are given. */
export function pushBrowser(privateKey?: Buffer, auth = randomBytes(16)): PushBrowser {
  const ecdh = createECDH('prime256v1');
  if (privateKey === undefined) ecdh.generateKeys();
  else ecdh.setPrivateKey(privateKey);
  const p256dh = ecdh.getPublicKey();
  return {
    p256dh,
    auth,
    subscription: (endpoint) =>
      JSON.stringify({
        endpoint,
        expirationTime: null,
        keys: { p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') },
      }),
    decrypt(body) {
      const [salt, idLength] = [body.subarray(0, 16), body[20] ?? 0];
      const senderKey = body.subarray(21, 21 + idLength);
      const record = body.subarray(21 + idLength);
      // RFC 8291 §3.4
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), p256dh, senderKey]);
      const ikm = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(senderKey), auth, info, 32));
      const key = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: aes128gcm\0', 16));
      const nonce = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: nonce\0', 12));
      const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(record.subarray(-16));
      const plain = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
      // RFC 8188 §2: the last record ends with 0x02 and zeros.
      const end = plain.lastIndexOf(2);
      if (end === -1 || plain.subarray(end + 1).some((byte) => byte !== 0)) throw new Error('no end of the record');
      return plain.subarray(0, end).toString();
    },
  };
}
