import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';

/** Greatest size of the client in a browser, gzipped. */
const BUDGET_BYTES = 137 * 1024;
const SRC = resolve(import.meta.dirname, '../../src');

describe('the client in a browser', () => {
  let code: string;
  let inputs: string[];

  beforeAll(async () => {
    // Nothing is external to the bundle, so the build fails if anything needs Node.
    const result = await build({
      stdin: {
        contents: `export * from './index.ts'; export * from './browser.ts';`,
        resolveDir: `${SRC}/client`,
        loader: 'ts',
      },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    code = result.outputFiles[0]?.text ?? '';
    inputs = Object.keys(result.metafile.inputs);
  });

  it('contains neither Node, nor a database, nor what issues certificates', () => {
    expect(inputs.length).toBeGreaterThan(40);
    const packages = /node:|drizzle|postgres|pglite|sodium|hono|pkijs|asn1js/;
    const rooms = /src\/(?:service|store|http|server|cli)\/|ca\/(?:issue|authority|keys\/key-file|crl|lint)\.ts/;
    expect(inputs.filter((input) => packages.test(input) || rooms.test(input))).toEqual([]);
    expect(code).not.toMatch(/["']node:/);
  });

  it('is as free of Node with its end-to-end encryption', async () => {
    const { metafile } = await build({
      entryPoints: [`${SRC}/client/e2ee/index.ts`],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    expect(Object.keys(metafile.inputs).some((input) => input.includes('@hpke/core'))).toBe(true);
    expect(inputs.some((input) => input.includes('@hpke/'))).toBe(false);
  });

  it('is within its budget', () => {
    expect(gzipSync(code).length).toBeLessThan(BUDGET_BYTES);
  });
});
