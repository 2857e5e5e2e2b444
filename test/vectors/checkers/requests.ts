import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { searchRequestCodec } from '../../../src/core/keytrans/messages.ts';
import type { Checker } from '../vector-file.ts';

const checkRequest: Checker = ({ input, expect: expected }) => {
  if (input.kind !== 'search-request') return { notApplicable: `no ${input.kind} here yet` };
  const request = { last: input.last, label: parseHex(input.label), version: input.version };
  expect(formatHex(encode(searchRequestCodec, request))).toBe(expected.encoding);
  expect(decode(searchRequestCodec, parseHex(expected.encoding))).toEqual(request);
};

export default checkRequest;
