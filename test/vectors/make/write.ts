import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeAllFiles } from './all.ts';

// `npm run vectors`: writes the vectors of our own formats anew.
const folder = resolve('test/vectors/own');
mkdirSync(folder, { recursive: true });
for (const [name, text] of await makeAllFiles()) writeFileSync(join(folder, name), text);
