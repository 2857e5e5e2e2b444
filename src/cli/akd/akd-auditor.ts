import { type SignedEpoch, verifySignedEpoch } from '../../akd/auditor-signature.ts';
import { AkdFinding } from '../../akd/akd-finding.ts';
import { JsonFields, parseJson } from '../../contract/json-fields.ts';
import { decodeLossyUtf8, equalBytes, formatHex, parseHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { boundedFetch, platformFetch } from '../../core/net/bounded-fetch.ts';
import { MAX_UNSIGNED, type UnsignedEpoch } from './akd-state.ts';

/** The published auditor of a log, and the key that it is held to. */
export interface AkdAuditor {
  /** URL of its API, without a trailing slash. */
  readonly base: string;
  /** Its name of the log. */
  readonly namespace: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 30_000;

/**
 * Compares roots that were verified here with what the auditor signed, in order, and returns those that it has not
 * signed yet, the newest {@link MAX_UNSIGNED} at most. Throws {@link AkdFinding}: `log-forked` for a signature on
 * another root, `bad-signature` for one that does not verify. Throws `network-failed` and `bad-response` without an
 * answer.
 */
export async function compareWithAuditor(
  auditor: AkdAuditor,
  roots: readonly UnsignedEpoch[],
): Promise<readonly UnsignedEpoch[]> {
  for (const [i, root] of roots.entries()) {
    const signed = await fetchSigned(auditor, root.epoch);
    // The auditor signs in order.
    if (signed === undefined) return roots.slice(i).slice(-MAX_UNSIGNED);
    assertSigned(auditor, root, signed);
  }
  return [];
}

function assertSigned({ base, publicKey }: AkdAuditor, { epoch, root }: UnsignedEpoch, signed: SignedEpoch): void {
  const exhibits = { names: [], endEpoch: epoch, reached: root, signed };
  try {
    verifySignedEpoch(publicKey, signed);
  } catch (error) {
    if (!isGlasskeyError(error, 'bad-signature')) throw error;
    throw new AkdFinding(
      'bad-signature',
      `${base} gives a signature for epoch ${epoch} that does not verify`,
      exhibits,
    );
  }
  if (equalBytes(signed.digest, root)) return;
  const roots = `${formatHex(signed.digest)}, and the log published ${formatHex(root)}`;
  throw new AkdFinding('log-forked', `the auditor signed for epoch ${epoch} the root ${roots}`, exhibits);
}

/** Fetches what the auditor says of an epoch; undefined if it has signed nothing yet. */
async function fetchSigned({ base, namespace }: AkdAuditor, epoch: number): Promise<SignedEpoch | undefined> {
  const url = `${base}/namespaces/${encodeURIComponent(namespace)}/audits/${epoch}`;
  const bounds = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES, name: base };
  const { status, body } = await boundedFetch(platformFetch, url, {}, bounds);
  if (status === 404) return undefined;
  ensure(status === 200, 'bad-response', `${base} answers ${status} for epoch ${epoch}`);
  const signed = signedEpochOf(
    new JsonFields(parseJson(decodeLossyUtf8(body), 'bad-response'), 'bad-response', 'audit'),
  );
  const isAsked = signed.epoch === epoch && signed.namespace === namespace;
  ensure(isAsked, 'bad-response', `${base} answers about another epoch or log than it was asked for`);
  return signed;
}

/** Reads a signed epoch from the auditor's JSON, or from evidence. A failure throws the code of the fields. */
export function signedEpochOf(fields: JsonFields): SignedEpoch {
  return {
    ciphersuite: fields.integer(fields.has('version') ? 'version' : 'ciphersuite'),
    namespace: fields.string('namespace', 256),
    timestampMs: fields.integer('timestamp'),
    epoch: fields.integer('epoch'),
    digest: hexOf(fields, 'digest', 32),
    signature: hexOf(fields, 'signature', 64),
  };
}

/** Returns the form of a signed epoch that {@link signedEpochOf} reads. */
export function signedEpochJson({ timestampMs, digest, signature, ...signed }: SignedEpoch): Record<string, unknown> {
  return { ...signed, timestamp: timestampMs, digest: formatHex(digest), signature: formatHex(signature) };
}

/** Reads a member of `length` bytes in hexadecimal. */
export function hexOf(fields: JsonFields, name: string, length: number): Uint8Array {
  const text = fields.string(name, 2 * length, 2 * length);
  try {
    return parseHex(text);
  } catch (error) {
    const { code, message } = fields.failure(name, 'is not hexadecimal');
    throw new GlasskeyError(code, message, { cause: error });
  }
}
