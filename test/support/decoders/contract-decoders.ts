import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { signTrustBundle } from '../../../src/contract/bundle-signature.ts';
import { parseJson } from '../../../src/contract/json-fields.ts';
import {
  formatCertificateAnswer,
  formatRevocationAnswer,
  parseCertificateAnswer,
  parseEmailChallengeAnswer,
  parsePlacedAnswer,
  parseRevocationAnswer,
} from '../../../src/contract/parse-answers.ts';
import { parseProblem } from '../../../src/contract/parse-problem.ts';
import {
  formatCertificateRequest,
  formatRevocationRequest,
  formatVetoRequest,
  parseAcmeKeyRequest,
  parseCertificateRequest,
  parseEmailChallengeRequest,
  parseRegistrationGrantRequest,
  parseRevocationRequest,
} from '../../../src/contract/parse-requests.ts';
import {
  formatNotifyOrderRequest,
  parseNotifyAnswer,
  parseNotifyConfirmation,
  parseNotifyOrderRequest,
} from '../../../src/contract/notify-bodies.ts';
import {
  formatRecoveryAnswer,
  formatRecoveryRequest,
  formatVetoAnswer,
  parseRecoveryAnswer,
  parseRecoveryRequest,
  parseVetoRequest,
} from '../../../src/contract/recovery-bodies.ts';
import { formatTrustBundle, parseTrustBundle } from '../../../src/contract/parse-trust-bundle.ts';
import { readPem } from '../../../src/contract/pem-text.ts';
import type { TrustBundle } from '../../../src/contract/trust-bundle.ts';
import { ed25519Vkey, formatVkey } from '../../../src/core/audit/vkey.ts';
import type { Signer } from '../../../src/core/crypto/signer.ts';
import { formatBase64, formatHex } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { formatPem } from '../../../src/ca/der/pem.ts';
import { referenceConfiguration } from '../reference-log.ts';
import { fixed } from './arbitraries.ts';
import { type Decoder, ofJson, ofText, present } from './decoder.ts';

const secret = new Uint8Array(32).fill(1);
const publicKey = ed25519.getPublicKey(secret);
const signer: Signer = {
  algorithm: 'ed25519',
  spki: publicKey,
  publicKey,
  sign: (message) => Promise.resolve(ed25519.sign(message, secret)),
};
const PEM = formatPem('CERTIFICATE', Uint8Array.of(1, 2, 3));
const BUNDLE: TrustBundle = {
  format: 1,
  sequence: 1,
  origin: 'log.example/1',
  publicUrl: 'https://log.example',
  roots: [PEM],
  issuers: [PEM],
  keytransConfiguration: formatBase64(encode(configurationCodec, referenceConfiguration(1000))),
  auditLogVkeys: [formatVkey(ed25519Vkey('log.example/1', publicKey))],
  witnessPolicy: 'quorum none\n',
  recoveryDelayMs: 259_200_000,
  identityRules: { localPart: 'fold-lower-case', uriSchemes: ['https', 'urn'] },
  bundleKey: formatBase64(publicKey),
};
const { publicUrl: _, ...WITHOUT_URL } = BUNDLE;
const bundles = await Promise.all([
  signTrustBundle(BUNDLE, [signer]),
  signTrustBundle({ ...WITHOUT_URL, sequence: 2 ** 40 }, [signer]),
  signTrustBundle({ ...BUNDLE, earlierConfigurations: [BUNDLE.keytransConfiguration] }, [signer]),
]);

