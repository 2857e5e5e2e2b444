import { describe, expect, it } from 'vitest';
import { readStream } from '../../../src/core/encoding/read-stream.ts';

/** A body of these chunks; `cancelled` is set when its reader gives up. */
function bodyOf(...chunks: number[][]) {
  const state = { cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(Uint8Array.from(chunk));
    },
    cancel: () => {
      state.cancelled = true;
    },
  });
  return { stream, state };
}

describe('a bounded body', () => {
  it('is read whole up to the bound, whatever its chunks', async () => {
    expect(await readStream(bodyOf([1, 2], [], [3]).stream, 3, 'it')).toEqual(Uint8Array.of(1, 2, 3));
    expect(await readStream(bodyOf().stream, 0, 'it')).toEqual(new Uint8Array());
    expect(await readStream(null, 0, 'it')).toEqual(new Uint8Array());
  });

  it('is cancelled and refused if it is longer, by the code that the caller wants', async () => {
    const { stream, state } = bodyOf([1, 2], [3, 4], [5]);
    const refused = readStream(stream, 3, 'the file');
    await expect(refused).rejects.toMatchObject({
      code: 'bad-response',
      message: 'the file is longer than 3 bytes',
    });
    expect(state.cancelled).toBe(true);
    const request = readStream(bodyOf([1]).stream, 0, 'the body', { code: 'payload-too-large' });
    await expect(request).rejects.toMatchObject({ code: 'payload-too-large' });
  });

  it('is refused as longer even if its source cannot be cancelled, and fails as its source does', async () => {
    const stubborn = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Uint8Array.of(1)),
      cancel: () => Promise.reject(new Error('stuck')),
    });
    await expect(readStream(stubborn, 0, 'it')).rejects.toMatchObject({ code: 'bad-response' });
    const broken = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error('gone')) });
    await expect(readStream(broken, 9, 'it')).rejects.toThrow('gone');
  });
});
