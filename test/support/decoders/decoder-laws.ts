import fc from 'fast-check';
import { expect } from 'vitest';
import { concatBytes, formatHex } from '../../../src/core/encoding/bytes.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { runs } from '../random-histories.ts';
import type { Decoder } from './decoder.ts';
import { collectGarbage } from '../collect-garbage.ts';

/** Bytes of a hostile input. */
const HOSTILE_LENGTH = 2 ** 18;
/** Processor time for all hostile inputs of a decoder, ms. */
const MOST_MS = 4000;
/** Bytes that may be kept for each byte of an input. */
const MOST_GROWTH = 24;
/** Beginnings of an input that are tried. */
const BEGINNINGS = 20;

/** What was read of an input, to be written; undefined where it was refused as it has to be. */
function attempt(decoder: Decoder, input: Uint8Array): (() => Uint8Array) | undefined {
  try {
    return decoder.read(input);
  } catch (error) {
    const reason = error instanceof GlasskeyError ? error.code : (error as Error).name;
    if (decoder.refusals.includes(reason)) return undefined;
    throw error;
  }
}

/** Whatever is accepted is rewritten to itself; or, where there are several encodings, to what is read the same way. */
function expectStable(decoder: Decoder, input: Uint8Array): void {
  const rewritten = attempt(decoder, input)?.();
  if (rewritten === undefined) return;
  if (decoder.canonical) {
    expect(formatHex(rewritten)).toBe(formatHex(decoder.expected?.(input) ?? input));
  } else {
    expect(formatHex(decoder.read(rewritten)())).toBe(formatHex(rewritten));
  }
}

/** Inputs are accepted and come back; what is cut off or appended is refused where the format tells its end. */
export function expectRoundTrip(decoder: Decoder): void {
  fc.assert(
    fc.property(decoder.inputs, fc.uint8Array({ minLength: 1, maxLength: 40 }), (input, tail) => {
      const rewritten = decoder.read(input)();
      if (decoder.canonical) expect(formatHex(rewritten)).toBe(formatHex(input));
      if (!decoder.canonical) expect(formatHex(decoder.read(rewritten)())).toBe(formatHex(rewritten));
      const step = Math.max(1, Math.ceil(input.length / BEGINNINGS));
      const others = [concatBytes(input, tail), concatBytes(input, input), input.subarray(0, input.length - 1)];
      for (let length = 0; length < input.length; length += step) others.push(input.subarray(0, length));
      for (const other of others) {
        if (input.length === 0 && other.length === 0) continue;
        if (decoder.selfDelimiting) expect(attempt(decoder, other)).toBeUndefined();
        else expectStable(decoder, other);
      }
    }),
    runs(12),
  );
}

/** How a good input is damaged. */
const damages = fc.record({
  place: fc.nat(),
  length: fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 300 })),
  other: fc.nat(),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff).chain((byte) => {
      return fc.integer({ min: 1, max: 9 }).map((length) => new Uint8Array(length).fill(byte));
    }),
  ),
  kind: fc.constantFrom('overwrite', 'insert', 'remove', 'repeat', 'swap', 'flip'),
});

type Damage = typeof damages extends fc.Arbitrary<infer T> ? T : never;

function damage(input: Uint8Array, { place, length, other, bytes, kind }: Damage): Uint8Array {
  const at = place % (input.length + 1);
  const from = other % (input.length + 1);
  const slice = input.subarray(from, from + length);
  const rest = (skipped: number): Uint8Array => input.subarray(at + skipped);
  switch (kind) {
    case 'overwrite':
      return concatBytes(input.subarray(0, at), bytes, rest(bytes.length));
    case 'insert':
      return concatBytes(input.subarray(0, at), bytes, rest(0));
    case 'remove':
      return concatBytes(input.subarray(0, at), rest(length));
    case 'repeat':
      return concatBytes(input.subarray(0, at), slice, rest(0));
    case 'swap':
      return concatBytes(input.subarray(0, at), slice, rest(slice.length));
    case 'flip':
      return at < input.length ? input.with(at, (input[at] as number) ^ (1 << (other % 8))) : input;
  }
}

/** Random bytes, and good inputs that were damaged in one to three places, are refused or stable. */
export function expectNothingElse(decoder: Decoder): void {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400, size: 'max' }), (input) => expectStable(decoder, input)),
    runs(40),
  );
  const damaged = fc.tuple(decoder.inputs, fc.array(damages, { minLength: 1, maxLength: 3 }));
  fc.assert(
    fc.property(damaged, ([input, places]) => expectStable(decoder, places.reduce(damage, input))),
    runs(80),
  );
}

/** Large inputs that promise much: of one byte throughout, and good beginnings with such a rest, and repetitions. */
function hostileInputs(sample: Uint8Array): Uint8Array[] {
  const fill = (byte: number, beginning = 0): Uint8Array => {
    const input = new Uint8Array(HOSTILE_LENGTH).fill(byte);
    input.set(sample.subarray(0, beginning));
    return input;
  };
  const half = Math.floor(sample.length / 2);
  const repeated = new Uint8Array(HOSTILE_LENGTH);
  const period = Math.max(1, sample.length);
  for (let at = 0; at + sample.length <= HOSTILE_LENGTH; at += period) repeated.set(sample, at);
  return [
    ...[0x00, 0x01, 0x28, 0x5b, 0xff].map((byte) => fill(byte)),
    ...[sample.length, half, 1].flatMap((beginning) => [fill(0x00, beginning), fill(0xff, beginning)]),
    repeated,
  ];
}

/** Large hostile inputs take bounded time, and what is read of them takes bounded memory. */
export function expectBounded(decoder: Decoder): void {
  const [sample = new Uint8Array()] = fc.sample(decoder.inputs, { numRuns: 1, seed: 1 });
  const inputs = hostileInputs(sample);
  const start = process.cpuUsage();
  const accepted = inputs.filter((input) => attempt(decoder, input) !== undefined);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1000, 'processor time, ms').toBeLessThan(MOST_MS);
  // Collecting garbage takes longer than reading: memory is measured where something was read.
  if (accepted.length === 0) return;
  const before = memoryInUse();
  const kept = accepted.map((input) => attempt(decoder, input));
  expect(memoryInUse() - before, 'bytes kept').toBeLessThan(MOST_GROWTH * kept.length * HOSTILE_LENGTH);
}

function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
