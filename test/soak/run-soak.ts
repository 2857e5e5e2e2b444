import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { parseBase64, equalBytes } from '../../src/core/encoding/bytes.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { CrashLoad, Testimony } from '../scenario/crash-load.ts';
import { assertOneHistory } from '../scenario/one-history.ts';
import { initialiseServer } from '../support/killable-server.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { seededRandom } from '../support/random.ts';
import { TricklingServer } from '../support/trickling-server.ts';
import { ATTACKS, FLOODED_MAILBOX, type Targets } from './attackers.ts';
import { causeFaults } from './faults.ts';
import { HealthProbe, type HealthFigures } from './health.ts';
import { newName, runHonestClients, SoakOwner } from './honest-clients.ts';
import { SoakNotes } from './soak-notes.ts';
import { SoakServer } from './soak-server.ts';
import { AcknowledgedVersions, type SoakWorld } from './soak-world.ts';

const FAT_VERSIONS = 16;
const MEMORY_PERIOD_MS = 1_000;
/** Registrations that are looked up at the end; the audit and the stored log cover all. */
const LOOKED_UP = 1_000;
const CODES_PER_HOUR = 5;

/** How long to soak, where, and with which random numbers. */
export interface SoakOptions {
  /** An empty folder. */
  readonly folder: string;
  /** URL of an empty PostgreSQL database. */
  readonly database: string;
  readonly minutes: number;
  readonly seed: number;
}

/** What one kind of attacker did. */
export interface AttackReport {
  readonly attack: string;
  /** How often it did its thing. */
  readonly count: number;
  /** What honest clients got done meanwhile. */
  readonly honest: number;
  readonly healthz: HealthFigures;
  /** The most resident memory, MB, of each server. */
  readonly peakMb: readonly number[];
}

/** What a soak did and found. */
export interface SoakReport {
  readonly minutes: number;
  readonly seed: number;
  readonly faults: readonly string[];
  readonly attacks: readonly AttackReport[];
  readonly done: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly surprises: readonly string[];
  readonly mails: number;
  readonly mailsAllowed: number;
  readonly healthz: HealthFigures;
  /** Resident memory, MB: the median of each tenth of the soak, and the most, of each server. */
  readonly memory: readonly { readonly tenths: readonly number[]; readonly peak: number }[];
  readonly log: { readonly size: number; readonly versions: number; readonly acknowledged: number };
}

/**
 * Runs two servers of one log on PostgreSQL for some minutes: honest clients all the time, one kind of attacker after
 * the other, and faults of the servers. Throws if something that was acknowledged is lost, if a size has two roots, or
 * if an audit fails.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const [mail, provider] = [await startMailServer(), await TricklingServer.start('body')];
  const servers: SoakServer[] = [];
  try {
    const data = await startServers(options, servers, { mail, issuer: provider.url });
    return await soak(options, { data, servers, mail, provider });
  } finally {
    await Promise.all([...servers.map((server) => server.abandon()), mail.close(), provider.close()]);
  }
}

/** Makes a log and two servers of it, which are added to `servers`; returns the data folder of the first. */
async function startServers(
  { folder, database }: SoakOptions,
  servers: SoakServer[],
  { mail, issuer }: { readonly mail: TestMailServer; readonly issuer: string },
): Promise<string> {
  const [data, second] = [join(folder, 'one'), join(folder, 'two')];
  await initialiseServer(data);
  await writeFile(join(data, 'glasskey.toml'), settings(mail.port, issuer), { mode: 0o600 });
  servers.push(await SoakServer.start(data, database));
  await cp(data, second, { recursive: true });
  servers.push(await SoakServer.start(second, database));
  return data;
}

const settings = (mailPort: number, issuer: string): string => `
[[policy]]
identities = "any"
evidence = ["application"]

[[policy]]
identities = "email"
domains = ["oidc.example"]
evidence = ["oidc:${issuer}"]

[[policy]]
identities = "email"
domains = ["mail.example"]
evidence = ["email"]

[[oidc]]
issuer = "${issuer}"
audience = "glasskey"
identity = "{email}"

[email]
smtp = "smtp://127.0.0.1:${mailPort}"
from = "keys@soak.example"
codes_per_hour = ${CODES_PER_HOUR}
`;

interface Setting {
  readonly data: string;
  readonly servers: readonly SoakServer[];
  readonly mail: TestMailServer;
  readonly provider: TricklingServer;
}

