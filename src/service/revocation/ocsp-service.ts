import type { Issuer } from '../../ca/authority.ts';
import { parseCertificate } from '../../ca/certificate.ts';
import { type IssuerIds, isCertIdOf, issuerIds } from '../../ca/ocsp/cert-id.ts';
import {
  type OcspCertificateStatus,
  createOcspFailure,
  createOcspResponse,
  type SingleAnswer,
} from '../../ca/ocsp/create-ocsp-response.ts';
import { type CertId, type OcspRequest, parseOcspRequest } from '../../ca/ocsp/ocsp-request.ts';
import { requestsInPath } from '../../ca/ocsp/request-path.ts';
import { BACKDATE_MS } from '../../ca/profile.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { storedReason } from './crl-service.ts';
import { DelegatedResponder } from './delegated-responder.ts';
import { fromMemoryIfAway } from './from-memory.ts';
import type { LogContext } from '../log/log-context.ts';
import { readCertificate } from '../log/stored-certificate.ts';
import { TokenBuckets } from '../token-buckets.ts';

/** The time for which a status is trusted, ms: the most by which an answer is late. */
const STATUS_LIFETIME_MS = 2_000;

/** Most requests for which one path of a GET can stand. */
const MAX_MEANINGS = 8;

/** An OCSP response, DER. */
export interface OcspAnswer {
  readonly der: Uint8Array;
  /** The times for caches; undefined for an answer that they must not keep: a failure, or one for a client's nonce. */
  readonly kept: Kept | undefined;
}

/** The times of an answer for caches, from its signing on, and the beginning of its SHA-256 in hex. */
interface Kept {
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  readonly digest: string;
}

/** The responder of one issuing CA. */
interface Responder {
  readonly issuer: Issuer;
  readonly ids: IssuerIds;
  readonly delegated: DelegatedResponder;
}

/** A signed answer about one certificate, and the status in it. */
interface KeptAnswer {
  readonly answer: OcspAnswer;
  readonly said: string;
  readonly renewAtMs: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  checkedAtMs: number;
}

/**
 * Answers OCSP requests for a log's issuing CAs (RFC 6960). It caches the answers to requests for one certificate
 * without a nonce (RFC 5019), and repeats them while the database is away, as long as they are valid. Certificates that
 * this log has not signed are `unknown`; those of other issuers are `unauthorized`.
 */
export class OcspService {
  readonly #context: LogContext;
  readonly #responders = new Map<Issuer, Responder>();
  /** One bucket, of signatures. */
  readonly #signatures: TokenBuckets;
  #kept = new Map<string, KeptAnswer>();
  readonly #under = new Map<string, Promise<OcspAnswer>>();

  constructor(context: LogContext) {
    this.#context = context;
    const perSecond = context.limits.ocspSignaturesPerSecond;
    this.#signatures = new TokenBuckets({ perSecond, burst: perSecond }, context.now);
  }

