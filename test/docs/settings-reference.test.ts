import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KEEP_ALIVE_MS } from '../../src/http/server.ts';
import { parseDuration } from '../../src/server/settings/duration.ts';
import { settingsReference } from './settings-reference.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/settings.md');

describe('the reference of settings', () => {
  it('is what the schema says, of every setting', () => {
    const page = settingsReference();
    if (process.env['GLASSKEY_UPDATE_README'] !== undefined) writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });

  it('names the defaults that other modules fill in', () => {
    const [, , , standard = ''] = /^\| (`keep_alive`) \| ([^|]*) \| `"([^|]*)"` \|/m.exec(settingsReference()) ?? [];
    expect(parseDuration(standard)).toBe(KEEP_ALIVE_MS);
  });
});
