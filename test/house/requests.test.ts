import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceFiles, withoutComments } from './import-table.ts';

const SRC = resolve(import.meta.dirname, '../../src');
/** The only files that send requests: to servers that the operator or the user named, and to places that strangers did. */
const SENDERS = ['core/net/bounded-fetch.ts', 'delivery/egress-connection.ts', 'delivery/safe-egress.ts'];

/** Ways around the sender: without its deadline, with a deadline that a garbage collection removes, or to elsewhere. */
const WAYS_AROUND: readonly RegExp[] = [
  /(?<![.#\w])fetch\(/,
  /(?<![.#\w])typeof fetch\b/,
  /globalThis(?:\.fetch\b|\[)/,
  /AbortSignal\s*\.\s*(?:timeout|any)\b/,
  /\bredirect: /,
  /\bXMLHttpRequest\b|\bEventSource\b|\bWebSocket\b|\bsendBeacon\b/,
  /import \{[^}]*\b(?:request|get|Agent)\b[^}]*\} from 'node:https?'/,
  /from '(?:undici|axios|node-fetch|got)'/,
];

const waysAround = (text: string): string[] => WAYS_AROUND.filter((way) => way.test(withoutComments(text))).map(String);

describe('outgoing requests', () => {
  it('are sent by one file, and to addresses that strangers chose by one room', () => {
    const found = sourceFiles(SRC).filter((file) => waysAround(readFileSync(join(SRC, file), 'utf8')).length > 0);
    expect(found).toEqual(SENDERS);
  });

  it.each([
    'const answer = await fetch(url);',
    'readonly fetch?: typeof fetch;',
    'globalThis.fetch(url);',
    'init.signal = AbortSignal.timeout(1);',
    'AbortSignal\n  .any([a, b])',
    "send(url, { redirect: 'follow' });",
    'new WebSocket(url);',
    "import { createServer, request } from 'node:http';",
    "import { fetch as send } from 'undici';",
  ])('are found: %s', (text) => {
    expect(waysAround(text)).toHaveLength(1);
  });

  it.each(['this.#fetch(url)', 'options.fetch(url)', 'fetchHead(place)', '// fetch(url)', 'readonly fetch: Fetch;'])(
    'are not meant by %s',
    (text) => {
      expect(waysAround(text)).toEqual([]);
    },
  );
});
