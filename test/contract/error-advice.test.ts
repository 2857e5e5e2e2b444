import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { adviceOf, codeAnchor } from '../../src/contract/error-advice.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/core/error-codes.ts';
import { apiPage } from '../../src/http/api-page.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const words = (sentence: string) => sentence.split(/\s+/).filter((word) => word !== '').length;

describe('the advice for an error code', () => {
  it.each(CODES)('says in whole, short sentences what happened and what to do: %s', (code) => {
    const { means, next } = adviceOf(code);
    for (const text of [means, next]) {
      expect(text).toMatch(/^[A-Z`].*\.$/);
      for (const sentence of text.split(/(?<=[.:])\s/)) expect(words(sentence)).toBeLessThanOrEqual(25);
    }
  });

  it('names only commands that there are', async () => {
    const commands = new Set((await createProgram()).commands.map((command) => command.name()));
    const named = CODES.flatMap((code) =>
      [...adviceOf(code).next.matchAll(/`glasskey (\w+)/g)].map(([, name]) => name),
    );
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) expect(commands).toContain(name);
  });

  it('is on the page for people, where a link can name it', async () => {
    const page = await apiPage('log.example');
    for (const code of CODES) expect(page).toContain(`id="${codeAnchor(code)}"`);
    expect(page).toContain(adviceOf('rows-changed').means);
  });
});
