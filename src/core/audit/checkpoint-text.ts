import { formatBase64, parseBase64 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';

/** The text of a checkpoint (c2sp.org/tlog-checkpoint): a log's name, size and RFC 6962 root. */
export interface Checkpoint {
  readonly origin: string;
  /** The number of entries, 0..2^53-1. */
  readonly size: number;
  /** 32 bytes. */
  readonly rootHash: Uint8Array;
  /** Extension lines; empty in Glasskey's own checkpoints. */
  readonly extensions: readonly string[];
}

/** Formats the note text of a checkpoint. Throws `value-out-of-range`. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, rootHash, extensions } = checkpoint;
  const isValid = Number.isSafeInteger(size) && size >= 0 && rootHash.length === 32 && origin !== '';
  ensure(isValid, 'value-out-of-range', 'not a checkpoint');
  const lines = [origin, String(size), formatBase64(rootHash), ...extensions];
  ensure(
    lines.every((line) => line !== '' && !line.includes('\n')),
    'value-out-of-range',
    'a line of the checkpoint is empty, or contains a newline',
  );
  return `${lines.join('\n')}\n`;
}

/** Parses the untrusted note text of a checkpoint. Throws `bad-checkpoint`. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  const isWhole = lines.pop() === '' && lines.length >= 3 && lines.every((line) => line !== '');
  ensure(isWhole, 'bad-checkpoint', 'a checkpoint has at least three lines and no empty line');
  const [origin, size, root, ...extensions] = lines as [string, string, string, ...string[]];
  ensure(/^(0|[1-9][0-9]{0,15})$/.test(size), 'bad-checkpoint', 'the size of the checkpoint is not a decimal number');
  ensure(Number.isSafeInteger(Number(size)), 'bad-checkpoint', 'the size of the checkpoint is above 2^53-1');
  return { origin, size: Number(size), rootHash: parseRoot(root), extensions };
}

function parseRoot(line: string): Uint8Array {
  try {
    const root = parseBase64(line);
    if (root.length === 32) return root;
  } catch (cause) {
    throw new GlasskeyError('bad-checkpoint', 'the root of the checkpoint is not base64', { cause });
  }
  throw new GlasskeyError('bad-checkpoint', 'the root of the checkpoint is not 32 bytes');
}
