import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { parsePem } from '../../src/ca/der/pem.ts';
import { equalBytes } from '../../src/core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../../src/core/errors.ts';
import { noteServed } from '../scenario/crash-load.ts';
import { SoakClient, type SoakWorld } from './soak-world.ts';

/** An owner leaves its name after so many turns and takes another one: histories stay as long as people's are. */
const TURNS = 40;
/** Pauses between two turns of one client, ms: together they keep the servers busy, not drowned. */
const OWNER_PAUSE_MS = 200;
const REGISTRAR_PAUSE_MS = 50;
const WATCH_PAUSE_MS = 100;
const AUDIT_PAUSE_MS = 2_000;

/** How many clients of each kind run at once. */
const REGISTRARS = 4;
const OWNERS = 4;
/** A recovery that one server has taken is shown by all after so many looks. */
const PATIENT_LOOKS = 50;

let lastName = 0;

/** A name that nobody has. */
export function newName(world: SoakWorld, kind: string): string {
  const name = `${kind}${lastName++}@soak.example`;
  world.testimony.asked.add(name);
  return name;
}

/** Runs all honest clients until the soak is over. */
export async function runHonestClients(world: SoakWorld): Promise<void> {
  const clients = [
    ...Array.from({ length: REGISTRARS }, () => registrar(world)),
    ...Array.from({ length: OWNERS }, () => owners(world)),
    ...world.urls.map((url) => watcher(world, url)),
    auditor(world),
  ];
  await Promise.all(clients.map((client) => client.catch((error: unknown) => noteSurprise(world, error))));
}

function noteSurprise({ notes }: SoakWorld, error: unknown): void {
  notes.surprises.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** An application that registers names; the same request goes to one server after the other until it is answered. */
async function registrar({ urls, load, notes, random }: SoakWorld): Promise<void> {
  while (!notes.isOver) {
    const registration = await load.prepare();
    const first = Math.floor(random() * urls.length);
    await notes.insist('register', async (before) => {
      const url = urls[(first + before) % urls.length] ?? '';
      if (!(await load.send(url, registration))) throw new GlasskeyError('network-failed', 'no answer');
    });
    await sleep(REGISTRAR_PAUSE_MS);
  }
}

/** One person after another, with a name of their own. */
async function owners(world: SoakWorld): Promise<void> {
  while (!world.notes.isOver) {
    const owner = await SoakOwner.register(world, newName(world, 'owner'));
    if (owner === undefined) return;
    for (let turn = 0; turn < TURNS && !world.notes.isOver; turn++) {
      await owner.turn();
      await sleep(OWNER_PAUSE_MS);
    }
  }
}

/** Notes every head that a server shows; they only grow. */
async function watcher(world: SoakWorld, url: string): Promise<void> {
  for (let last = 0; !world.notes.isOver;) {
    last = (await noteServed(url, world.testimony, last)) ?? last;
    await sleep(WATCH_PAUSE_MS);
  }
}

/** Audits the log as it grows. */
async function auditor(world: SoakWorld): Promise<void> {
  const client = await SoakClient.open(world);
  if (client === undefined) return;
  while (!world.notes.isOver) {
    await client.insist('audit', (directory) => directory.audit());
    await sleep(AUDIT_PAUSE_MS);
  }
}

/** An owner with one key, and at times a second one. */
export class SoakOwner {
  readonly name: string;
  readonly #world: SoakWorld;
  readonly #client: SoakClient;
  #key: ClientKey;

  private constructor(world: SoakWorld, name: string, client: SoakClient, key: ClientKey) {
    this.#world = world;
    this.name = name;
    this.#client = client;
    this.#key = key;
  }

  /** Undefined if the soak is over before the name is registered. */
  static async register(world: SoakWorld, name: string): Promise<SoakOwner | undefined> {
    const [client, key] = [await SoakClient.open(world), await generateKey()];
    const { token } = world;
    const issued = await client?.insist('register-own', (directory) => directory.register(name, { token, key }));
    if (client === undefined || issued === undefined) return undefined;
    world.versions.note(issued.binding);
    return new SoakOwner(world, name, client, key);
  }

  /** One of the things that owners do. */
  async turn(): Promise<void> {
    const acts = [() => this.rotate(), () => this.#addAndRevoke(), () => this.#monitor(), () => this.#lookUp()];
    await acts[Math.floor(this.#world.random() * acts.length)]?.();
  }

  async rotate(): Promise<void> {
    const next = await generateKey();
    const key = this.#key;
    const issued = await this.#client.insist('rotate', (directory) => directory.rotate(this.name, key, next));
    if (issued === undefined) return;
    this.#world.versions.note(issued.binding);
    this.#key = next;
  }

  /** Adds a key; returns the serial of its certificate, or undefined if the soak is over. */
  async add(): Promise<string | undefined> {
    const key = await generateKey();
    const order = { key, credentials: this.#key };
    const issued = await this.#client.insist('add', (directory) => directory.register(this.name, order));
    if (issued === undefined) return undefined;
    this.#world.versions.note(issued.binding);
    return parseCertificate(parsePem('CERTIFICATE', issued.certificate)).serial;
  }

  async #addAndRevoke(): Promise<void> {
    const serial = await this.add();
    if (serial === undefined) return;
    await this.#client.insist('revoke', async (directory, before) => {
      try {
        this.#world.versions.note(await directory.revoke(this.name, this.#key, { serials: [serial] }));
      } catch (error) {
        // An attempt before had no answer, and did it.
        if (before === 0 || !isGlasskeyError(error, 'no-such-certificate')) throw error;
      }
    });
  }

  async #monitor(): Promise<void> {
    const results = await this.#client.insist('monitor', (directory) => directory.monitor());
    const alerts = results?.flatMap((result) => result.alerts) ?? [];
    for (const { type, identity, version } of alerts)
      this.#world.notes.surprises.push(`monitoring of ${this.name}: ${type} of ${identity}, version ${version}`);
  }

  /** Looks up a name that was acknowledged. */
  async #lookUp(): Promise<void> {
    const { testimony, random, notes } = this.#world;
    const acknowledged = [...testimony.acknowledged];
    const [name, der] = acknowledged[Math.floor(random() * acknowledged.length)] ?? [];
    if (name === undefined || der === undefined) return;
    const found = await this.#client.insist('look-up', (directory) => directory.lookup(name));
    if (found === undefined) return;
    const isThere = found.found && found.binding.certificates.some((one) => equalBytes(one.der, der));
    if (!isThere) notes.surprises.push(`${name} was acknowledged and is lost`);
  }

  /** Keeps somebody from recovering the name, once a server shows it; returns whether it did. */
  async veto(): Promise<boolean> {
    await this.#client.insist('see-recovery', async (directory, before) => {
      const found = await directory.lookup(this.name);
      if (found.found && found.binding.pending !== undefined) return;
      if (before > PATIENT_LOOKS) throw new Error(`the recovery of ${this.name} was acknowledged and is lost`);
      throw new GlasskeyError('too-far-behind', 'another server has taken the recovery');
    });
    const vetoed = await this.#client.insist('veto', async (directory, before) => {
      try {
        return await directory.veto(this.name, this.#key);
      } catch (error) {
        if (before === 0 || !isGlasskeyError(error, 'change-rejected')) throw error;
      }
    });
    return vetoed !== undefined;
  }
}
