import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commit } from '../../src/core/crypto/commitment.ts';
import { auditEntryCodec } from '../../src/core/audit/audit-entry.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { evidenceCodec } from '../../src/identity/evidence.ts';
import { encodeIdentityRecord, type IdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import { DataFolder } from '../../src/server/data-folder.ts';
import { listUnsealed, sealRows } from '../../src/server/seal-rows.ts';
import { emailCodeHash } from '../../src/service/evidence/email/email-code.ts';
import { DEFAULT_SUBJECT, DEFAULT_TEXT } from '../../src/service/evidence/email/email-settings.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { denyRecovery, grantRecovery, listRecoveries } from '../../src/service/recovery/decide.ts';
import { readLabelState } from '../../src/service/log/label-state.ts';
import { newTokenText } from '../../src/service/log/tokens.ts';
import { growLog, prefixTileRows } from '../../src/service/sequencing/grow-log.ts';
import { pgliteDatabase } from '../support/pglite.ts';
import { csrFor, type DeviceKey, identityOf, newDeviceKey, signChange } from '../support/owner.ts';
import { createTestLog, type TestLog } from '../support/test-log.ts';
import { attack } from './attack.ts';

const APPLICATION = encode(evidenceCodec, { type: 'application' });

let database: PGlite;
let log: TestLog;
beforeAll(async () => {
  database = await pgliteDatabase();
  const email = {
    smtp: { host: '127.0.0.1', port: 9, tls: false, user: undefined, password: undefined },
    from: 'keys@example.com',
    subject: DEFAULT_SUBJECT,
    text: DEFAULT_TEXT,
    codeLifetimeMs: 240_000,
    attempts: 3,
    codesPerIdentity: 3,
  };
  const policy = [{ identities: 'email', domains: undefined, evidence: ['email', 'application'] }] as const;
  log = await createTestLog({ target: { database }, evidence: { ...DEFAULT_EVIDENCE, email, policy } });
});
afterAll(() => log.close());

/** The error that an act ends in; what it gave if it did not fail. */
const failure = async (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => 'nothing was noticed',
    (error: unknown) => error,
  );

async function register(text: string): Promise<DeviceKey> {
  const key = await newDeviceKey();
  await issue(text, key, log.token);
  return key;
}

async function issue(text: string, key: DeviceKey, token: string | undefined) {
  const csr = await csrFor(key, text);
  return log.service.issue({ identity: text, csr, token, last: undefined, change: undefined });
}

const labelKeyOf = (text: string): Promise<Uint8Array> => log.context.vrf.labelKey(identityOf(text).label);

/** Inserts a recovery of `text` for a stranger's key, as if the operator had granted it. Returns the stranger's request. */
async function insertGrant(text: string): Promise<Uint8Array> {
  const csr = await csrFor(await newDeviceKey(), text);
  const { spkiSha256 } = await log.context.parseCsr(csr);
  await database.query(
    `insert into recoveries (log_id, label_key, identity, csr, spki_sha256, evidence, state, requested_ms, reason)
     values (1, $1, $2, $3, $4, $5, 'granted', $6, 'because')`,
    [await labelKeyOf(text), text, csr, spkiSha256, APPLICATION, log.context.now()],
  );
  return csr;
}

attack('grant-inserted', async () => {
  const text = 'grant@example.com';
  await register(text);
  const csr = await insertGrant(text);
  return failure(log.service.recover({ identity: text, csr, token: log.token, last: undefined }));
});

attack('grant-completed-by-the-server', async () => {
  const text = 'keeper@example.com';
  await register(text);
  await insertGrant(text);
  const before = log.events.length;
  await log.service.recoveries.tend();
  const { version } = (await readLabelState(log.context, await labelKeyOf(text)))!;
  if (version !== 0) return 'the server certified the stranger';
  return log.events.slice(before).flatMap((event) => (event.type === 'recovery-failed' ? [event.error] : []));
});

attack('grant-repeated', async () => {
  const { context, service } = log;
  const text = 'repeated@example.com';
  await register(text);
  const claimant = await newDeviceKey();
  const csr = await csrFor(claimant, text);
  const labelKey = await labelKeyOf(text);
  const claim = { labelKey, identity: text, csr, spkiSha256: claimant.spkiSha256, evidence: APPLICATION };
  await context.store.addRecovery({ ...claim, state: 'undecided', requestedMs: context.now() });
  await grantRecovery(context, {
    identity: text,
    spkiSha256: claimant.spkiSha256,
    reason: 'because',
    who: 'admin:test',
  });
  await database.query('create table kept as select * from recoveries where label_key = $1', [labelKey]);
  await service.recoveries.tend();
  const next = await newDeviceKey();
  const state = (await readLabelState(context, labelKey))!;
  if (state.version !== 1) throw new Error('the first use of the grant did nothing');
  const change = await signChange(text, state, claimant, [next.spkiSha256]);
  await service.issue({ identity: text, csr: await csrFor(next, text), token: undefined, last: undefined, change });
  await database.query('insert into recoveries select * from kept');
  await database.exec('drop table kept');
  return failure(service.recover({ identity: text, csr, token: log.token, last: undefined }));
});

attack('grant-for-another-key', async () => {
  const { context } = log;
  const text = 'exchanged@example.com';
  await register(text);
  const labelKey = await labelKeyOf(text);
  const ask = async (): Promise<Uint8Array> => {
    const key = await newDeviceKey();
    const claim = { labelKey, identity: text, csr: await csrFor(key, text), spkiSha256: key.spkiSha256 };
    const row = { ...claim, evidence: APPLICATION, state: 'undecided', requestedMs: context.now() } as const;
    if (!(await context.store.addRecovery(row))) throw new Error('another recovery waits');
    return key.spkiSha256;
  };
  await ask();
  await database.query('create table kept as select * from recoveries where label_key = $1', [labelKey]);
  await denyRecovery(context, { identity: text, spkiSha256: undefined, reason: 'a stranger', who: 'admin:test' });
  const shown = await ask();
  // After the operator has looked at the list.
  await database.query('delete from recoveries where label_key = $1', [labelKey]);
  await database.query('insert into recoveries select * from kept');
  await database.exec('drop table kept');
  const decision = { identity: text, spkiSha256: shown, reason: 'because', who: 'admin:test' };
  const noticed = await failure(grantRecovery(context, decision));
  await log.service.recoveries.tend();
  const { version } = (await readLabelState(context, labelKey))!;
  return version === 0 ? noticed : 'the server certified the stranger';
});

/** Inserts the row of an application token; returns its text. */
async function insertToken(): Promise<string> {
  const token = newTokenText();
  const hash = createHash('sha256').update(token).digest();
  await database.query(`insert into tokens (log_id, token_hash, name, created_ms) values (1, $1, 'mine', 0)`, [hash]);
  return token;
}

attack('row-inserted-before-sealing', async () => {
  const data = mkdtempSync(join(tmpdir(), 'glasskey-sealing-'));
  await new DataFolder(data).writeMarker({ database: 'of an older program' });
  const { digest } = await listUnsealed(log.context);
  const token = await insertToken();
  const noticed = await failure(sealRows(log.context, data, { digest, who: 'admin:test' }));
  const used = await failure(issue('inserted@example.com', await newDeviceKey(), token));
  await database.exec(`delete from tokens where name = 'mine'`);
  rmSync(data, { recursive: true });
  return isGlasskeyError(used, 'unsealed-row') ? noticed : 'the token counts';
});

attack('token-inserted', async () => {
  const token = await insertToken();
  return failure(issue('token@example.com', await newDeviceKey(), token));
});

/** Queues the next version of a label behind the pipeline's back. Returns the code with which it is rejected. */
async function queue(text: string, make: (previous: IdentityRecord, commitment: Uint8Array) => IdentityRecord) {
  const { context, service } = log;
  const { label } = identityOf(text);
  const labelKey = await context.vrf.labelKey(label);
  const state = (await readLabelState(context, labelKey))!;
  const version = state.version + 1;
  const [vrf] = await context.vrf.evaluate(label, [version]);
  const value = encodeIdentityRecord(make(state.record, state.commitment));
  const opening = new Uint8Array(16);
  const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
  const { rows } = await database.query<{ id: number }>(
    `insert into submissions (log_id, label_key, version, label, vrf_output, vrf_proof, commitment, opening, value, state)
     values (1, $1, $2, $3, $4, $5, $6, $7, $8, 'queued') returning submission_id as id`,
    [labelKey, version, label, vrf!.output, vrf!.proof, commitment, opening, value],
  );
  service.sequencer.poke();
  const outcome = await service.progress.waitForOutcome(rows[0]!.id, 10_000);
  return outcome.state === 'rejected' ? outcome.code : 'the log took it';
}

attack('revocation-queued', async () => {
  await register('revoked@example.com');
  return queue('revoked@example.com', (_, previousCommitment) => {
    const authorization = { type: 'maintenance', kind: 'revocation', reason: 1 } as const;
    return { previousCommitment, certificates: [], pending: undefined, authorization };
  });
});

attack('recovery-queued', async () => {
  await register('pending@example.com');
  const { spkiSha256 } = await newDeviceKey();
  return queue('pending@example.com', ({ certificates }, previousCommitment) => {
    const pending = { spkiSha256, evidence: { type: 'application' } as const };
    return { previousCommitment, certificates, pending, authorization: { type: 'recovery', phase: 'requested' } };
  });
});

attack('challenge-copied', async () => {
  const { context, service } = log;
  const [mine, victim] = ['mallory@example.com', 'challenge@example.com'];
  const challengeId = new Uint8Array(16).fill(7);
  const key = await newDeviceKey();
  const csr = await csrFor(key, victim);
  const code = 'AAAA-BBBB-CCCC-DDDD';
  const row = { challengeId, labelKey: await labelKeyOf(mine), spkiSha256: key.spkiSha256, createdMs: context.now() };
  const codeHash = emailCodeHash(challengeId, code);
  await context.store.addEmailChallenge(
    { ...row, codeHash, expiresMs: context.now() + 60_000 },
    { sinceMs: 0, maximum: 9 },
  );
  await database.query('update email_challenges set label_key = $1', [await labelKeyOf(victim)]);
  const evidence = { type: 'email', challengeId, code } as const;
  const order = { identity: victim, csr, token: undefined, evidence, last: undefined, change: undefined };
  return failure(service.issue(order));
});

/** What an act ends in; that the server signed, if it did. */
async function unsigned(act: () => Promise<unknown>): Promise<unknown> {
  const signed = (): number => log.events.filter(({ type }) => type === 'signed').length;
  const before = signed();
  const noticed = await failure(act());
  return signed() === before ? noticed : 'the server signed a certificate';
}

/** Stores another record as the only version of a name. Returns its commitment. */
async function swapRecord(text: string, record: IdentityRecord): Promise<Uint8Array> {
  const { label } = identityOf(text);
  const [value, opening] = [encodeIdentityRecord(record), new Uint8Array(16)];
  const commitment = commit({ opening, label, version: 0, update: { value, signature: undefined } });
  const statement = 'update versions set value = $1, opening = $2, commitment = $3 where label_key = $4';
  await database.query(statement, [value, opening, commitment, await labelKeyOf(text)]);
  return commitment;
}

attack('record-swapped', async () => {
  const text = 'swapped@example.com';
  await register(text);
  const [key, next] = [await newDeviceKey(), await newDeviceKey()];
  const { certificate } = await issue('swapper@example.com', key, log.token);
  const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
  const record = { previousCommitment: NO_COMMITMENT, certificates: [certificate], pending: undefined, authorization };
  const commitment = await swapRecord(text, record);
  const change = await signChange(text, { version: 0, commitment, record }, key, [next.spkiSha256]);
  const csr = await csrFor(next, text);
  return unsigned(() => log.service.issue({ identity: text, csr, token: undefined, last: undefined, change }));
});

/** Deletes every row of a label from a version on. */
async function hide(text: string, version: number): Promise<void> {
  const labelKey = await labelKeyOf(text);
  for (const table of ['versions', 'certificates', 'intents', 'submissions'])
    await database.query(`delete from ${table} where label_key = $1 and version >= $2`, [labelKey, version]);
  await database.query('update labels set greatest_version = $2 where label_key = $1', [labelKey, version - 1]);
  await database.query('delete from labels where label_key = $1 and greatest_version < 0', [labelKey]);
}

attack('name-hidden', async () => {
  const text = 'hidden@example.com';
  await register(text);
  await hide(text, 0);
  return unsigned(async () => issue(text, await newDeviceKey(), log.token));
});

attack('version-hidden', async () => {
  const text = 'rotated@example.com';
  const first = await register(text);
  const next = await newDeviceKey();
  const state = (await readLabelState(log.context, await labelKeyOf(text)))!;
  const change = await signChange(text, state, first, [next.spkiSha256]);
  const csr = await csrFor(next, text);
  await log.service.issue({ identity: text, csr, token: undefined, last: undefined, change });
  await hide(text, 1);
  return unsigned(() => issue(text, first, undefined));
});

attack('wait-shortened', async () => {
  const { context, service } = log;
  const text = 'early@example.com';
  await register(text);
  const order = { identity: text, csr: await csrFor(await newDeviceKey(), text), token: log.token, last: undefined };
  const pending = await service.recover(order);
  if (pending.state !== 'pending') throw new Error(pending.state);
  const [row] = await context.store.readEntries([pending.position]);
  const entry = decode(auditEntryCodec, row!.auditEntry);
  const earlier = encode(auditEntryCodec, { ...entry, timestampMs: entry.timestampMs - 8 * 86_400_000 });
  // Another entry after it, so that the pending version is not in the last one.
  await register('later@example.com');
  const write = (bytes: Uint8Array): Promise<unknown> =>
    database.query('update entries set audit_entry = $1 where position = $2', [bytes, pending.position]);
  await write(earlier);
  const noticed = await unsigned(() => service.recover(order));
  const times = new Map<string, number | undefined>();
  for await (const { identity, effectiveMs } of listRecoveries(context)) times.set(identity, effectiveMs);
  await write(row!.auditEntry);
  return times.get(text) === undefined ? noticed : 'the list shows the false time';
});

attack('wait-misdated', async () => {
  const { service } = log;
  const text = 'misdated@example.com';
  await register(text);
  const order = { identity: text, csr: await csrFor(await newDeviceKey(), text), token: log.token, last: undefined };
  const pending = await service.recover(order);
  if (pending.state !== 'pending') throw new Error(pending.state);
  await register('after@example.com');
  const move = async (position: number): Promise<unknown> =>
    database.query('update versions set position = $1 where label_key = $2 and version = $3', [
      position,
      await labelKeyOf(text),
      pending.version,
    ]);
  await move(pending.position + 1);
  const noticed = await unsigned(() => service.recover(order));
  await move(pending.position);
  return noticed;
});

attack('veto-hidden', async () => {
  const { service } = log;
  const text = 'vetoed@example.com';
  const owner = await register(text);
  const order = { identity: text, csr: await csrFor(await newDeviceKey(), text), token: log.token, last: undefined };
  await service.recover(order);
  const labelKey = await labelKeyOf(text);
  const state = (await readLabelState(log.context, labelKey))!;
  const change = await signChange(text, state, owner, [owner.spkiSha256]);
  await service.veto({ identity: text, change, last: undefined });
  const ofPending = 'label_key = $1 and version = 1';
  await database.query(`update versions set opening = null, value = null where ${ofPending}`, [labelKey]);
  return unsigned(() => service.recover(order));
});

attack('record-emptied-before-erasure', async () => {
  const text = 'emptied@example.com';
  await register(text);
  const authorization = { type: 'maintenance', kind: 'revocation', reason: 0 } as const;
  const record = { previousCommitment: NO_COMMITMENT, certificates: [], pending: undefined, authorization };
  await swapRecord(text, record);
  return failure(log.service.erase({ identity: text, who: 'admin:test' }));
});

/** Appends the next version of a label for a key of the attacker, with every row that a server would write. */
async function forgeVersion(text: string, certificate: Uint8Array): Promise<void> {
  const { context } = log;
  const { label } = identityOf(text);
  const labelKey = await labelKeyOf(text);
  const state = (await readLabelState(context, labelKey))!;
  const version = state.version + 1;
  // Whoever looks a name up learns its next search key.
  const [vrf] = await context.vrf.evaluate(label, [version]);
  const authorization = { type: 'operator', reason: 'because' } as const;
  const record = { certificates: [certificate], pending: undefined, authorization };
  const value = encodeIdentityRecord({ ...record, previousCommitment: state.commitment });
  const opening = new Uint8Array(16);
  const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
  const store = log.store.log(1);
  const head = await store.readHead();
  const { configHash, readPrefixTiles: readTiles, format } = context;
  const changes = [[{ vrfOutput: vrf!.output, commitment }]];
  const growth = await growLog({ head, changes, timestampMs: head.timestampMs, configHash, readTiles, format });
  const prefixTiles = prefixTileRows(growth.prefixTiles);
  await store.append({ ...growth, prefixTiles, versions: [], rejected: [], revocations: [] });
  await database.query(
    `insert into versions (log_id, label_key, version, position, vrf_output, vrf_proof, commitment, opening, value)
     values (1, $1, $2, $3, $4, $5, $6, $7, $8)`,
    [labelKey, version, head.size, vrf!.output, vrf!.proof, commitment, opening, value],
  );
  await database.query('update labels set greatest_version = $2 where label_key = $1', [labelKey, version]);
}

/** Puts the kept head back, and deletes what came after it. */
const putBack = (): Promise<unknown> =>
  database.exec(`delete from heads; insert into heads select * from kept;
    delete from entries where position >= (select size from kept);
    delete from prefix_tiles where position >= (select size from kept);
    delete from versions where position >= (select size from kept);
    delete from released_heads where size > (select size from kept)`);

/** What the server's turns end in once something has happened to its head, and the log needs another entry. */
async function turns(): Promise<unknown> {
  const before = log.events.length;
  const released = await log.context.store.readReleased();
  log.clock.advance(log.context.limits.heartbeatMs);
  log.service.sequencer.poke();
  const failures = (): string[] =>
    log.events.slice(before).flatMap((event) => {
      if (event.type === 'released') return ['released'];
      return event.type === 'sequencing-failed' && isGlasskeyError(event.error) ? [event.error.code] : [];
    });
  // The first turn only notices that the head has moved.
  await vi.waitFor(() => expect(failures().length).toBeGreaterThan(2), { timeout: 10_000 });
  expect(await log.context.store.readReleased()).toEqual(released);
  return failures().filter((code) => code !== 'head-moved');
}

attack('entry-forged', async () => {
  const text = 'operated@example.com';
  await register(text);
  const { certificate } = await issue('forger@example.com', await newDeviceKey(), log.token);
  await database.exec('create table kept as select * from heads');
  await forgeVersion(text, certificate);
  const noticed = await turns();
  await putBack();
  return noticed;
});

attack('head-put-back', async () => {
  await database.exec('drop table kept; create table kept as select * from heads');
  await register('taken-back@example.com');
  await putBack();
  const noticed = await turns();
  await database.exec('drop table kept');
  return noticed;
});
