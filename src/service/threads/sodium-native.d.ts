/**
 * The few functions of sodium-native that Glasskey calls; the package brings no types. All write to their first
 * argument.
 */
declare module 'sodium-native' {
  const sodium: {
    /** Adds two points of the curve, in any subgroup. Throws for what is not on the curve. */
    crypto_core_ed25519_add(result: Uint8Array, p: Uint8Array, q: Uint8Array): void;
    /** Reduces 64 little-endian bytes modulo the group order. */
    crypto_core_ed25519_scalar_reduce(result: Uint8Array, scalar: Uint8Array): void;
    /** Multiplies a point of the prime-order subgroup; throws for any other point and for a result of zero. */
    crypto_scalarmult_ed25519_noclamp(result: Uint8Array, scalar: Uint8Array, point: Uint8Array): void;
    crypto_scalarmult_ed25519_base_noclamp(result: Uint8Array, scalar: Uint8Array): void;
  };
  export default sodium;
}
