import { commit, OPENING_LENGTH } from '../../core/crypto/commitment.ts';
import type { VrfResult } from '../../core/crypto/vrf-prover.ts';
import { type IdentityRecord, encodeIdentityRecord } from '../../identity/identity-record.ts';
import { inItsFormat } from '../../identity/record-format.ts';
import { continuityPorts } from '../sequencing/continuity-ports.ts';
import { certificateContent } from '../log/stored-certificate.ts';
import type { CertificateRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { type Act, encodeAct } from '../log/act.ts';
import { absentVersions } from '../log/vrf-memory.ts';

/** A version of a label, and the request that claims it. */
export interface VersionClaim {
  readonly label: Uint8Array;
  readonly labelKey: Uint8Array;
  readonly version: number;
  /** Identifies the request: see `requestHash`. */
  readonly requestHash: Uint8Array;
}

/** A signed certificate, as it is submitted. */
export interface SignedCertificate extends Omit<CertificateRow, 'content'> {
  readonly der: Uint8Array;
}

/** The content of a version, ready for the log. */
export interface VersionContent {
  readonly record: IdentityRecord;
  /** The certificate signed for it; undefined if there is none. */
  readonly certificate: SignedCertificate | undefined;
  /** The version's line in the trail. */
  readonly act: Act;
}

/**
 * Step `submit`: commits to the record (KT §11.6) and puts the version into the durable queue, in one transaction with
 * the certificate. Returns the submission's id. Throws `version-conflict` if the intent was closed meanwhile.
 */
export async function submit(context: LogContext, claim: VersionClaim, content: VersionContent): Promise<number> {
  const { label, labelKey, version, requestHash } = claim;
  const { certificate } = content;
  const record = await inItsFormat(content.record, continuityPorts(context.issued));
  const [vrf] = await context.vrf.evaluate(label, [version]);
  const { output: vrfOutput, proof: vrfProof } = vrf as VrfResult;
  const value = encodeIdentityRecord(record);
  const opening = context.random(OPENING_LENGTH);
  const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
  const act = encodeAct(content.act);
  const submission = { labelKey, label, version, vrfOutput, vrfProof, opening, value, commitment, act };
  // The append stores these results, and the answer shows them. Evaluated now, they are in the cache then.
  context.vrf.evaluate(label, absentVersions(version)).catch(() => undefined);
  const row = certificate && rowOf(certificate, context.format);
  const { submissionId } = await context.store.submit(submission, row, requestHash);
  return submissionId;
}

function rowOf({ der, ...others }: SignedCertificate, format: number): CertificateRow {
  return { ...others, content: certificateContent(der, format) };
}
