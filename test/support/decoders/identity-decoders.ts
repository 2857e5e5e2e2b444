import fc from 'fast-check';
import { authorizationCodec, MAX_SIGNATURE_FORMAT_1 } from '../../../src/identity/authorization.ts';
import { canonicalIdentity, identityOfLabel } from '../../../src/identity/canonical-identity.ts';
import { changeRequestCodec } from '../../../src/identity/change-request.ts';
import { evidenceCodec } from '../../../src/identity/evidence.ts';
import { DEFAULT_IDENTITY_RULES } from '../../../src/identity/identity.ts';
import {
  decodeIdentityRecord,
  encodeIdentityRecord,
  identityRecordCodec,
  pendingCodec,
} from '../../../src/identity/identity-record.ts';
import { type NotifyAction, notifyOrderCodec } from '../../../src/identity/notify-order.ts';
import { decodePercent, encodePercent } from '../../../src/identity/percent-encoding.ts';
import { decodePunycode, encodePunycode } from '../../../src/identity/punycode.ts';
import { authorization, changeRequest, evidence, hash, identityRecord } from '../../identity/record-arbitraries.ts';
import { type Decoder, ofCodec, ofText, reading } from './decoder.ts';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const typed = fc.oneof(
  fc.tuple(word, word).map(([user, host]) => `${user.toUpperCase()}@${host}.Example`),
  fc.tuple(word, word).map(([user, host]) => `acct:${user}@${host}.example`),
  fc.integer({ min: 1_000_000, max: 9_999_999_999 }).map((number) => `+${number}`),
  fc.constantFrom('mailto:j%C3%BCrgen@bücher.example', 'παράδειγμα@παράδειγμα.example', 'o.b@xn--bcher-kva.example'),
);
const canonical = typed.map((text) => canonicalIdentity(text, DEFAULT_IDENTITY_RULES));

/** What reads records, changes and names. */
export const IDENTITY_DECODERS: readonly Decoder[] = [
  ofCodec('evidenceCodec', evidenceCodec, evidence),
  ofCodec('authorizationCodec', authorizationCodec(MAX_SIGNATURE_FORMAT_1), authorization),
  ofCodec('pendingCodec', pendingCodec, fc.record({ spkiSha256: hash, evidence })),
  ofCodec('identityRecordCodec', identityRecordCodec, identityRecord),
  {
    name: 'decodeIdentityRecord',
    inputs: identityRecord.map(encodeIdentityRecord),
    read: reading(decodeIdentityRecord, encodeIdentityRecord),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  ofCodec('changeRequestCodec', changeRequestCodec, changeRequest),
  ofCodec(
    'notifyOrderCodec',
    notifyOrderCodec,
    fc.record({
      origin: word,
      label: fc.uint8Array({ minLength: 1, maxLength: 255 }),
      number: fc.maxSafeNat(),
      action: fc.constantFrom<NotifyAction>('add', 'remove', 'list'),
      subject: fc.uint8Array({ maxLength: 2048 }),
    }),
  ),
  ofText({
    name: 'canonicalIdentity',
    texts: typed,
    read: (text) => canonicalIdentity(text, DEFAULT_IDENTITY_RULES),
    write: ({ text }) => text,
    refusals: ['invalid-identity'],
    canonical: false,
  }),
  {
    name: 'identityOfLabel',
    inputs: canonical.map(({ label }) => label),
    read: reading(
      (input) => identityOfLabel(input, DEFAULT_IDENTITY_RULES),
      ({ label }) => label,
    ),
    refusals: ['invalid-identity'],
    canonical: true,
    selfDelimiting: false,
  },
  ofText({
    name: 'decodePercent',
    texts: fc.string({ unit: 'grapheme' }).map((text) => encodePercent(text.replaceAll('%', ''))),
    read: decodePercent,
    write: encodePercent,
    refusals: ['invalid-identity'],
    canonical: false,
  }),
  ofText({
    name: 'decodePunycode',
    texts: fc.string({ unit: 'binary', maxLength: 12 }).map(encodePunycode),
    read: decodePunycode,
    write: encodePunycode,
    refusals: ['RangeError'],
    canonical: false,
  }),
];
