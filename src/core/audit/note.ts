import type { Signer } from '../crypto/signer.ts';
import { concatBytes, decodeUtf8, encodeUtf8, formatBase64, parseBase64 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { isCosignerVkey, openCosignature } from './cosigned-message.ts';
import { ED25519_NOTE, ed25519Vkey, isEd25519Signature, isKeyName, type Vkey } from './vkey.ts';

/** The greatest size of a note in bytes: room for 64 post-quantum signatures. */
export const MAX_NOTE_BYTES = 512 * 1024;
/** The greatest number of signature lines in a note. */
export const MAX_NOTE_SIGNATURES = 64;

/** One signature line of a note: `— name base64(key ID || signature)`. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Uint8Array;
}

/** A signed note (c2sp.org/signed-note). Its signatures may be unverified. */
export interface Note {
  /** The signed text, with its final newline. */
  readonly text: string;
  /** Every signature line in order, including those of unknown keys. */
  readonly signatures: readonly NoteSignature[];
}

/** A key that signs notes under a name. */
export interface NoteSigner {
  readonly vkey: Vkey;
  readonly signer: Signer;
}

/** Binds a name to an Ed25519 signing key. Throws `value-out-of-range` for another algorithm or an invalid name. */
export function noteSigner(name: string, signer: Signer): NoteSigner {
  ensure(signer.algorithm === 'ed25519', 'value-out-of-range', 'notes are signed with Ed25519 keys');
  return { vkey: ed25519Vkey(name, signer.publicKey), signer };
}

/** Signs `text`, which must end in a newline, with every signer, and returns the note. Throws `value-out-of-range`. */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<string> {
  ensure(isNoteText(text), 'value-out-of-range', 'a note text ends in a newline and has no control characters');
  const message = encodeUtf8(text);
  const signatures = await Promise.all(
    signers.map(async ({ vkey, signer }) => ({
      name: vkey.name,
      keyId: vkey.keyId,
      signature: await signer.sign(message),
    })),
  );
  return formatNote({ text, signatures });
}

/** Formats a note as text. */
export function formatNote(note: Note): string {
  return `${note.text}\n${formatSignatureLines(note.signatures)}`;
}

function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  const id = new Uint8Array(4);
  new DataView(id.buffer).setUint32(0, keyId);
  return `— ${name} ${formatBase64(concatBytes(id, signature))}\n`;
}

/**
 * Parses an untrusted note, given as UTF-8 bytes or as text, and verifies nothing. Throws `bad-note` if it is
 * malformed, or exceeds {@link MAX_NOTE_BYTES} or {@link MAX_NOTE_SIGNATURES}.
 */
export function parseNote(note: Uint8Array | string): Note {
  const whole = readText(note);
  const end = whole.lastIndexOf('\n\n');
  ensure(end >= 0, 'bad-note', 'the note has no blank line before its signatures');
  const text = whole.slice(0, end + 1);
  return { text, signatures: parseSignatureLines(whole.slice(end + 2)) };
}

/**
 * Parses untrusted signature lines, each with its newline, and verifies nothing. Throws `bad-note` if one is malformed,
 * for none, and for more than {@link MAX_NOTE_SIGNATURES}.
 */
export function parseSignatureLines(text: string): readonly NoteSignature[] {
  ensure(text.length <= MAX_NOTE_BYTES, 'bad-note', 'the signature lines are too long');
  const lines = text.split('\n');
  ensure(
    lines.pop() === '' && lines.length > 0,
    'bad-note',
    'the note has no signatures, or does not end in a newline',
  );
  ensure(lines.length <= MAX_NOTE_SIGNATURES, 'bad-note', 'the note has too many signatures');
  return lines.map(parseSignatureLine);
}

/** Formats signature lines, each with its newline. */
export function formatSignatureLines(signatures: readonly NoteSignature[]): string {
  return signatures.map(formatSignatureLine).join('');
}

/** Returns true if the line says, by name and key ID, that this key made it. */
export function isLineOf(key: Vkey, { name, keyId }: NoteSignature): boolean {
  return key.name === name && key.keyId === keyId;
}

function readText(note: Uint8Array | string): string {
  ensure(note.length <= MAX_NOTE_BYTES, 'bad-note', 'the note is too large');
  try {
    const bytes = typeof note === 'string' ? encodeUtf8(note) : note;
    const text = decodeUtf8(bytes);
    const isText = (typeof note !== 'string' || text === note) && !hasControls(text);
    if (bytes.length <= MAX_NOTE_BYTES && isText) return text;
  } catch (cause) {
    throw new GlasskeyError('bad-note', 'the note is not UTF-8', { cause });
  }
  throw new GlasskeyError('bad-note', 'the note has control characters, or is too large');
}

function parseSignatureLine(line: string): NoteSignature {
  const parts = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line);
  ensure(parts !== null && isKeyName(parts[1] as string), 'bad-note', 'a signature line of the note is malformed');
  let bytes: Uint8Array;
  try {
    bytes = parseBase64(parts[2] as string);
  } catch (cause) {
    throw new GlasskeyError('bad-note', 'a signature of the note is not base64', { cause });
  }
  ensure(bytes.length > 4, 'bad-note', 'a signature of the note is too short');
  const keyId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return { name: parts[1] as string, keyId, signature: bytes.slice(4) };
}

/** Returns true if `signature` is the Ed25519 signature of `message` by a key. */
export type IsSignature = (vkey: Vkey, message: Uint8Array, signature: Uint8Array) => boolean;

/**
 * Verifies the signatures of an untrusted note by trusted keys and returns the keys that signed it. It ignores
 * signatures of unknown keys, and trusted keys of types that it cannot verify. Cosigner keys sign checkpoints only,
 * with which a log may sign its own (c2sp.org/tlog-checkpoint). Throws `bad-signature` if the line of a known key does
 * not verify, or if no known key has signed. `isEd25519` replaces the check of Ed25519 note keys.
 */
export function verifyNote(
  note: Note,
  trusted: readonly Vkey[],
  isEd25519: IsSignature = isEd25519Signature,
): readonly Vkey[] {
  const signedBy = new Set<Vkey>();
  for (const { name, keyId, signature } of note.signatures) {
    for (const vkey of trusted) {
      if (!isVerifiable(vkey) || vkey.name !== name || vkey.keyId !== keyId) continue;
      const isSigned = isSignature(vkey, note.text, signature, isEd25519);
      ensure(isSigned, 'bad-signature', `the signature of ${name} does not verify`);
      signedBy.add(vkey);
    }
  }
  ensure(signedBy.size > 0, 'bad-signature', 'the note is not signed by a trusted key');
  return [...signedBy];
}

function isVerifiable(vkey: Vkey): boolean {
  return vkey.type === ED25519_NOTE || isCosignerVkey(vkey);
}

function isSignature(vkey: Vkey, text: string, signature: Uint8Array, isEd25519: IsSignature): boolean {
  if (isCosignerVkey(vkey)) return openCosignature(vkey, text, signature) !== undefined;
  return isEd25519(vkey, encodeUtf8(text), signature);
}

function isNoteText(text: string): boolean {
  return text.endsWith('\n') && !hasControls(text) && decodeUtf8(encodeUtf8(text)) === text;
}

/** Returns true if the text has a character below U+0020 other than newline. */
function hasControls(text: string): boolean {
  for (const char of text) if (char < ' ' && char !== '\n') return true;
  return false;
}
