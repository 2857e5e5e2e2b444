import { afterEach, describe, expect, it, vi } from 'vitest';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { withJson } from '../../src/client/json-result.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { openSealedState, sealState } from '../../src/client/state/sealed-state.ts';
import { EMPTY_STATE } from '../../src/client/state/client-state.ts';
import { boundedFetch } from '../../src/core/net/bounded-fetch.ts';
import { GlasskeyError } from '../../src/core/errors.ts';

afterEach(() => vi.unstubAllGlobals());
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a platform that lacks something', () => {
  const open = () => KeyDirectory.open({ server: 'http://127.0.0.1:1', state: new MemoryState() });

  it.each([
    ['fetch', undefined],
    ['AbortController', undefined],
    ['crypto', undefined],
    ['crypto', {}],
    ['URL', () => ({})],
  ])('is named when a directory is opened, before any request: %s', async (name, value) => {
    vi.stubGlobal(name, value);
    await expect(open()).rejects.toThrow(code('platform-unsupported'));
  });

  it('needs no fetch of its own if the caller gives one', async () => {
    vi.stubGlobal('fetch', undefined);
    const opened = KeyDirectory.open({
      server: 'http://127.0.0.1:1',
      state: new MemoryState(),
      fetch: async () => new Response('{}'),
    });
    await expect(opened).rejects.toThrow(code('bad-bundle'));
  });

  it('seals a state without WebCrypto as with it', async () => {
    const options = {
      cost: { memoryKib: 8192, passes: 1 },
      random: (length: number) => new Uint8Array(length).fill(3),
    };
    const withSubtle = await sealState(EMPTY_STATE, 'correct horse', options);
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
    expect(await sealState(EMPTY_STATE, 'correct horse', options)).toBe(withSubtle);
    expect(await openSealedState(withSubtle, 'correct horse')).toEqual(EMPTY_STATE);
    await expect(openSealedState(withSubtle, 'wrong horse')).rejects.toThrow(code('wrong-passphrase'));
  });
});

describe('a fetch without streams, as in React Native', () => {
  const bounds = { timeoutMs: 1000, maxBytes: 4, name: 'the server' };
  const answer = (body: string, more: object = {}) => ({
    status: 200,
    statusText: '',
    type: 'default',
    url: 'http://log.test/x',
    headers: new Headers(),
    arrayBuffer: async () => new TextEncoder().encode(body).buffer,
    ...more,
  });
  const get = (response: object) =>
    boundedFetch(async () => response as Response, 'http://log.test/x', {}, bounds).then(({ body }) => body);

  it('reads a whole body within its bound', async () => {
    await expect(get(answer('1234'))).resolves.toEqual(Uint8Array.of(0x31, 0x32, 0x33, 0x34));
    await expect(get(answer('12345'))).rejects.toThrow(code('bad-response'));
    const arrayBuffer = vi.fn<() => Promise<ArrayBuffer>>();
    const long = answer('', { headers: new Headers({ 'content-length': '5' }), arrayBuffer });
    await expect(get(long)).rejects.toThrow(code('bad-response'));
    expect(arrayBuffer).not.toHaveBeenCalled();
  });

  it('takes no answer of another address', async () => {
    await expect(get(answer('1', { url: 'http://elsewhere.test/x' }))).rejects.toThrow(code('bad-response'));
    await expect(get(answer('1', { url: '' }))).resolves.toHaveLength(1);
  });
});

it('a result is written by JSON.stringify, whole or in parts, and its members stay what they are', () => {
  const error = new GlasskeyError('usage', 'no');
  const given = {
    list: [{ bytes: Uint8Array.of(1, 2) }],
    big: 2n ** 64n,
    at: new Date(0),
    map: new Map([['a', 1n]]),
    error,
  };
  const result = withJson(given);
  expect(result).toEqual(given);
  expect(result.list[0]?.bytes).toBe(given.list[0]?.bytes);
  expect(JSON.parse(JSON.stringify(result))).toEqual({
    list: [{ bytes: 'AQI=' }],
    big: '18446744073709551616',
    at: '1970-01-01T00:00:00.000Z',
    map: { a: '1' },
    error: { code: 'usage', fault: 'usage', message: 'no' },
  });
  expect(JSON.stringify(result.list)).toBe('[{"bytes":"AQI="}]');
});
