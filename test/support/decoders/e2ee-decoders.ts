import fc from 'fast-check';
import { decodeEnvelope, encodeEnvelope, envelopeHeaderCodec } from '../../../src/client/e2ee/envelope-codec.ts';
import { decodeContent, encodeContent } from '../../../src/client/e2ee/message-claim.ts';
import { formatSafetyPayload, parseSafetyPayload } from '../../../src/client/e2ee/safety-payload.ts';
import { encBytes } from '../../../src/client/e2ee/suites.ts';
import { compareBytes } from '../../../src/core/encoding/bytes.ts';
import { versions } from '../../core/keytrans/message-arbitraries.ts';
import { fixed, hashes } from './arbitraries.ts';
import { type Decoder, ofCodec, ofText, reading } from './decoder.ts';

const slots = fc
  .constantFrom('x25519' as const, 'x-wing' as const)
  .chain((suite) =>
    fc.record({ suite: fc.constant(suite), hint: fixed(8), enc: fixed(encBytes(suite)), sealedKey: fixed(48) }),
  );
const headers = fc.record({
  format: fc.constant(1 as const),
  keyCommitment: hashes,
  slots: fc
    .uniqueArray(slots, { selector: ({ hint }) => String(hint), minLength: 1, maxLength: 3 })
    .map((all) => all.toSorted((a, b) => compareBytes(a.hint, b.hint))),
});
const envelopes = fc.record({ header: headers, ciphertext: fc.uint8Array({ minLength: 16, maxLength: 300 }) });

const parties = fc.record({
  label: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  version: versions,
  commitment: hashes,
});
const contents = fc.record({
  claim: fc.record({
    sender: parties,
    signer: hashes,
    recipient: parties,
    devices: fc
      .uniqueArray(hashes, { selector: String, minLength: 1, maxLength: 3 })
      .map((all) => all.toSorted(compareBytes)),
    messageId: fixed(16),
    sentAtMs: fc.maxSafeNat(),
  }),
  signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
  plaintext: fc.uint8Array({ maxLength: 300 }),
});
const sides = fc.record({ labelHash: fixed(16), keys: hashes });

/** What reads what other people send, end to end. */
export const E2EE_DECODERS: readonly Decoder[] = [
  ofCodec('envelopeHeaderCodec', envelopeHeaderCodec, headers),
  {
    name: 'decodeEnvelope',
    inputs: envelopes.map(encodeEnvelope),
    read: reading(decodeEnvelope, encodeEnvelope),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  {
    name: 'decodeContent',
    inputs: contents.map(encodeContent),
    read: reading(decodeContent, encodeContent),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  ofText({
    name: 'parseSafetyPayload',
    texts: fc.record({ logHash: fixed(16), first: sides, second: sides }).map(formatSafetyPayload),
    read: parseSafetyPayload,
    write: formatSafetyPayload,
    refusals: ['malformed-encoding'],
    canonical: false,
  }),
];
