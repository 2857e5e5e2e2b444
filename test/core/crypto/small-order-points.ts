import { parseHex } from '../../../src/core/encoding/bytes.ts';

const ZEROS = '00'.repeat(30);
const ONES = 'ff'.repeat(30);

/** The encodings of the eight points of small order of edwards25519. */
export const SMALL_ORDER_POINTS: readonly Uint8Array[] = [
  `01${ZEROS}00`,
  `ec${ONES}7f`,
  `00${ZEROS}00`,
  `00${ZEROS}80`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
].map(parseHex);

/** Encodings that RFC 8032 §5.1.3 refuses: a negative zero, and y of at least 2^255-19. */
export const NON_CANONICAL_POINTS: readonly Uint8Array[] = [
  `01${ZEROS}80`,
  `ec${ONES}ff`,
  `ed${ONES}7f`,
  `ed${ONES}ff`,
  `ee${ONES}7f`,
  `ee${ONES}ff`,
  `f0${ONES}7f`,
  `ff${ONES}7f`,
  `ff${ONES}ff`,
].map(parseHex);

/** A y coordinate that no point of the curve has. */
export const NOT_ON_CURVE: Uint8Array = parseHex(`02${ZEROS}00`);
