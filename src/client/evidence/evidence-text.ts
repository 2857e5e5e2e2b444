import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { JsonFields, parseJson } from '../../contract/json-fields.ts';
import { MAX_UPDATE_BYTES } from '../audit/follow-entry.ts';
import type { EvidenceProof, IncludedEntry } from '../audit/evidence-proof.ts';

/** The format name in an evidence file. */
const FORMAT = 'glasskey evidence v1';
const CODE = 'bad-evidence';

/** Most characters of an evidence file: a proof, and what the client knew and received. */
export const MAX_EVIDENCE_CHARACTERS = 32 * 1024 * 1024;
/** Most hashes of a proof in a tree of 2^53-1 leaves, and one more to begin with. */
const MAX_HASHES = 54;
const MAX_ENTRY_BYTES = 0xffff;
const HASH = { minimum: 32, maximum: 32 };

/** Returns a proof as the `proof` member of an evidence file: plain JSON, bytes in base64. */
export function evidenceJson(proof: EvidenceProof): Readonly<Record<string, unknown>> {
  switch (proof.type) {
    case 'fork': {
      const { type, first, second, consistency } = proof;
      return { format: FORMAT, type, first, second, consistency: consistency.map(formatBase64) };
    }
    case 'entry': {
      const { type, checkpoint, index, included, previous, fullSubtrees, update } = proof;
      return {
        format: FORMAT,
        type,
        checkpoint,
        index,
        included: includedJson(included),
        ...(previous === undefined ? {} : { previous: includedJson(previous) }),
        fullSubtrees: fullSubtrees.map(formatBase64),
        ...(update === undefined ? {} : { update: formatBase64(update) }),
      };
    }
    case 'tree-head': {
      const { type, checkpoint, included, configuration, size, signature, logRoot } = proof;
      return {
        format: FORMAT,
        type,
        checkpoint,
        included: includedJson(included),
        configuration: formatBase64(configuration),
        size,
        signature: formatBase64(signature),
        logRoot: formatBase64(logRoot),
      };
    }
  }
}

/** Returns the text of an evidence file that holds only a proof. */
export function formatEvidence(proof: EvidenceProof): string {
  return `${JSON.stringify({ proof: evidenceJson(proof) }, undefined, 2)}\n`;
}

/**
 * Reads the proof of an untrusted evidence file. Ignores the other members, which are for people. Throws `bad-evidence`
 * for any other text, and `not-proven` for an evidence file without a proof: a finding that only its finder can be sure
 * of.
 */
export function parseEvidence(text: string): EvidenceProof {
  ensure(text.length <= MAX_EVIDENCE_CHARACTERS, CODE, 'the evidence file is too long');
  const file = new JsonFields(parseJson(text, CODE), CODE, 'evidence');
  ensure(file.has('proof'), 'not-proven', 'the file reports a finding without a proof for others');
  const fields = file.object('proof');
  ensure(fields.string('format', 64) === FORMAT, CODE, 'the proof is of another format');
  switch (fields.oneOf('type', ['fork', 'entry', 'tree-head'])) {
    case 'fork':
      fields.only(['format', 'type', 'first', 'second', 'consistency']);
      return {
        type: 'fork',
        first: readNote(fields, 'first'),
        second: readNote(fields, 'second'),
        consistency: readHashes(fields, 'consistency'),
      };
    case 'entry':
      fields.only(['format', 'type', 'checkpoint', 'index', 'included', 'previous', 'fullSubtrees', 'update']);
      return {
        type: 'entry',
        checkpoint: readNote(fields, 'checkpoint'),
        index: fields.integer('index'),
        included: readIncluded(fields, 'included'),
        previous: fields.has('previous') ? readIncluded(fields, 'previous') : undefined,
        fullSubtrees: readHashes(fields, 'fullSubtrees'),
        update: fields.has('update') ? fields.base64('update', { minimum: 0, maximum: MAX_UPDATE_BYTES }) : undefined,
      };
    case 'tree-head':
      fields.only(['format', 'type', 'checkpoint', 'included', 'configuration', 'size', 'signature', 'logRoot']);
      return {
        type: 'tree-head',
        checkpoint: readNote(fields, 'checkpoint'),
        included: readIncluded(fields, 'included'),
        configuration: fields.base64('configuration', { minimum: 1, maximum: 4096 }),
        size: fields.integer('size'),
        signature: fields.base64('signature', { minimum: 1, maximum: 0xffff }),
        logRoot: fields.base64('logRoot', HASH),
      };
  }
}

function includedJson({ entry, inclusion }: IncludedEntry): Readonly<Record<string, unknown>> {
  return { entry: formatBase64(entry), inclusion: inclusion.map(formatBase64) };
}

function readIncluded(fields: JsonFields, name: string): IncludedEntry {
  const members = fields.object(name).only(['entry', 'inclusion']);
  const entry = members.base64('entry', { minimum: 0, maximum: MAX_ENTRY_BYTES });
  return { entry, inclusion: readHashes(members, 'inclusion') };
}

function readNote(fields: JsonFields, name: string): string {
  return fields.string(name, MAX_NOTE_BYTES);
}

function readHashes(fields: JsonFields, name: string): readonly Uint8Array[] {
  return fields.strings(name, { minimum: 0, maximum: MAX_HASHES }, 44).map((text) => {
    const hash = readBase64(text);
    if (hash?.length !== 32) throw fields.failure(name, 'holds something that is not a hash');
    return hash;
  });
}

function readBase64(text: string): Uint8Array | undefined {
  try {
    return parseBase64(text);
  } catch {
    return undefined;
  }
}
