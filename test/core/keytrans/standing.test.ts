import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { type Question, runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import {
  type StandingRequest,
  type StandingResponse,
  standingResponseCodec,
} from '../../../src/core/keytrans/standing-messages.ts';
import { updateAndStand } from '../../../src/core/keytrans/standing.ts';
import { verifyStanding } from '../../../src/core/keytrans/verify-standing.ts';
import { labelBytes, realVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerStanding } from '../../support/reference-operations.ts';

const refused = (code: string, message = /./) =>
  expect.objectContaining({ name: 'GlasskeyError', code, message: expect.stringMatching(message) as string });

it('two entries are asked for a version by whole ladders, after the view', () => {
  const asked: Question[] = [];
  const stand = (verdicts: Record<number, number>) =>
    runAlgorithm(updateAndStand(2, { size: 3, version: 4, first: 0, second: 1 }), (question) => {
      asked.push(question);
      return question.kind === 'timestamp' ? 100 + question.position : verdicts[question.position]!;
    });
  expect(stand({ 0: 0, 1: 0 })).toEqual({ firstMs: 100, secondMs: 101 });
  expect(asked).toEqual([
    { kind: 'timestamp', position: 2 },
    { kind: 'timestamp', position: 0 },
    { kind: 'search-ladder', position: 0, target: 4, omit: false },
    { kind: 'timestamp', position: 1 },
    { kind: 'search-ladder', position: 1, target: 4, omit: false },
  ]);
  for (const verdict of [-1, 1]) {
    expect(() => stand({ 0: verdict, 1: 0 })).toThrow(refused('bad-ladder', /is not the greatest at entry 0/));
    expect(() => stand({ 0: 0, 1: verdict })).toThrow(refused('bad-ladder', /is not the greatest at entry 1/));
  }
});

describe('a standing', () => {
  const config = { ...referenceConfiguration(1000), maximumLifetimeMs: 5000 };
  // Entry 0 is past its lifetime.
  const log = new ReferenceLog(config, realVrf, [
    { timestampMs: 1000, labels: ['alice'] },
    ...[[], ['alice'], ['bob'], [], ['alice', 'alice'], [], ['bob'], []].map((labels, i) => {
      return { timestampMs: 6000 + 20 * i, labels };
    }),
  ]);
  const label = labelBytes('alice');
  const VIEW_SIZE = 8;

  type Asked = Pick<StandingRequest, 'version' | 'first' | 'second'> & { readonly last?: number };

  function answer(request: Asked): StandingResponse {
    const codec = standingResponseCodec(config);
    const response = answerStanding(log, { label: 'alice', ...request, last: request.last });
    return decode(codec, encode(codec, response));
  }

  function verify(request: Asked, response: StandingResponse, size = VIEW_SIZE) {
    const context = { config, view: log.view(size), nowMs: log.timestamps.at(-1)! };
    const { commitment } = log.versions.get('alice')![request.version]!;
    return verifyStanding(context, { label, last: VIEW_SIZE, ...request }, response, commitment);
  }

  it('holds for a version that was the greatest at both entries, and for no other', () => {
    let held = 0;
    for (let version = 0; version < 4; version++) {
      for (let first = 1; first < 9; first++) {
        for (let second = 0; second < 10; second++) {
          const request = { version, first, second, last: VIEW_SIZE };
          const isGreatest = (entry: number) =>
            log.versionPositions('alice').filter((position) => position <= entry).length - 1 === version;
          if (first >= second || second >= log.size) {
            expect(() => answer(request)).toThrow(refused('invalid-request'));
          } else if (!isGreatest(first) || !isGreatest(second)) {
            expect(() => answer(request)).toThrow(refused('search-not-found'));
          } else if (second < VIEW_SIZE) {
            const { firstMs, secondMs, view } = verify(request, answer(request));
            expect([firstMs, secondMs]).toEqual([log.timestamps[first], log.timestamps[second]]);
            expect(view).toEqual(log.view(log.size));
            held++;
          } else {
            expect(() => verify(request, answer(request))).toThrow(refused('usage', /no entries of the known log/));
          }
        }
      }
    }
    // Version 0 at 1; version 1 at 2 to 4; version 2 never; version 3 at 5 to 7.
    expect(held).toBe(0 + 3 + 0 + 3);
  });

  it('is of a version that the label has, at entries that are not past their lifetime', () => {
    expect(() => answer({ version: 4, first: 6, second: 7 })).toThrow(refused('search-not-found'));
    expect(() => answer({ version: 0, first: 0, second: 1 })).toThrow(refused('version-expired'));
  });

  it('is for the question that was asked', () => {
    const request = { version: 3, first: 5, second: 7, last: VIEW_SIZE };
    const response = answer(request);
    expect(verify(request, response).secondMs).toBe(log.timestamps[7]);
    for (const size of [7, 9]) expect(() => verify(request, response, size)).toThrow(refused('usage', /another size/));
    expect(() => verify({ ...request, first: 7 }, response)).toThrow(refused('usage', /no entries of the known log/));
    const byAnyone = expect.objectContaining({ name: 'GlasskeyError', fault: 'verification' });
    for (const other of [{ version: 1 }, { version: 2 }, { first: 4 }, { first: 6 }, { second: 6 }]) {
      expect(() => verify({ ...request, ...other }, response)).toThrow(byAnyone);
    }
    const { binaryLadder } = response;
    expect(() => verify(request, { ...response, binaryLadder: binaryLadder.slice(1) })).toThrow(byAnyone);
    const told = { ...binaryLadder[0]!, commitment: new Uint8Array(32).fill(7) };
    expect(() => verify(request, { ...response, binaryLadder: binaryLadder.with(0, told) })).toThrow(byAnyone);
    const { commitment } = log.versions.get('alice')![1]!;
    const context = { config, view: log.view(VIEW_SIZE), nowMs: log.timestamps.at(-1)! };
    const another = () => verifyStanding(context, { label, ...request }, response, commitment);
    expect(another).toThrow(byAnyone);
    const fresh = () =>
      verifyStanding({ ...context, view: undefined }, { label, ...request, last: undefined }, response, commitment);
    expect(fresh).toThrow(refused('usage', /no entries of the known log/));
  });
});
