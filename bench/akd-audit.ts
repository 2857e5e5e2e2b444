import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { whatsAppConfiguration } from '../src/akd/akd-configuration.ts';
import { parseObjectName } from '../src/akd/object-name.ts';
import { verifyAppendOnly } from '../src/akd/verify-append-only.ts';
import { buildAkdCrate } from '../test/support/akd-crate.ts';
import { describeMachine } from './machine.ts';

const USAGE = `usage: npm run bench:akd -- [--sizes 50000,20000,20000,20000]

Has the akd crate make one epoch for each size (insertions), and verifies all of them by the crate and by Glasskey, one after the
other. Reading files is in neither time; decoding is in Glasskey's alone. Prints JSON.`;

/** Verifies every object of a folder, in the order of epochs. */
function verifyFolder(folder: string): Record<string, number> {
  const configuration = whatsAppConfiguration();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.split('/').length === 3,
  );
  const objects = names.map((name) => ({
    name: parseObjectName(name),
    bytes: new Uint8Array(readFileSync(join(folder, name))),
  }));
  objects.sort((a, b) => a.name.epoch - b.name.epoch);
  const [startMs, cpu] = [performance.now(), process.cpuUsage()];
  let nodes = 0;
  for (const { name, bytes } of objects) {
    const { previous, current, epoch } = name;
    const size = verifyAppendOnly(configuration, { endEpoch: epoch, previous, current }, bytes, 2 ** 22);
    nodes += size.inserted + size.unchanged;
  }
  const { user, system } = process.cpuUsage(cpu);
  return {
    epochs: objects.length,
    nodes,
    seconds: (performance.now() - startMs) / 1000,
    processorSeconds: (user + system) / 1e6,
  };
}

const { values } = parseArgs({
  options: { sizes: { type: 'string', default: '50000,20000,20000,20000' }, help: { type: 'boolean' } },
});
if (values.help === true) console.log(USAGE);
else {
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-bench-akd-'));
  try {
    const crate = await buildAkdCrate(resolve('test/interop/rust'));
    await crate.generate('whatsapp', folder, 'end', values.sizes.split(',').map(Number));
    const runs = [];
    for (let run = 0; run < 3; run++) {
      runs.push({ akd: await crate.verify('whatsapp', folder), glasskey: verifyFolder(folder) });
    }
    console.log(JSON.stringify({ machine: describeMachine(), sizes: values.sizes, runs }, undefined, 2));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
