import fc from 'fast-check';
import {
  parseAcmeJws,
  parseAcmeRevocation,
  parseAcmeUpdate,
  parseAttestation,
  parseFinalize,
  parseKeyChange,
  parseNewAccount,
  parseNewOrder,
} from '../../../src/contract/acme-messages.ts';
import { encodeUtf8, formatBase64Url } from '../../../src/core/encoding/bytes.ts';
import { readAttestationObject } from '../../../src/service/acme/attestation-object.ts';
import { attestationObject } from '../attestations.ts';
import { type Decoder, ofJson, reading } from './decoder.ts';

const refusals = ['invalid-request'];
const coded = (value: unknown): string => formatBase64Url(encodeUtf8(JSON.stringify(value)));
const bytes = fc.uint8Array({ minLength: 1, maxLength: 60 });
const urls = fc.constantFrom('https://keys.example/acme/new-order', 'x');
const senders = fc.oneof(fc.record({ kid: urls }), fc.record({ jwk: fc.constantFrom({ kty: 'EC' }, null, 5) }));
const messages = fc.record({
  protected: fc
    .tuple(fc.record({ alg: fc.constantFrom('ES256', 'none'), url: urls, nonce: fc.constantFrom('A', 'B-_') }), senders)
    .map(([header, sender]) => coded({ ...header, ...sender })),
  payload: fc.oneof(
    fc.constant(''),
    fc.json().map((text) => coded(JSON.parse(text))),
  ),
  signature: bytes.map(formatBase64Url),
});

/** The parts of a message as they were read. */
function parts({ protected: header, payload, signature }: ReturnType<typeof parseAcmeJws>): object {
  return { protected: header, payload, signature };
}

/** What reads the requests of ACME clients. */
export const ACME_DECODERS: readonly Decoder[] = [
  ofJson({ name: 'parseAcmeJws', values: messages, read: parseAcmeJws, write: parts, refusals }),
  ofJson({
    name: 'parseNewAccount',
    values: fc.record(
      {
        onlyReturnExisting: fc.boolean(),
        externalAccountBinding: messages,
        contact: fc.constant(['mailto:a@b.example']),
      },
      { requiredKeys: [] },
    ),
    read: parseNewAccount,
    write: ({ onlyExisting, binding }) => ({
      onlyReturnExisting: onlyExisting,
      ...(binding && { externalAccountBinding: parts(binding) }),
    }),
    refusals,
  }),
  ofJson({
    name: 'parseAcmeUpdate',
    values: fc.constantFrom({}, { status: 'deactivated' }, { contact: [] }),
    read: parseAcmeUpdate,
    write: (deactivates) => (deactivates ? { status: 'deactivated' } : {}),
    refusals,
  }),
  ofJson({
    name: 'parseNewOrder',
    values: fc.record({
      identifiers: fc.array(
        fc.record({ type: fc.constantFrom('email', 'dns'), value: fc.constantFrom('a@b.example', 'x') }),
        {
          minLength: 1,
          maxLength: 16,
        },
      ),
    }),
    read: parseNewOrder,
    write: (identifiers) => ({ identifiers }),
    refusals,
  }),
  ofJson({
    name: 'parseFinalize',
    values: fc.record({ csr: bytes.map(formatBase64Url) }),
    read: parseFinalize,
    write: (csr) => ({ csr: formatBase64Url(csr) }),
    refusals,
  }),
  ofJson({
    name: 'parseAttestation',
    values: fc.record({ attObj: bytes.map(formatBase64Url) }),
    read: parseAttestation,
    write: (attestation) => ({ attObj: formatBase64Url(attestation) }),
    refusals,
  }),
  {
    name: 'readAttestationObject',
    inputs: fc
      .tuple(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { minLength: 1, maxLength: 4 }),
        fc.option(bytes, { nil: undefined }),
      )
      .map(([certificates, authData]) => attestationObject(certificates, { authData })),
    read: reading(readAttestationObject, ({ certificates, authenticatorData: authData }) =>
      attestationObject(certificates, { authData }),
    ),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  },
  ofJson({
    name: 'parseAcmeRevocation',
    values: fc.record({ certificate: bytes.map(formatBase64Url), reason: fc.nat() }, { requiredKeys: ['certificate'] }),
    read: parseAcmeRevocation,
    write: ({ certificate, reason }) => ({ certificate: formatBase64Url(certificate), reason }),
    refusals,
  }),
  ofJson({
    name: 'parseKeyChange',
    values: fc.record({ account: urls, oldKey: fc.constantFrom({ kty: 'EC' }, null) }),
    read: parseKeyChange,
    write: (asked) => asked,
    refusals,
  }),
];
