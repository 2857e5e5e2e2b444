import { createHash } from 'node:crypto';
import type {
  AppendBatch,
  CertificateRow,
  HeadRelease,
  HeadRow,
  LogStore,
  NewIntent,
  NewSubmission,
  RememberedVrf,
  SubmissionRow,
  VersionRow,
} from '../../src/store/ports.ts';

/** `length` bytes that follow from `seed`. */
export function bytes(seed: string, length = 32): Uint8Array {
  const out = new Uint8Array(length);
  for (let offset = 0, block = 0; offset < length; offset += 32, block++) {
    const digest = createHash('sha256').update(`${seed}/${block}`).digest();
    out.set(digest.subarray(0, Math.min(32, length - offset)), offset);
  }
  return out;
}

/** The key under which samples keep the label `name`. */
export function labelKey(name: string): Uint8Array {
  return bytes(`label key of ${name}`);
}

export function sampleSubmission(name: string, version = 0, valueLength = 300): NewSubmission {
  const seed = `${name} ${version}`;
  return {
    labelKey: labelKey(name),
    label: new TextEncoder().encode(`mailto:${name}@example.com`),
    version,
    vrfOutput: bytes(`vrf ${seed}`),
    vrfProof: bytes(`proof ${seed}`, 80),
    opening: bytes(`opening ${seed}`, 16),
    value: bytes(`value ${seed}`, valueLength),
    commitment: bytes(`commitment ${seed}`),
  };
}

export function sampleIntent(name: string, version = 0, request = 'request', createdMs = 1_000): NewIntent {
  return { labelKey: labelKey(name), version, requestHash: bytes(request), createdMs };
}

export function sampleCertificate(name: string, version = 0, request = 'request', notAfterMs = 9_000): CertificateRow {
  return {
    serial: Buffer.from(bytes(`serial ${name} ${version} ${request}`, 16)).toString('hex'),
    labelKey: labelKey(name),
    version,
    content: bytes(`der ${name} ${version}`, 600),
    spkiSha256: bytes(`spki ${name}`),
    requestHash: bytes(request),
    notBeforeMs: 1_000,
    notAfterMs,
    revokedMs: undefined,
    revocationReason: undefined,
  };
}

export function sampleHead(size: number): HeadRow {
  return {
    size,
    timestampMs: 1_000 + size,
    prefixRoot: bytes(`prefix root ${size}`),
    prefixTile: size === 0 ? undefined : { position: size - 1, counter: 0 },
    logRoot: bytes(`log root ${size}`),
    auditRoot: bytes(`audit root ${size}`),
    logEdge: bytes(`log edge ${size}`, 40),
    auditEdge: bytes(`audit edge ${size}`, 0),
  };
}

/** Signatures of {@link sampleHead}. */
export function sampleRelease(size: number, more: Partial<HeadRelease> = {}): HeadRelease {
  const { logRoot, auditRoot } = sampleHead(size);
  const checkpoint = `origin\n${size}\n"\\ \u2014\n`;
  return { size, signature: bytes(`signature ${size}`, 64), checkpoint, logRoot, auditRoot, ...more };
}

/** What a sequencer would append for `submissions`: `entries` log entries from `size` on, all versions in the last. */
export function sampleBatch(
  size: number,
  submissions: readonly SubmissionRow[] = [],
  more: Partial<AppendBatch> & { entryCount?: number } = {},
): AppendBatch {
  const { entryCount = 1, ...overrides } = more;
  const positions = Array.from({ length: entryCount }, (_, i) => size + i);
  const last = size + entryCount - 1;
  return {
    expectedSize: size,
    head: sampleHead(size + entryCount),
    entries: positions.map((position) => ({
      position,
      auditEntry: bytes(`entry ${position}`, 137),
      prefixTile: position % 2 === 0 ? undefined : { position, counter: 0 },
    })),
    updates: positions.map((position) => bytes(`update ${position}`, 200)),
    prefixTiles: positions.map((position) => ({
      name: { position, counter: 0 },
      data: bytes(`prefix tile ${position}`, 900),
    })),
    logTiles: [],
    versions: submissions.map((row) => ({
      ...toVersion(row, last),
      label: row.label,
      submissionId: row.id,
      ...sampleMemory(row),
    })),
    rejected: [],
    revocations: [],
    ...overrides,
  };
}

/** The columns of the label's row that follow from a version. */
export function sampleMemory({ labelKey: key, version }: NewSubmission): RememberedVrf {
  return { labelHash: bytes(`hash of ${key.join()}`, 16), vrfMemory: bytes(`memory ${key.join()} ${version}`, 128) };
}

/** The version row that sequencing `row` at `position` makes. */
export function toVersion(row: NewSubmission, position: number): VersionRow {
  return {
    labelKey: row.labelKey,
    version: row.version,
    position,
    vrfOutput: row.vrfOutput,
    vrfProof: row.vrfProof,
    commitment: row.commitment,
    opening: row.opening,
    value: row.value,
  };
}

/** Takes a first registration of `name` up to the queue, and gives its row there. */
export async function enqueue(log: LogStore, name: string, version = 0): Promise<SubmissionRow> {
  await log.openIntent(sampleIntent(name, version));
  const submission = sampleSubmission(name, version);
  const { submissionId } = await log.submit(submission, sampleCertificate(name, version), bytes('request'));
  return { ...submission, id: submissionId };
}
