import { formatBase64 } from '../core/encoding/bytes.ts';
import type { SignedChange } from '../identity/change-request.ts';
import type {
  CertificateAnswer,
  CertificateRequest,
  CertificateRequestBody,
  CertificateResult,
  OwnerKnowledge,
} from './bodies.ts';
import { JsonFields } from './json-fields.ts';
import { parseCertificateAnswer, parsePlacedAnswer } from './parse-answers.ts';
import { formatCertificateRequest, parseCertificateRequest, readVetoFields } from './parse-requests.ts';

const LATEST_MS = 8_640_000_000_000_000;

/**
 * JSON of `POST /v1/recoveries`: recover an identity after losing all its keys. A repeated request needs no new
 * evidence.
 */
export type RecoveryRequestBody = Pick<CertificateRequestBody, 'identity' | 'csr' | 'evidence' | 'last'>;

/** A parsed {@link RecoveryRequestBody}. */
export type RecoveryRequest = Pick<CertificateRequest, 'identity' | 'csr' | 'evidence' | 'last'>;

/** The position of a version, as in every answer of the pipeline. */
type Place = Pick<CertificateAnswer, 'identity' | 'version' | 'position' | 'treeSize' | 'proof'>;

/** JSON answer of `POST /v1/recoveries`. */
export type RecoveryAnswer =
  /** The recovery waits; `effectiveAt` is in ms since the epoch. */
  | (Place & { readonly state: 'pending'; readonly effectiveAt: number })
  /** After too many vetoes, the operator decides. */
  | { readonly state: 'undecided'; readonly identity: string }
  | (CertificateAnswer & { readonly state: 'effective' });

/** A parsed {@link RecoveryAnswer}: untrusted until its proof is verified. */
export type RecoveryResult =
  | (Omit<Place, 'proof'> & {
      readonly state: 'pending';
      readonly effectiveAt: number;
      /** The encoded SearchResponse. */
      readonly proof: Uint8Array;
    })
  | { readonly state: 'undecided'; readonly identity: string }
  | (CertificateResult & { readonly state: 'effective' });

/** Parsed JSON of `POST /v1/vetoes`: cancels a pending recovery by a change that keeps every key. */
export interface VetoRequest {
  readonly identity: string;
  readonly change: SignedChange;
  readonly last: number | undefined;
  readonly owner?: OwnerKnowledge | undefined;
}

/** JSON answer of `POST /v1/vetoes`. */
export type VetoAnswer = Place;

/** Reads the JSON of `POST /v1/recoveries`, already parsed. Throws `invalid-request`. */
export function parseRecoveryRequest(body: unknown): RecoveryRequest {
  new JsonFields(body, 'invalid-request').only(['identity', 'csr', 'evidence', 'last']);
  const { identity, csr, evidence, last } = parseCertificateRequest(body);
  return { identity, csr, evidence, last };
}

/** Formats a recovery request as JSON. */
export function formatRecoveryRequest(request: RecoveryRequest): RecoveryRequestBody {
  return formatCertificateRequest({ ...request, change: undefined });
}

/** Reads the JSON of `POST /v1/vetoes`, already parsed. Throws `invalid-request`. */
export function parseVetoRequest(body: unknown): VetoRequest {
  return readVetoFields(new JsonFields(body, 'invalid-request').only(['identity', 'change', 'last', 'owner']));
}

/** Reads a server's answer to `POST /v1/recoveries`. Throws `bad-response`. */
export function parseRecoveryAnswer(body: unknown): RecoveryResult {
  const fields = new JsonFields(body, 'bad-response', 'answer');
  const state = fields.oneOf('state', ['pending', 'undecided', 'effective']);
  if (state === 'effective') return { state, ...parseCertificateAnswer(body) };
  if (state === 'undecided') return { state, identity: fields.string('identity', 512) };
  const effectiveAt = fields.integer('effectiveAt');
  if (effectiveAt > LATEST_MS) throw fields.failure('effectiveAt', 'is not a valid time');
  return { state, effectiveAt, ...parsePlacedAnswer(body) };
}

/** Formats an answer as JSON, its proof in base64. */
export function formatRecoveryAnswer(result: RecoveryResult): RecoveryAnswer {
  return result.state === 'undecided' ? result : { ...result, proof: formatBase64(result.proof) };
}

/** Formats an answer as JSON, its proof in base64. */
export function formatVetoAnswer(result: Omit<Place, 'proof'> & { readonly proof: Uint8Array }): VetoAnswer {
  return { ...result, proof: formatBase64(result.proof) };
}
