import { compareHeads, parseHeads } from '../../../src/client/heads-text.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import type { OwnChecker } from './checker.ts';

/** Cases of `shared-heads.json`: a text alone, or two that are compared. */
export const checkSharedHeads: OwnChecker = ({ text, mine, theirs }) => {
  if (typeof text === 'string') {
    const { origin, heads } = parseHeads(text);
    return { origin, heads: heads.map(({ position, logRoot }) => ({ position, logRoot: formatHex(logRoot) })) };
  }
  return { ...compareHeads(parseHeads(String(mine)).heads, parseHeads(String(theirs)).heads) };
};
