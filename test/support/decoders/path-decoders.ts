import fc from 'fast-check';
import { createCrl } from '../../../src/ca/crl.ts';
import { createRoot } from '../../../src/ca/authority.ts';
import { parseForeignCertificate, parseTrustAnchor } from '../../../src/ca/certificate.ts';
import { der, derOid, derSequence } from '../../../src/ca/der/der-writer.ts';
import { encodeCertId } from '../../../src/ca/ocsp/cert-id.ts';
import { createOcspResponse } from '../../../src/ca/ocsp/create-ocsp-response.ts';
import { createOcspResponder } from '../../../src/ca/ocsp/responder-certificate.ts';
import { parseOcspResponse } from '../../../src/ca/ocsp/parse-ocsp-response.ts';
import { parseOcspRequest } from '../../../src/ca/ocsp/ocsp-request.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { ExtensionOid } from '../../../src/ca/der/oids.ts';
import { parseDistributionPoints } from '../../../src/ca/path/distribution-points.ts';
import { parseGeneralNames } from '../../../src/ca/path/general-name.ts';
import { parseIpAddress } from '../../../src/ca/path/host-name.ts';
import { parseNameConstraints } from '../../../src/ca/path/name-constraints.ts';
import { parseCrl } from '../../../src/ca/path/parse-crl.ts';
import { parsePathAnchor, parsePathCertificate } from '../../../src/ca/path/path-certificate.ts';
import {
  parseInhibitAnyPolicy,
  parsePolicies,
  parsePolicyConstraints,
  parsePolicyMappings,
} from '../../../src/ca/path/policies.ts';
import { parseRelativeNames } from '../../../src/ca/path/relative-names.ts';
import {
  commonName,
  constraints,
  directory,
  dns,
  email,
  inhibitAnyPolicy,
  ip,
  makeCa,
  makeLeaf,
  mappings,
  newKey,
  policies,
  policyConstraints,
  uri,
} from '../../ca/path/made-certificates.ts';
import { ofDer } from './ca-decoders.ts';
import { type Decoder, ofText, present } from './decoder.ts';

const MALFORMED = 'malformed-encoding';
const POLICY = '1.3.6.1.4.1.55738.1';
const OTHER_POLICY = '1.3.6.1.4.1.55738.2';
const names = [
  dns('host.example'),
  email('a@b.example'),
  uri('https://a.example/'),
  ip(192, 0, 2, 1),
  directory(commonName('D')),
];
const constraint = constraints([dns('example'), ip(192, 0, 2, 0, 255, 255, 255, 0)], [email('b.example')]);
const root = makeCa();
const ca = makeCa(
  {
    extensions: {
      [ExtensionOid.nameConstraints]: constraint,
      [ExtensionOid.certificatePolicies]: policies(POLICY),
      [ExtensionOid.policyMappings]: mappings([POLICY, OTHER_POLICY]),
      [ExtensionOid.policyConstraints]: policyConstraints(0, 1),
      [ExtensionOid.inhibitAnyPolicy]: inhibitAnyPolicy(3),
    },
  },
  root,
);
const certificates = [root.der, ca.der, makeLeaf(ca).der];
const nowMs = Date.UTC(2026, 10, 23);
const issuer = await createRoot({
  signer: signerFromKey(newKey()),
  commonName: 'Root',
  nowMs,
  random: (length) => new Uint8Array(length).fill(7),
});
const crl = await createCrl(issuer, {
  number: 5,
  thisUpdateMs: nowMs,
  nextUpdateMs: nowMs + 86_400_000,
  entries: [{ serial: '0a', revokedAtMs: nowMs, reason: 'keyCompromise' }],
});
const scope = { url: 'http://ca.example/1.crl', deltaUrl: 'http://ca.example/1-delta.crl' };
const times = { thisUpdateMs: nowMs, nextUpdateMs: nowMs + 86_400_000, entries: [] };
const shard = await createCrl(issuer, { ...times, number: 5, scope });
const delta = await createCrl(issuer, { ...times, number: 5, baseNumber: 4, scope });
const ocspRequest = derSequence(derSequence(derSequence(derSequence(encodeCertId(issuer.certificate, '0a')))));

const ocspResponder = await createOcspResponder(issuer, {
  signer: signerFromKey(newKey()),
  serial: new Uint8Array(16).fill(0x41),
  notBeforeMs: nowMs,
  notAfterMs: nowMs + 86_400_000,
});
const certId = encodeCertId(issuer.certificate, '0a');
const ocspResponse = await createOcspResponse(ocspResponder, {
  answers: [
    { certId, status: { type: 'good' } },
    { certId, status: { type: 'revoked', revokedAtMs: nowMs, reason: 'superseded' } },
  ],
  thisUpdateMs: nowMs,
  nextUpdateMs: nowMs + 3_600_000,
  nonce: new Uint8Array(16),
});

function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16)).join(
    ':',
  );
}

const points = derSequence(
  derSequence(der(0xa0, der(0xa0, uri('http://ca.example/1.crl'), directory(commonName('Point'))))),
  derSequence(der(0xa0, der(0xa1, derSequence(derOid('2.5.4.3'), der(0x0c, Uint8Array.of(65)))))),
  derSequence(der(0x81, Uint8Array.of(1, 6)), der(0xa2, directory(commonName('Issuer')))),
);

/** What `src/ca/path` reads. */
export const PATH_DECODERS: readonly Decoder[] = [
  ofDer('parseTrustAnchor', certificates, parseTrustAnchor, 'bad-certificate'),
  ofDer('parsePathAnchor', certificates, parsePathAnchor, 'bad-certificate'),
  ofDer('parsePathCertificate', certificates, (one) => parsePathCertificate(one), 'bad-certificate'),
  ofDer('parseForeignCertificate', certificates, (one) => parseForeignCertificate(one, true), 'bad-certificate'),
  ofDer('parseCrl', [crl, shard, delta], parseCrl, 'bad-certificate'),
  ofDer('parseOcspRequest', [ocspRequest], parseOcspRequest, MALFORMED),
  ofDer('parseOcspResponse', [ocspResponse], parseOcspResponse, 'bad-certificate'),
  ofDer('parseGeneralNames', [derSequence(...names)], parseGeneralNames, MALFORMED),
  ofDer('parseNameConstraints', [constraint.value], parseNameConstraints, MALFORMED),
  ofDer('parsePolicies', [policies(POLICY, OTHER_POLICY).value], parsePolicies, MALFORMED),
  ofDer('parsePolicyMappings', [mappings([POLICY, OTHER_POLICY]).value], parsePolicyMappings, MALFORMED),
  ofDer('parsePolicyConstraints', [policyConstraints(0, 1).value], parsePolicyConstraints, MALFORMED),
  ofDer('parseInhibitAnyPolicy', [inhibitAnyPolicy(3).value], parseInhibitAnyPolicy, MALFORMED),
  ofDer('parseDistributionPoints', [points], (one) => parseDistributionPoints(one, []), MALFORMED),
  ofDer('parseRelativeNames', [commonName('Somebody')], parseRelativeNames, MALFORMED),
  ofText({
    name: 'parseIpAddress',
    texts: fc.oneof(fc.ipV4(), fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatAddress)),
    read: (text) => present(parseIpAddress(text)),
    write: formatAddress,
    refusals: ['Refused'],
    canonical: false,
  }),
];