  /** Returns the response to an untrusted DER request. A bad request gets an OCSP failure. Throws `storage-failed`. */
  async answer(der: Uint8Array): Promise<OcspAnswer> {
    const request = readRequest(der);
    if (request === undefined) return failure('malformedRequest');
    const responder = this.#responderFor(request);
    if (responder === undefined) return failure('unauthorized');
    const [only] = request.certIds;
    if (only === undefined || request.certIds.length > 1 || request.nonce !== undefined)
      return this.#sign(request, responder);
    const key = formatHex(only.raw);
    const kept = this.#kept.get(key);
    const nowMs = this.#context.now();
    if (kept !== undefined && nowMs >= kept.checkedAtMs && nowMs < kept.checkedAtMs + STATUS_LIFETIME_MS) {
      return kept.answer;
    }
    const making =
      this.#under.get(key) ?? this.#refresh(responder, key, only, kept).finally(() => this.#under.delete(key));
    this.#under.set(key, making);
    const onAway = (): void => {
      const last = this.#kept.get(key);
      if (last !== undefined) last.checkedAtMs = this.#context.now();
    };
    return fromMemoryIfAway(making, { remembered: () => this.#remembered(key), onAway });
  }

  /**
   * Returns the response to the untrusted path of a GET, which holds a request in base64. If a proxy has shortened it
   * and it could stand for several requests, answers the one about a certificate of this log: the answer names that
   * certificate, so a client that meant another one refuses it. Throws `storage-failed`.
   */
  async answerPath(path: string): Promise<OcspAnswer> {
    const requests = requestsInPath(path);
    const [first = new Uint8Array(), ...others] = requests;
    if (others.length === 0) return this.answer(first);
    const own = requests
      .filter((der) => this.#responderFor(parseOcspRequest(der)) !== undefined)
      .slice(0, MAX_MEANINGS);
    for (const der of own) {
      const serials = parseOcspRequest(der).certIds.map(({ serial }) => serial);
      const statuses = await Promise.all(serials.map((serial) => this.#context.store.findStatus(serial)));
      if (statuses.every(({ issued }) => issued)) return this.answer(der);
    }
    return this.answer(own[0] ?? first);
  }

  /** Returns the answer in memory about a certificate, if it is valid now. */
  #remembered(key: string): OcspAnswer | undefined {
    const kept = this.#kept.get(key);
    const nowMs = this.#context.now();
    return kept !== undefined && nowMs >= kept.thisUpdateMs && nowMs < kept.nextUpdateMs ? kept.answer : undefined;
  }

  /** Drops all answers: the database has lost entries, and perhaps revocations. */
  forget(): void {
    this.#kept = new Map();
  }

  /** Reuses a signed answer while its status is current and half of its validity is left; otherwise signs another. */
  async #refresh(responder: Responder, key: string, certId: CertId, kept: KeptAnswer | undefined): Promise<OcspAnswer> {
    const { now, limits } = this.#context;
    const answers = this.#kept;
    if (kept === undefined && !this.#signatures.take('')) return TRY_LATER;
    const checkedAtMs = now();
    const status = await this.#statusOf(responder, certId);
    const said = JSON.stringify(status);
    const isFresh = kept !== undefined && checkedAtMs >= kept.thisUpdateMs && checkedAtMs < kept.renewAtMs;
    if (isFresh && kept.said === said) {
      kept.checkedAtMs = checkedAtMs;
      return kept.answer;
    }
    const times = await this.#times(responder);
    const der = await this.#create(responder, [{ certId: certId.raw, status }], times, undefined);
    // Anybody can make up serials: they must not evict answers about certificates.
    if (status.type === 'unknown') return { der, kept: undefined };
    const answer = { der, kept: { ...times, digest: formatHex(sha256(der).subarray(0, 16)) } };
    const { thisUpdateMs, nextUpdateMs } = times;
    const renewAtMs = (thisUpdateMs + nextUpdateMs) / 2;
    answers.delete(key);
    answers.set(key, { answer, said, renewAtMs, thisUpdateMs, nextUpdateMs, checkedAtMs });
    const [oldest] = answers.keys();
    if (answers.size > limits.ocspCacheSize && oldest !== undefined) answers.delete(oldest);
    return answer;
  }

  async #sign({ certIds, nonce }: OcspRequest, responder: Responder): Promise<OcspAnswer> {
    if (!this.#signatures.take('')) return TRY_LATER;
    const answers = await Promise.all(
      certIds.map(async (certId) => ({ certId: certId.raw, status: await this.#statusOf(responder, certId) })),
    );
    return { der: await this.#create(responder, answers, await this.#times(responder), nonce), kept: undefined };
  }

  async #create(
    { delegated }: Responder,
    answers: readonly SingleAnswer[],
    times: { readonly thisUpdateMs: number; readonly nextUpdateMs: number },
    nonce: Uint8Array | undefined,
  ): Promise<Uint8Array> {
    const responder = await delegated.current();
    const thisUpdateMs = Math.max(times.thisUpdateMs - BACKDATE_MS, responder.certificate.notBeforeMs);
    return createOcspResponse(responder, { answers, ...times, thisUpdateMs, nonce });
  }

  /** Returns the times of a response: signed now, and ending no later than its signer's certificate. */
  async #times({ delegated }: Responder) {
    const { certificate } = await delegated.current();
    const thisUpdateMs = Math.floor(this.#context.now() / 1000) * 1000;
    const nextUpdateMs = Math.min(thisUpdateMs + this.#context.limits.ocspValidityMs, certificate.notAfterMs);
    return { thisUpdateMs, nextUpdateMs };
  }

  /** Returns the responder of the CA that every certificate of a request names. */
  #responderFor({ certIds }: OcspRequest): Responder | undefined {
    for (const { issuer } of this.#context.reloadable.issuingCas.all) {
      const known = this.#responders.get(issuer);
      const responder = known ?? {
        issuer,
        ids: issuerIds(issuer.certificate),
        delegated: new DelegatedResponder(this.#context, issuer),
      };
      if (known === undefined) this.#responders.set(issuer, responder);
      if (certIds.every((certId) => isCertIdOf(responder.ids, certId))) return responder;
    }
    return undefined;
  }

  async #statusOf(responder: Responder, { serial }: CertId): Promise<OcspCertificateStatus> {
    const { store, reloadable } = this.#context;
    const { issuingCas } = reloadable;
    const { issued, revocation } = await store.findStatus(serial);
    if (issuingCas.all.length > 1 && issued) {
      const row = await store.findCertificate(serial);
      const der = row && (await readCertificate(store, row));
      const signedBy = der && issuingCas.of(parseCertificate(der))?.issuer;
      if (signedBy !== undefined && signedBy !== responder.issuer) return { type: 'unknown' };
      // Nobody has a certificate whose version is not in the log.
      if (der === undefined && revocation === undefined) return { type: 'unknown' };
    }
    if (revocation !== undefined) {
      return { type: 'revoked', revokedAtMs: revocation.revokedMs, reason: storedReason(revocation.reason) };
    }
    return issued ? { type: 'good' } : { type: 'unknown' };
  }
}

/** The answer of a responder that is too busy. */
export const TRY_LATER: OcspAnswer = failure('tryLater');

function readRequest(der: Uint8Array): OcspRequest | undefined {
  try {
    return parseOcspRequest(der);
  } catch (error) {
    if (isGlasskeyError(error, 'malformed-encoding')) return undefined;
    throw error;
  }
}

function failure(name: Parameters<typeof createOcspFailure>[0]): OcspAnswer {
  return { der: createOcspFailure(name), kept: undefined };
}