async function soak(options: SoakOptions, { data, servers, mail, provider }: Setting): Promise<SoakReport> {
  const over = new AbortController();
  const world = await makeWorld(options, data, servers, over.signal);
  const targets = { fat: await makeFatName(world), tricklingIssuer: provider.url };
  const probe = new HealthProbe(servers);
  const memory = setInterval(() => servers.forEach((server) => server.noteMemory()), MEMORY_PERIOD_MS);
  const durationMs = options.minutes * 60_000;
  const fromMs = now();
  try {
    const honest = runHonestClients(world);
    const [faults, attacks] = await Promise.all([
      causeFaults(servers, { durationMs, random: seededRandom(options.seed), over: over.signal }),
      attack(world, targets, { durationMs, probe, servers, over: over.signal }),
    ]);
    over.abort();
    await honest;
    const healthz = probe.figures(fromMs, now());
    const log = await assertAllKept(options, { data, servers, world });
    const { done, refused, surprises } = world.notes;
    return {
      minutes: options.minutes,
      seed: options.seed,
      faults,
      attacks,
      done: Object.fromEntries(done),
      refused: Object.fromEntries(refused),
      surprises,
      mails: mail.mails.filter(({ to }) => to.includes(FLOODED_MAILBOX)).length,
      mailsAllowed: CODES_PER_HOUR,
      healthz,
      memory: servers.map((server) => memoryOf(server)),
      log,
    };
  } finally {
    over.abort();
    clearInterval(memory);
    probe.end();
  }
}

async function makeWorld(
  { seed }: SoakOptions,
  data: string,
  servers: readonly SoakServer[],
  over: AbortSignal,
): Promise<SoakWorld> {
  const bundle = parseTrustBundle(await readFile(join(data, 'trust.json'), 'utf8'));
  const token = (await readFile(join(data, 'registration.token'), 'utf8')).trim();
  const testimony = new Testimony();
  const config = decode(configurationCodec, parseBase64(bundle.bundle.keytransConfiguration));
  return {
    urls: servers.map(({ url }) => url),
    bundle,
    token,
    testimony,
    notes: new SoakNotes(over),
    load: await CrashLoad.create(testimony, token, config),
    versions: new AcknowledgedVersions(),
    random: seededRandom(seed + 1),
  };
}

/** A name whose history is large. */
async function makeFatName(world: SoakWorld): Promise<Targets['fat']> {
  const owner = await SoakOwner.register(world, newName(world, 'fat'));
  for (let version = 1; version < FAT_VERSIONS; version++) await owner?.add();
  if (owner === undefined) throw new Error('the soak was over before it began');
  return { name: owner.name, versions: FAT_VERSIONS };
}

interface Attacking {
  readonly durationMs: number;
  readonly probe: HealthProbe;
  readonly servers: readonly SoakServer[];
  readonly over: AbortSignal;
}

/** Lets one kind of attacker after the other have its time. */
async function attack(
  world: SoakWorld,
  targets: Targets,
  { durationMs, probe, servers, over }: Attacking,
): Promise<readonly AttackReport[]> {
  const reports: AttackReport[] = [];
  const kinds = Object.entries(ATTACKS);
  const honest = (): number => [...world.notes.done.values()].reduce((sum, count) => sum + count, 0);
  for (const [name, run] of kinds) {
    const [fromMs, before, enough] = [now(), honest(), new AbortController()];
    const looks = servers.map(({ memory }) => memory.length);
    const running = run(world, targets, enough.signal);
    await Promise.race([sleep(durationMs / kinds.length, undefined, { signal: over }), running]).finally(() =>
      enough.abort(),
    );
    const peakMb = servers.map(({ memory }, i) => Math.max(0, ...memory.slice(looks[i])));
    const healthz = probe.figures(fromMs, now());
    reports.push({ attack: name, count: await running, honest: honest() - before, healthz, peakMb });
  }
  return reports;
}

/** Asks both servers, then reads what is stored, after they have ended. */
async function assertAllKept(
  options: SoakOptions,
  { data, servers, world }: { data: string; servers: readonly SoakServer[]; world: SoakWorld },
): Promise<SoakReport['log']> {
  const { bundle, testimony, versions } = world;
  const registered = [...testimony.acknowledged];
  for (const { url } of servers) {
    const directory = await KeyDirectory.open({ server: url, state: new MemoryState(), bundle });
    for (const identity of versions.identities) await versions.assertKept(directory, identity);
    for (const [identity, der] of registered.slice(-LOOKED_UP)) {
      const found = await directory.lookup(identity);
      const isThere = found.found && found.binding.certificates.some((one) => equalBytes(one.der, der));
      if (!isThere) throw new Error(`${identity} was acknowledged and is lost`);
    }
    const audited = await auditLog({ baseUrl: url, bundle: bundle.bundle, now: Date.now });
    if (audited.treeSize < testimony.greatestSize || audited.updates < registered.length + versions.count)
      throw new Error(`the audit of ${url} is of a log that is too small: ${audited.treeSize}, ${audited.updates}`);
  }
  for (const server of servers) await server.end();
  for (const server of servers)
    if (/contradicts itself|does not verify/.test(server.log())) throw new Error(server.log());
  const checked = await assertOneHistory({ data, database: options.database }, bundle.bundle, testimony);
  return { size: checked.size, versions: checked.leaves, acknowledged: registered.length + versions.count };
}

function memoryOf({ memory }: SoakServer): SoakReport['memory'][number] {
  const tenths = Array.from({ length: 10 }, (_, tenth) => {
    const part = memory.slice((tenth * memory.length) / 10, ((tenth + 1) * memory.length) / 10);
    return part.sort((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0;
  });
  return { tenths, peak: Math.max(...memory) };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
