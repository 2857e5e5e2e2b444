import { describe, expect, it } from 'vitest';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { BatchBisection } from '../../../src/service/sequencing/batch-bisection.ts';
import type { SubmissionRow } from '../../../src/store/ports.ts';
import { SqlError } from '../../../src/store/sql-error.ts';

const EMPTY = new Uint8Array();
const ROW: SubmissionRow = {
  id: 1,
  label: EMPTY,
  labelKey: EMPTY,
  version: 0,
  vrfOutput: EMPTY,
  vrfProof: EMPTY,
  commitment: EMPTY,
  opening: EMPTY,
  value: EMPTY,
};
/** More failures than refuse a row. */
const MANY = 20;
const SIZE = 7;

/** Suspects the row after failures, finds that an append without it succeeds, and fails with it alone. */
function failAlone(error: unknown): BatchBisection {
  const bisection = new BatchBisection();
  const fail = (): void => bisection.failed(SIZE, bisection.next([ROW]), error);
  fail();
  fail();
  expect(bisection.next([ROW])).toEqual({ queue: [], refused: [] });
  bisection.succeeded();
  for (let i = 0; i < MANY && bisection.next([ROW]).refused.length === 0; i++) fail();
  return bisection;
}

describe('a row that fails alone', () => {
  it.each([
    new GlasskeyError('overloaded', 'busy'),
    new GlasskeyError('hsm-unavailable', 'away'),
    new GlasskeyError('head-moved', 'another writer'),
    new GlasskeyError('storage-failed', 'the disk is full'),
    new SqlError('the store is closed'),
    ...[
      '08006',
      '25006',
      '28P01',
      '3D000',
      '40001',
      '53300',
      '55P03',
      '57014',
      '57P01',
      '58030',
      'DEADLINE',
      'ECONNREFUSED',
      'EPIPE',
    ].map((state) => new SqlError(`outage ${state}`, state)),
  ])('stays in the queue during an outage: $code, $message', (error) => {
    expect(failAlone(error).next([ROW])).toEqual({ queue: [ROW], refused: [] });
  });

  it.each([
    new SqlError('bad data', '22021'),
    new SqlError('in the way', '23505'),
    new SqlError('too large', '54000'),
    new SqlError('bad block', 'XX001'),
    new GlasskeyError('storage-corrupt', 'odd'),
  ])('is refused by an error that it can cause: $code, $message', (error) => {
    expect(failAlone(error).next([ROW])).toEqual({ queue: [], refused: [{ row: ROW, code: error.code }] });
  });
});
