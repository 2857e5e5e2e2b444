import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { readingState } from '../state/client-state-json.ts';

const LINE_FEED = 0x0a;

/** The lines of a journal, without their line feeds. */
export interface JournalLines {
  readonly lines: readonly string[];
  /** False if something follows the last line feed: the file is not to be appended to. */
  readonly isWhole: boolean;
}

/**
 * Splits the bytes of a journal into its lines. The last line may lack its end, or have zeros in the place of it: its
 * process was killed, or power failed, before the operation resolved. It is left out, unless only its line feed is
 * missing. Throws `state-corrupt` for bytes that no unfinished operation leaves.
 */
export function splitJournal(bytes: Uint8Array): JournalLines {
  return readingState(() => {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      lines.push(decodeUtf8(bytes.subarray(start, end)));
      start = end + 1;
    }
    const rest = bytes.subarray(start);
    return { lines: [...lines, ...unfinished(rest)], isWhole: rest.length === 0 };
  });
}

/** Returns the line in the bytes after the last line feed, if it is complete. */
function unfinished(rest: Uint8Array): readonly string[] {
  let length = rest.length;
  // A file may have grown before its bytes were written: they are zero then.
  while (length > 0 && rest[length - 1] === 0) length--;
  const line = parsedObject(rest.subarray(0, length));
  if (line !== undefined) return [line];
  // The line is complete, and its line feed is another byte: damage, which would hide a change that was stored.
  if (parsedObject(rest.subarray(0, length - 1)) !== undefined) throw new RangeError('a line feed was damaged');
  return [];
}

/** Returns the text of the bytes if it is JSON. The beginning of an object never is. */
function parsedObject(bytes: Uint8Array): string | undefined {
  try {
    const text = decodeUtf8(bytes);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
