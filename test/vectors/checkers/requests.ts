import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../../../src/core/encoding/codec.ts';
import { contactMonitorRequestCodec } from '../../../src/core/keytrans/contact-monitor-messages.ts';
import { ownerInitRequestCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import { ownerMonitorRequestCodec } from '../../../src/core/keytrans/owner-monitor-messages.ts';
import { labelValueCodec, updateRequestCodec } from '../../../src/core/keytrans/update-messages.ts';
import { binaryLadderStepCodec, searchRequestCodec } from '../../../src/core/keytrans/messages.ts';
import { type Checker, suiteOf } from '../vector-file.ts';

/** Checks both directions of a codec on one value. */
function both<T>(codec: Codec<T>, value: T, hex: string): void {
  expect(formatHex(encode(codec, value))).toBe(hex);
  expect(decode(codec, parseHex(hex))).toEqual(value);
}

const checkRequest: Checker = ({ input, expect: expected }, file) => {
  switch (input.kind) {
    case 'search-request':
      return both(
        searchRequestCodec,
        { last: input.last, label: parseHex(input.label), version: input.version },
        expected.encoding,
      );
    case 'contact-monitor-request':
      return both(
        contactMonitorRequestCodec,
        { last: input.last, label: parseHex(input.label), entries: input.entries },
        expected.encoding,
      );
    case 'owner-init-request':
      return both(
        ownerInitRequestCodec,
        { last: input.last, label: parseHex(input.label), start: input.start },
        expected.encoding,
      );
    case 'owner-monitor-request': {
      const { last, entries, start, greatest_version: greatestVersion } = input;
      return both(
        ownerMonitorRequestCodec,
        { last, label: parseHex(input.label), entries, start, greatestVersion },
        expected.encoding,
      );
    }
    case 'update-request': {
      const { last, greatest_version: greatestVersion } = input;
      const values = (input.values as string[]).map(parseHex);
      return both(
        updateRequestCodec,
        { last, label: parseHex(input.label), greatestVersion, values },
        expected.encoding,
      );
    }
    case 'label-value':
      return both(labelValueCodec, parseHex(input.value), expected.encoding);
    case 'binary-ladder-step': {
      const commitment = input.commitment === undefined ? undefined : parseHex(input.commitment);
      const step = { proof: parseHex(input.proof), commitment };
      return both(binaryLadderStepCodec({ cipherSuite: suiteOf(file).id }), step, expected.encoding);
    }
    default:
      throw new Error(`no checker for the structure ${input.kind}`);
  }
};

export default checkRequest;
