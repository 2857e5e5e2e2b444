// Bundles the messenger into dist-messenger/: the page for browsers, and the program that serves it.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const here = (...names) => names.map((name) => `examples/messenger/${name}`);
const common = { absWorkingDir: root, bundle: true, format: 'esm', logLevel: 'warning' };

await rm(`${root}dist-messenger`, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: here(
    ...['messenger', 'doors', 'operator'].flatMap((name) => [`page/${name}.ts`, `page/${name}.html`]),
    'page/messenger.css',
  ),
  minify: true,
  platform: 'browser',
  target: 'es2022',
  loader: { '.html': 'copy' },
  outdir: 'dist-messenger/page',
});
await build({
  ...common,
  entryPoints: {
    main: 'examples/messenger/main.ts',
    'csr-worker': 'src/service/threads/csr-worker.ts',
    'vrf-worker': 'src/service/threads/vrf-worker.ts',
  },
  splitting: true,
  platform: 'node',
  packages: 'external',
  target: 'node20',
  outdir: 'dist-messenger/server',
});
