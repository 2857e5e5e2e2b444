import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import { JSON_MEDIA_TYPE, KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { lookupBatchRequestCodec, MAXIMUM_BATCH_LABELS } from '../../src/core/keytrans/lookup-batch-messages.ts';
import { chainRequestCodec } from '../../src/core/keytrans/messages.ts';
import { identityOf } from '../support/owner.ts';
import { newName, SoakOwner } from './honest-clients.ts';
import { ask, dial, type RawRequest, requestBytes } from './raw-requests.ts';
import type { SoakWorld } from './soak-world.ts';

/** What an attacker can aim at. */
export interface Targets {
  /** A name with many versions, each with many certificates. */
  readonly fat: { readonly name: string; readonly versions: number };
  /** Issuer of ID tokens whose keys never arrive. */
  readonly tricklingIssuer: string;
}

/** Attacks until `over`; returns how often it did its thing. */
export type Attack = (world: SoakWorld, targets: Targets, over: AbortSignal) => Promise<number>;

const JSON_HEADERS = { 'content-type': JSON_MEDIA_TYPE };
const AT_ONCE = 8;
const SILENT_CONNECTIONS = 100;
const PIPELINED = 20;
const RESPITE_MS = 20;

/** Every kind of attacker, by name. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  'connections that do not read': silentConnections,
  'requests that never end': endlessRequests,
  'requests that hang up': hangUps,
  'chain amplification': (world, targets, over) => repeat(world, over, () => chainOf(targets)),
  'lookups of unknown names': (world, _, over) => repeat(world, over, unknownNames),
  'a trickling OpenID provider': (world, { tricklingIssuer }, over) =>
    repeat(world, over, () => vouchedBy(tricklingIssuer)),
  'a stolen application token': stolenToken,
  'a flood of mails': (world, _, over) => repeat(world, over, mailRequest),
  'guessed tokens': (world, _, over) => repeat(world, over, guessedToken),
  garbage: (world, _, over) => repeat(world, over, () => Promise.resolve(garbage(world.random))),
};

/** The mailbox of {@link ATTACKS}' flood. */
export const FLOODED_MAILBOX = 'flooded@mail.example';

/** Sends requests, some at once, and reads every answer. */
async function repeat(world: SoakWorld, over: AbortSignal, make: () => Promise<RawRequest>): Promise<number> {
  let answered = 0;
  const attacker = async (index: number): Promise<void> => {
    for (let i = index; !over.aborted; i++) {
      const status = await ask(urlOf(world, i), await make());
      if (status !== undefined) answered++;
      await sleep(RESPITE_MS);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => attacker(index)));
  return answered;
}

function urlOf({ urls }: SoakWorld, index: number): string {
  return urls[index % urls.length] ?? '';
}

async function silentConnections(world: SoakWorld, targets: Targets, over: AbortSignal): Promise<number> {
  const request = requestBytes(await chainOf(targets));
  return holdConnections(world, over, (socket) => {
    for (let i = 0; i < PIPELINED; i++) socket.write(request);
  });
}

function endlessRequests(world: SoakWorld, _: Targets, over: AbortSignal): Promise<number> {
  return holdConnections(world, over, (socket) => {
    socket.write(`POST ${PATHS.certificates} HTTP/1.1\r\nhost: localhost\r\nx-slow: `);
    const timer = setInterval(() => socket.write('x'), 1_000);
    socket.once('close', () => clearInterval(timer));
  });
}

/** Holds many connections that read nothing, and opens one anew for each that the server closes. */
async function holdConnections(world: SoakWorld, over: AbortSignal, begin: (socket: Socket) => void): Promise<number> {
  let held = 0;
  const hold = async (index: number): Promise<void> => {
    for (let i = index; !over.aborted; i++) {
      const socket = await dial(urlOf(world, i));
      if (socket !== undefined) {
        held++;
        socket.pause();
        begin(socket);
        while (!over.aborted && !socket.destroyed) await sleep(100);
        socket.destroy();
      }
      await sleep(RESPITE_MS);
    }
  };
  await Promise.all(Array.from({ length: SILENT_CONNECTIONS }, (_, index) => hold(index)));
  return held;
}

async function hangUps(world: SoakWorld, targets: Targets, over: AbortSignal): Promise<number> {
  const requests = [requestBytes(await chainOf(targets)), requestBytes(await unknownNames())];
  let sent = 0;
  for (let i = 0; !over.aborted; i++) {
    const socket = await dial(urlOf(world, i));
    if (socket !== undefined) {
      await new Promise<void>((resolve) => socket.write(requests[i % requests.length] ?? '', () => resolve()));
      socket.destroy();
      sent++;
    }
    await sleep(RESPITE_MS);
  }
  return sent;
}

function chainOf({ fat }: Targets): Promise<RawRequest> {
  const { label } = identityOf(fat.name);
  const body = encode(chainRequestCodec, { label, first: 0, last: fat.versions - 1 });
  return Promise.resolve({ path: PATHS.chain, headers: { 'content-type': KEYTRANS_MEDIA_TYPE }, body });
}

/** A batch of lookups: each costs the server two VRF proofs and a proof of absence. */
function unknownNames(): Promise<RawRequest> {
  const labels = Array.from({ length: MAXIMUM_BATCH_LABELS }, () => {
    return identityOf(`${randomBytes(8).toString('hex')}@nowhere.example`).label;
  });
  const body = encode(lookupBatchRequestCodec, { last: undefined, labels });
  return Promise.resolve({ path: PATHS.lookupBatch, headers: { 'content-type': KEYTRANS_MEDIA_TYPE }, body });
}

async function csrOf(name: string): Promise<string> {
  return createCsr(identityOf(name), await generateKey());
}

/** A registration whose ID token only its issuer's keys could judge. */
async function vouchedBy(issuer: string): Promise<RawRequest> {
  const identity = `${randomBytes(8).toString('hex')}@oidc.example`;
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'ES256', kid: 'none' })}.${part({ iss: issuer })}.${part('signature')}`;
  const body = { identity, csr: await csrOf(identity), evidence: { type: 'oidc', token } };
  return { path: PATHS.certificates, headers: JSON_HEADERS, body: JSON.stringify(body) };
}

async function mailRequest(): Promise<RawRequest> {
  const body = { identity: FLOODED_MAILBOX, csr: await csrOf(FLOODED_MAILBOX) };
  return { path: PATHS.emailChallenges, headers: JSON_HEADERS, body: JSON.stringify(body) };
}

async function guessedToken(): Promise<RawRequest> {
  const identity = `${randomBytes(8).toString('hex')}@guessed.example`;
  const headers = { ...JSON_HEADERS, authorization: `Bearer gkt_${randomBytes(32).toString('base64url')}` };
  return { path: PATHS.certificates, headers, body: JSON.stringify({ identity, csr: await csrOf(identity) }) };
}

function garbage(random: () => number): RawRequest {
  const paths = Object.values(PATHS);
  const path = paths[Math.floor(random() * paths.length)] ?? '/';
  const types = [JSON_MEDIA_TYPE, KEYTRANS_MEDIA_TYPE, 'application/pkcs10', 'text/plain'];
  const type = types[Math.floor(random() * types.length)] ?? '';
  const bodies = [randomBytes(1_000), '['.repeat(50_000), '{"identity": 1}', randomBytes(100_000), ''];
  const headers = { 'content-type': type };
  return { path, headers, body: bodies[Math.floor(random() * bodies.length)] ?? '' };
}

/** A thief with an application's token asks for one name after another; every owner vetoes. Counts the vetoes. */
async function stolenToken(world: SoakWorld, _: Targets, over: AbortSignal): Promise<number> {
  const headers = { ...JSON_HEADERS, authorization: `Bearer ${world.token}` };
  let vetoes = 0;
  // One at least, however slow the machine.
  while (!over.aborted || vetoes === 0) {
    const owner = await SoakOwner.register(world, newName(world, 'victim'));
    if (owner === undefined) break;
    const identity = owner.name;
    const recovery = { identity, csr: await csrOf(identity), evidence: { type: 'application-token' } };
    const revocation = { identity, all: true, reason: 'unspecified' };
    const steps: RawRequest[] = [
      { path: PATHS.recoveries, headers, body: JSON.stringify(recovery) },
      { path: PATHS.revocations, headers, body: JSON.stringify(revocation) },
    ];
    const done: (number | undefined)[] = [];
    for (const step of steps) done.push(await ask(urlOf(world, vetoes), step));
    // The thief's own request may have met a server that is down.
    if (done[0] === undefined || done[0] >= 300) continue;
    if (await owner.veto()) vetoes++;
  }
  return vetoes;
}
