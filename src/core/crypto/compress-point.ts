/** Compresses an uncompressed point of any curve (SEC 1 §2.3.3); returns other bytes unchanged. */
export function compressPoint(publicKey: Uint8Array): Uint8Array {
  if (publicKey[0] !== 4 || publicKey.length % 2 === 0) return publicKey;
  const isOdd = ((publicKey.at(-1) as number) & 1) === 1;
  const compressed = publicKey.slice(0, (publicKey.length + 1) / 2);
  compressed[0] = isOdd ? 3 : 2;
  return compressed;
}
