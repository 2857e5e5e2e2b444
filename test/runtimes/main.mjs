import * as client from 'glasskey-client';
import { FolderState } from 'glasskey-client/node';
import { runScenario } from './scenario.mjs';

const where = JSON.parse(process.argv[2]);
if (where.withoutSubtle) {
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  Object.defineProperty(globalThis, 'crypto', { value: { getRandomValues } });
}
const steps = await runScenario(client, where, new FolderState(where.folder));
process.stdout.write(`${JSON.stringify(steps)}\n`, () => process.exit(0));
