import { describe, expect, it } from 'vitest';
import { titlesIn, whatIsWrongWith } from './test-titles.ts';

describe('the titles of a source', () => {
  it('are those of its tests, tables and attacks, and nothing else', () => {
    const source = `
      describe('a group', () => {
        it('does one thing', () => run('another'));
        it.each([[1, ')'], /* ( */ [2, "it('no')", /it's ( a/]] as const)('does %i', () => {});
        it.each<[string, (n: number) => void]>([])('types %s', () => {});
        test.skipIf(missing('it'))(\`with a tool\`, async () => {});
        test(
          'isn\\'t "short"',
          () => {},
        );
        attack('old-head', () => {});
      });`;
    expect([...titlesIn(source)]).toEqual([
      'does one thing',
      'does %i',
      'types %s',
      'with a tool',
      'isn\'t "short"',
      'old-head',
    ]);
  });
});

describe('the name of a test', () => {
  it('is that of one that there is', () => {
    const name = 'test/docs/test-titles.test.ts: is that of one that there is' as const;
    expect(whatIsWrongWith(name)).toBeUndefined();
    expect(whatIsWrongWith('test/docs/test-titles.test.ts')).toBeUndefined();
    expect(whatIsWrongWith(`${name}, or was`)).toContain('no test has this title');
    expect(whatIsWrongWith('test/docs/gone.test.ts: x')).toContain('no such file');
    expect(whatIsWrongWith('test/docs/test-titles.ts')).toContain('no such file');
  });
});
