import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const read = (path: string): string => readFileSync(resolve(import.meta.dirname, '../..', path), 'utf8');

describe('the guide to calls', () => {
  it('shows functions of examples/calls/, which tests run: most in chromium', () => {
    const examples = ['calls', 'group-epoch'].map((name) => read(`examples/calls/${name}.mjs`)).join('\n');
    const blocks = [...read('docs/calls.md').matchAll(/```js\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    const functions = blocks.filter((block) => /^(?:export )?(?:async )?function /.test(block));
    expect(functions).toHaveLength(7);
    expect(functions.filter((block) => !examples.includes(block))).toEqual([]);
    expect(read('test/browser/call-page.mjs')).toContain("from '../../examples/calls/calls.mjs'");
  });

  it('names every code that its table explains as the source does', () => {
    const codes = [...read('docs/calls.md').matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code = '']) => code);
    expect(codes.length).toBeGreaterThan(4);
    const sources = ['call-user', 'seen-calls', 'started-call', 'incoming-call', 'verified-call', 'call-device'];
    const text = [
      ...sources.map((name) => read(`src/client/calls/${name}.ts`)),
      read('src/client/certified-signature.ts'),
      read('src/client/binding/unseen-changes.ts'),
    ].join();
    expect(codes.filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });
});
