import { describe, expect, it } from 'vitest';
import { readUpdateBundle } from '../../../src/core/audit/read-update-bundle.ts';
import { encodeUpdateBundle, MAX_UPDATE_BUNDLE_BYTES } from '../../../src/core/audit/update-bundle.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';

const updates = Array.from({ length: 256 }, (_, i) => Uint8Array.of(i, i));
const file = encodeUpdateBundle(updates);
/** A log whose files are all the same, or fail alike; and what was asked of it. */
function logOf(answer: Uint8Array | GlasskeyError) {
  const asked: [string, number][] = [];
  const read = (path: string, maximum: number): Promise<Uint8Array> => {
    asked.push([path, maximum]);
    return answer instanceof GlasskeyError ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { read, asked };
}

describe('a bundle of updates that is read', () => {
  it('holds 256 updates, and is asked for within its bound', async () => {
    const log = logOf(file);
    expect(await readUpdateBundle(log, 3, 1024)).toEqual(updates);
    expect(log.asked).toEqual([['tile/updates/003', MAX_UPDATE_BUNDLE_BYTES]]);
  });

  it('is not asked for where the tree has not all of its entries', async () => {
    const log = logOf(file);
    expect(await readUpdateBundle(log, 3, 1023)).toBeUndefined();
    expect(log.asked).toEqual([]);
  });

  it('counts as none where it is missing, broken, or holds too few or too many', async () => {
    const bad = [new GlasskeyError('bad-response', 'status 404'), file.slice(0, -1), encodeUpdateBundle(updates.slice(1)), encodeUpdateBundle([...updates, file])]; // prettier-ignore
    for (const answer of bad) expect(await readUpdateBundle(logOf(answer), 0, 256)).toBeUndefined();
  });

  it('is no reason to go on where the log cannot be reached', async () => {
    const log = logOf(new GlasskeyError('network-failed', 'no answer'));
    await expect(readUpdateBundle(log, 0, 256)).rejects.toThrow(expect.objectContaining({ code: 'network-failed' }));
  });
});
