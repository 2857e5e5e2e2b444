import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { EXPLORER_PREFIX } from '../contract/paths.ts';
import { GlasskeyError } from '../core/errors.ts';

/** The built page: `npm run build` writes it, from `src/web/`. The same place from `src/http/` and from the program. */
const FOLDER = new URL('../../dist/web/', import.meta.url);

/** A file of the explorer whose name changes with its content. */
export interface ExplorerAsset {
  /** Its path on the server. */
  readonly path: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly gzipped: Uint8Array;
}

/** The explorer as it is served. */
export interface ExplorerFiles {
  /** The page, with `{{origin}}` and `{{private}}` left to fill in. */
  readonly html: string;
  readonly assets: readonly ExplorerAsset[];
}

/** Reads the built explorer. Throws `internal` if it was not built. */
export function readExplorer(): ExplorerFiles {
  const script = readAsset('explorer.js', 'text/javascript; charset=utf-8');
  const style = readAsset('explorer.css', 'text/css; charset=utf-8');
  const html = new TextDecoder()
    .decode(readBuilt('explorer.html'))
    .replaceAll('{{script}}', script.path)
    .replaceAll('{{style}}', style.path);
  return { html, assets: [script, style] };
}

function readAsset(name: string, mediaType: string): ExplorerAsset {
  const bytes = readBuilt(name);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const path = EXPLORER_PREFIX + name.replace('.', `-${hash}.`);
  return { path, mediaType, bytes, gzipped: gzipSync(bytes, { level: 9 }) };
}

function readBuilt(name: string): Uint8Array {
  const path = fileURLToPath(new URL(name, FOLDER));
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new GlasskeyError('internal', `the explorer was not built: ${path} is missing. Next: \`npm run build\``, {
      cause,
    });
  }
}
