import { formatPem } from '../src/ca/der/pem.ts';
import type { RequestEvidence } from '../src/contract/bodies.ts';
import { CSR_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { parseCertificateAnswer } from '../src/contract/parse-answers.ts';
import { formatCertificateRequest } from '../src/contract/parse-requests.ts';
import { parseTrustBundle } from '../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../src/contract/paths.ts';
import { formatBase64, parseBase64 } from '../src/core/encoding/bytes.ts';
import { decode } from '../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../src/core/keytrans/configuration.ts';
import { searchResponseCodec } from '../src/core/keytrans/messages.ts';
import type { SignedChange } from '../src/identity/change-request.ts';
import { csrFor, type DeviceKey, identityOf, newDeviceKey, seenVersion, signChange } from '../test/support/owner.ts';
import type { PreparedRequest } from './load.ts';

/** Keys are shared out among identities: making one takes as long as a signature, and the server does not mind. */
const KEYS = 64;

const JSON_HEADERS = { 'content-type': JSON_MEDIA_TYPE };

/** What a request shows besides its CSR. */
export interface Shown {
  readonly evidence: RequestEvidence;
  readonly change?: SignedChange;
}

/** Makes what the benchmark sends: every name has one of a few P-256 keys, and later the next one. */
export class EvidenceRequests {
  readonly #signers: readonly DeviceKey[];
  readonly #token: string;
  readonly #origin: string;
  readonly #config: Configuration;

  private constructor(signers: readonly DeviceKey[], token: string, origin: string, config: Configuration) {
    this.#signers = signers;
    this.#token = token;
    this.#origin = origin;
    this.#config = config;
  }

  /** `token`: an application token of the server at `url`. */
  static async open(url: string, token: string): Promise<EvidenceRequests> {
    const signers = await Promise.all(Array.from({ length: KEYS }, () => newDeviceKey('p256')));
    const { bundle } = parseTrustBundle(await (await fetch(url + PATHS.trustBundle)).text());
    const config = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
    return new EvidenceRequests(signers, token, bundle.origin, config);
  }

  /** The key of a name. */
  signer(index: number): DeviceKey {
    const signer = this.#signers[index % KEYS];
    if (signer === undefined) throw new Error('no key');
    return signer;
  }

  /** A request for a certificate of `signer`, with an application token. */
  async application(identity: string, signer: DeviceKey): Promise<PreparedRequest> {
    const { path, body } = await this.certificate(identity, signer, { evidence: { type: 'application-token' } });
    return { path, body, headers: { ...JSON_HEADERS, authorization: `Bearer ${this.#token}` } };
  }

  /** A request for a certificate of `signer`, without a token. */
  async certificate(identity: string, signer: DeviceKey, shown: Shown): Promise<PreparedRequest> {
    const csr = formatPem('CERTIFICATE REQUEST', await csrFor(signer, identity));
    const nothing = { change: undefined, last: undefined, owner: undefined };
    const body = JSON.stringify(formatCertificateRequest({ ...nothing, identity, csr, ...shown }));
    return { path: PATHS.certificates, headers: JSON_HEADERS, body };
  }

  /** A request for a code by mail. */
  async challenge(identity: string, signer: DeviceKey): Promise<PreparedRequest> {
    const csr = formatPem('CERTIFICATE REQUEST', await csrFor(signer, identity));
    return { path: PATHS.emailChallenges, headers: JSON_HEADERS, body: JSON.stringify({ identity, csr }) };
  }

  /** An enrolment over EST, with the application token as the password of HTTP Basic. */
  async est(identity: string, signer: DeviceKey): Promise<PreparedRequest> {
    const authorization = `Basic ${Buffer.from(`bench:${this.#token}`).toString('base64')}`;
    const headers = { 'content-type': CSR_MEDIA_TYPE, authorization };
    return { path: PATHS.estEnroll, headers, body: formatBase64(await csrFor(signer, identity)) };
  }

  /**
   * A certificate for the key `to`, by a change that the key `from` has signed after `answer`, that of the server to the registration.
   * `keeps`: the name has both keys then (add), else only `to` (rotate).
   */
  async change(
    identity: string,
    answer: string,
    { from, to, keeps }: { readonly from: DeviceKey; readonly to: DeviceKey; readonly keeps: boolean },
  ): Promise<PreparedRequest> {
    const request = { label: identityOf(identity).label, version: undefined };
    const { proof } = parseCertificateAnswer(JSON.parse(answer));
    const seen = seenVersion(identity, decode(searchResponseCodec(this.#config, request), proof));
    const keys = (keeps ? [from, to] : [to]).map(({ spkiSha256 }) => spkiSha256);
    const change = await signChange(identity, seen, from, keys, this.#origin);
    return this.certificate(identity, to, { evidence: { type: 'key' }, change });
  }
}
