import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { createCommit, encodeMlsMessage } from 'ts-mls';
import { generateKey } from '../src/client/client-key.ts';
import { KeyDirectory } from '../src/client/key-directory.ts';
import { MemoryState } from '../src/client/state/client-state.ts';
import { formatBase64 } from '../src/core/encoding/bytes.ts';
import { useNativeCrypto } from '../src/native/native-crypto.ts';
import { chromiumMissing, launchChromium } from '../test/support/chromium.ts';
import { adding, beginGroup, newMlsDevice, publish, type RegisteringServer } from '../test/support/mls-devices.ts';
import { type EndToEndWork, measureEndToEnd, type Times } from './end-to-end-work.ts';
import type * as pageWork from './end-to-end-work.ts';
import { describeMachine } from './machine.ts';
import { startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:e2ee -- [--runs 20] [--members 100]

What end-to-end encryption costs a device: sealing to five devices and opening, safety numbers, joining a group, with the
lookups that they take; in Node, in chromium, and in chromium slowed down four times, about as a phone is. The server is the
program itself with an embedded database. Prints JSON; what it is doing goes to stderr.`;

type ByOperation = Readonly<Record<string, Times>>;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '20' },
      members: { type: 'string', default: '100' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  useNativeCrypto();
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const server = await startServerProcess(join(folder, 'server'), undefined);
  try {
    const log = { token: server.token, clock: { now: Date.now } };
    const registering = { url: server.url, log };
    const { work, keyPackageBytes } = await prepare(registering, Number(values.runs), Number(values.members));
    console.error('measuring in Node');
    const results: Record<string, ByOperation> = { node: await measureEndToEnd(work) };
    const missing = chromiumMissing();
    if (missing !== undefined) console.error(`chromium: ${missing}`);
    else Object.assign(results, await measureInChromium(server.url, work));
    const members = Number(values.members);
    console.log(JSON.stringify({ machine: describeMachine(), members, keyPackageBytes, results }, undefined, 2));
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Registers people with five devices, and makes a group that one more device can join. */
async function prepare(server: RegisteringServer, runs: number, members: number) {
  console.error(`making a group of ${members}`);
  const sender = await registerDevices(server, 'sender@bench.example', 1, ['x25519']);
  const recipients = {
    x25519: await registerDevices(server, 'classic@bench.example', 5, ['x25519']),
    'x-wing': await registerDevices(server, 'hybrid@bench.example', 5, ['x25519', 'ml-kem-768']),
  };
  const first = await newMlsDevice(server, 'member0@bench.example');
  await beginGroup(first);
  const packages = [];
  for (let i = 1; i < members; i++)
    packages.push(await publish(await newMlsDevice(server, `member${i}@bench.example`)));
  const key = await generateKey({ type: 'ed25519' });
  const joiner = await newMlsDevice(server, 'joiner@bench.example', { key });
  const own = await publish(joiner);
  const extraProposals = [...packages, own].map(({ publicPackage }) => adding(publicPackage));
  const context = { state: first.group, cipherSuite: first.suite };
  const { welcome } = await createCommit(context, { extraProposals, ratchetTreeExtension: true });
  if (welcome === undefined) throw new Error('nobody was added');
  const keyPackage = encodeMlsMessage({
    version: 'mls10',
    wireformat: 'mls_key_package',
    keyPackage: own.publicPackage,
  });
  const work: EndToEndWork = {
    server: server.url,
    sender,
    recipients,
    joining: {
      key: await key.exportPem(),
      welcome: formatBase64(encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome })),
      keyPackage: formatBase64(keyPackage),
      initPrivateKey: formatBase64(own.privatePackage.initPrivateKey),
      hpkePrivateKey: formatBase64(own.privatePackage.hpkePrivateKey),
    },
    runs,
  };
  return { work, keyPackageBytes: keyPackage.length };
}

/** Registers devices of a name. Returns the key of the first one. */
async function registerDevices(
  { url, log }: RegisteringServer,
  name: string,
  count: number,
  companions: readonly ('x25519' | 'ml-kem-768')[],
): Promise<{ readonly name: string; readonly key: string }> {
  const directory = await KeyDirectory.open({ server: url, state: new MemoryState() });
  const key = await generateKey({ companions });
  await directory.register(name, { token: log.token, key });
  for (let i = 1; i < count; i++) {
    await directory.register(name, { credentials: key, key: await generateKey({ companions }) });
  }
  return { name, key: await key.exportPem() };
}

/** Measures in a page, at full speed and slowed down. */
async function measureInChromium(server: string, work: EndToEndWork): Promise<Record<string, ByOperation>> {
  const code = await bundleWork();
  const browser = await launchChromium();
  try {
    const results: Record<string, ByOperation> = {};
    for (const rate of [1, 4]) {
      const name = rate === 1 ? 'chromium' : `chromium, ${rate} times slower`;
      console.error(`measuring in ${name}`);
      const page = await browser.newPage();
      await page.route(`${server}/page.html`, (route) =>
        route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>bench</title>' }),
      );
      await page.route(`${server}/work.js`, (route) => route.fulfill({ contentType: 'text/javascript', body: code }));
      await page.goto(`${server}/page.html`);
      await page.addScriptTag({ type: 'module', content: `globalThis.work = await import('/work.js');` });
      await page.waitForFunction(() => 'work' in globalThis);
      const session = await page.context().newCDPSession(page);
      await session.send('Emulation.setCPUThrottlingRate', { rate });
      results[name] = await page.evaluate((options) => {
        const { work: inPage } = globalThis as unknown as { readonly work: typeof pageWork };
        return inPage.measureEndToEnd(options);
      }, work);
      await page.close();
    }
    return results;
  } finally {
    await browser.close();
  }
}

async function bundleWork(): Promise<string> {
  const result = await build({
    entryPoints: ['bench/end-to-end-work.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

await main();