const bytes = fc.uint8Array({ minLength: 1, maxLength: 60 });
const challengeNames = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((value) => Buffer.from(value).toString('base64url'));
const ownEvidence = fc.oneof(
  fc.record({ type: fc.constant('oidc'), token: fc.constantFrom('a.b.c', 'x') }),
  fc.record({ type: fc.constant('email'), challenge: challengeNames, code: fc.constantFrom('AAAA-BBBB', 'x') }),
);
const base64 = bytes.map(formatBase64);
const identities = fc.constantFrom('alice@example.com', 'tel:+15551234567', 'acct:ä@example.com');
const csrs = bytes.map((der) => formatPem('CERTIFICATE REQUEST', der));
const changes = fc.record({ request: base64, signer: fixed(32).map(formatBase64), signature: base64 });
const serials = fc.uniqueArray(fixed(16).map(formatHex), { minLength: 1, maxLength: 4 });
const place = {
  identity: identities,
  version: fc.nat({ max: 2 ** 32 - 1 }),
  position: fc.maxSafeNat(),
  treeSize: fc.maxSafeNat(),
  proof: base64,
};
const optional = { requiredKeys: ['identity', 'csr'] as ['identity', 'csr'] };

/** What reads the bodies and documents of the HTTP contract. */
export const CONTRACT_DECODERS: readonly Decoder[] = [
  ofText({
    name: 'parseTrustBundle',
    texts: fc.constantFrom(...bundles).map(formatTrustBundle),
    read: parseTrustBundle,
    write: formatTrustBundle,
    refusals: ['bad-bundle'],
    canonical: false,
  }),
  ofText({
    name: 'parseJson',
    texts: fc.json({ noUnicodeString: false }),
    read: (text) => parseJson(text, 'invalid-request'),
    write: (value) => JSON.stringify(value),
    refusals: ['invalid-request'],
    canonical: false,
  }),
  ofJson({
    name: 'parseProblem',
    values: fc.record({ code: fc.constantFrom('not-found', 'other', 5), detail: fc.option(fc.string()) }),
    read: (value) => parseProblem(value, 400),
    write: (problem) => problem,
    refusals: ['bad-response'],
  }),
  ofJson({
    name: 'parseCertificateRequest',
    values: fc.oneof(
      fc.record(
        {
          identity: identities,
          csr: csrs,
          evidence: fc.constantFrom({ type: 'application-token' }, { type: 'key' }),
          change: changes,
          last: fc.maxSafeNat(),
        },
        optional,
      ),
      fc.record({ identity: identities, csr: csrs, evidence: ownEvidence }),
    ),
    read: parseCertificateRequest,
    write: formatCertificateRequest,
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseEmailChallengeRequest',
    values: fc.record({ identity: identities, csr: csrs }),
    read: parseEmailChallengeRequest,
    write: (request) => request,
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseRegistrationGrantRequest',
    values: fc.record(
      {
        identity: identities,
        key: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(formatBase64),
        lifetimeSeconds: fc.integer({ min: 1, max: 86_400 }),
      },
      { requiredKeys: ['identity'] },
    ),
    read: parseRegistrationGrantRequest,
    write: ({ identity, spkiSha256, lifetimeMs }) => ({
      identity,
      ...(spkiSha256 && { key: formatBase64(spkiSha256) }),
      ...(lifetimeMs !== undefined && { lifetimeSeconds: lifetimeMs / 1000 }),
    }),
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseAcmeKeyRequest',
    values: fc.record(
      { identity: identities, lifetimeSeconds: fc.integer({ min: 1, max: 2_592_000 }), vouches: fc.boolean() },
      { requiredKeys: [] },
    ),
    read: parseAcmeKeyRequest,
    write: ({ identity, lifetimeMs, vouches }) => ({
      ...(vouches !== undefined && { vouches }),
      ...(identity !== undefined && { identity }),
      ...(lifetimeMs !== undefined && { lifetimeSeconds: lifetimeMs / 1000 }),
    }),
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseEmailChallengeAnswer',
    values: fc.record({ challenge: challengeNames, expiresInSeconds: fc.nat() }),
    read: parseEmailChallengeAnswer,
    write: (answer) => answer,
    refusals: ['bad-response'],
  }),
  ofJson({
    name: 'parseRevocationRequest',
    values: fc.oneof(
      fc.record({ identity: identities, serials, reason: fc.constant('superseded'), change: changes }),
      fc.record({ identity: identities, all: fc.constant(true), last: fc.maxSafeNat() }),
    ),
    read: parseRevocationRequest,
    write: formatRevocationRequest,
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseCertificateAnswer',
    values: fc.record({
      ...place,
      serial: fixed(16).map(formatHex),
      certificate: fc.constant(PEM),
      chain: fc.constant([PEM, PEM]),
    }),
    read: parseCertificateAnswer,
    write: formatCertificateAnswer,
    refusals: ['bad-response'],
  }),
  ofJson({
    name: 'parseNotifyOrderRequest',
    values: fc.record({
      identity: identities,
      order: fc.record({
        order: fc.uint8Array({ minLength: 1, maxLength: 300 }).map(formatBase64),
        signer: fixed(32).map(formatBase64),
        signature: fixed(64).map(formatBase64),
      }),
    }),
    read: parseNotifyOrderRequest,
    write: formatNotifyOrderRequest,
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseNotifyConfirmation',
    values: fc.record({ identity: identities, id: fixed(16).map(formatHex), code: fc.constant('K7QD-20VN') }),
    read: parseNotifyConfirmation,
    write: (confirmation) => confirmation,
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseNotifyAnswer',
    values: fc.record(
      {
        identity: identities,
        addresses: fc.array(
          fc.record(
            {
              id: fixed(16).map(formatHex),
              kind: fc.constantFrom('mail', 'webhook', 'push'),
              hint: fc.constant('b…@example.com'),
              state: fc.constantFrom('unconfirmed', 'confirmed', 'former'),
              until: fc.constant('2026-11-30T12:00:00.000Z'),
              failure: fc.constant('status 410'),
            },
            { requiredKeys: ['id', 'kind', 'hint', 'state'] },
          ),
          { maxLength: 4 },
        ),
        added: fixed(16).map(formatHex),
      },
      { requiredKeys: ['identity', 'addresses'] },
    ),
    read: parseNotifyAnswer,
    write: (answer) => answer,
    refusals: ['bad-response'],
  }),
  ofJson({
    name: 'parseRevocationAnswer',
    values: fc.record({ ...place, revoked: serials }),
    read: parseRevocationAnswer,
    write: formatRevocationAnswer,
    refusals: ['bad-response'],
  }),
  ofJson({
    name: 'parsePlacedAnswer',
    values: fc.record(place),
    read: parsePlacedAnswer,
    write: formatVetoAnswer,
    refusals: ['bad-response'],
  }),
  ofJson({
    name: 'parseRecoveryRequest',
    values: fc.record({ identity: identities, csr: csrs, evidence: ownEvidence }),
    read: parseRecoveryRequest,
    write: formatRecoveryRequest,
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseVetoRequest',
    values: fc.record({ identity: identities, change: changes, last: fc.maxSafeNat() }),
    read: parseVetoRequest,
    write: formatVetoRequest,
    refusals: ['invalid-request'],
  }),
  ofJson({
    name: 'parseRecoveryAnswer',
    values: fc.oneof(
      fc.record({ ...place, state: fc.constant('pending'), effectiveAt: fc.nat() }),
      fc.record({ identity: identities, state: fc.constant('undecided') }),
      fc.record({
        ...place,
        state: fc.constant('effective'),
        serial: fixed(16).map(formatHex),
        certificate: fc.constant(PEM),
        chain: fc.constant([PEM, PEM]),
      }),
    ),
    read: parseRecoveryAnswer,
    write: formatRecoveryAnswer,
    refusals: ['bad-response'],
  }),
  ofText({
    name: 'readPem',
    texts: csrs,
    read: (text) => present(readPem(text, ['CERTIFICATE REQUEST'])),
    write: (der) => formatPem('CERTIFICATE REQUEST', der),
    refusals: ['Refused'],
    canonical: false,
  }),
];
