import { describe, expect, it } from 'vitest';
import { mediaTypeOf } from '../../src/contract/media-types.ts';
import { parseProblem } from '../../src/contract/parse-problem.ts';
import { problem, problemOf, STATUS_OF_CODE } from '../../src/contract/problem.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/core/error-codes.ts';
import { GlasskeyError } from '../../src/core/errors.ts';

const CODES = Object.keys(ERROR_CODES) as readonly ErrorCode[];

describe('problems', () => {
  it('give every code a status with a title', () => {
    expect(Object.keys(STATUS_OF_CODE).toSorted()).toEqual(CODES.toSorted());
    for (const code of CODES) expect(problem(code).title).not.toBe('Error');
  });

  it('tell the client what it did wrong, and nothing about the inside of the server', () => {
    expect(problemOf(new GlasskeyError('invalid-identity', 'has no @'))).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'has no @',
      code: 'invalid-identity',
    });
    for (const code of CODES.filter((code) => STATUS_OF_CODE[code] >= 500)) {
      expect(JSON.stringify(problemOf(new GlasskeyError(code, 'password is hunter2')))).not.toContain('hunter2');
    }
    for (const thrown of [new TypeError('hunter2'), 'hunter2', undefined, { code: 'erased', message: 'hunter2' }]) {
      expect(problemOf(thrown)).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        code: 'internal',
      });
    }
  });

  it('are read by clients, whatever they hold', () => {
    expect(parseProblem(problem('erased', 'gone'), 410)).toEqual({ status: 410, code: 'erased', detail: 'gone' });
    expect(parseProblem({ code: 'from-the-future', status: 200 }, 400)).toEqual({
      status: 400,
      code: undefined,
      detail: undefined,
    });
    expect(parseProblem({ code: 'toString', detail: 5 }, 400)).toEqual({
      status: 400,
      code: undefined,
      detail: undefined,
    });
    expect(() => parseProblem('oops', 500)).toThrow(expect.objectContaining({ code: 'bad-response' }));
  });
});

describe('media types', () => {
  it.each([
    ['application/json; charset=utf-8', 'application/json'],
    ['APPLICATION/JSON', 'application/json'],
    ['', ''],
    [null, ''],
    [undefined, ''],
  ])('%s', (header, mediaType) => {
    expect(mediaTypeOf(header)).toBe(mediaType);
  });
});
