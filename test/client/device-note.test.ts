import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { deviceNoteMessage, formatDeviceNote, parseDeviceNote } from '../../src/client/device-note-text.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { newDeviceKey } from '../support/owner.ts';

const WINDOW_MS = 60_000;
const BOB = 'bob@example.com';
const code = (expected: string) => expect.objectContaining({ code: expected });

let operator: LyingOperator;
let phone: KeyDirectory;
let tablet: KeyDirectory;
let key: ClientKey;
beforeEach(async () => {
  operator = await LyingOperator.start({
    configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
  });
  [phone, tablet] = [await operator.client(), await operator.client()];
  key = await generateKey();
  await phone.register(BOB, { token: operator.server.log.token, key });
  await tablet.own(BOB);
});
afterEach(() => operator.stop());

const alertsOf = async (device: KeyDirectory) => (await device.monitor([BOB])).flatMap(({ alerts }) => alerts);

describe('a note of another device', () => {
  it('takes the alarm away about the version that this device made, and about no other', async () => {
    const next = await generateKey();
    await phone.rotate(BOB, key, next);
    const note = await phone.deviceNote(BOB, key);
    expect(await alertsOf(tablet)).toMatchObject([{ type: 'unexpected-version', version: 1 }]);
    const accepted = await tablet.acceptDeviceNote(BOB, note);
    expect(accepted).toEqual({ identity: BOB, version: 1, wasUnexpected: true });
    expect(await tablet.alerts()).toEqual([]);
    await expect(tablet.acceptDeviceNote(BOB, ` ${note}\n`)).resolves.toMatchObject({ wasUnexpected: false });
    await phone.rotate(BOB, next, await generateKey());
    await expect(tablet.acceptDeviceNote(BOB, note)).resolves.toMatchObject({ wasUnexpected: false });
    expect(await tablet.alerts()).toMatchObject([{ version: 2 }]);
  });

  it('works before the other device has noticed, and the alarm names the key that signed', async () => {
    const second = await generateKey();
    await phone.register(BOB, { credentials: key, key: second });
    const note = await phone.deviceNote(BOB, key);
    await expect(tablet.acceptDeviceNote(BOB, note)).resolves.toMatchObject({ version: 1, wasUnexpected: true });
    await phone.revoke(BOB, second);
    const [alert] = await alertsOf(tablet);
    const { signer } = parseDeviceNote(await phone.deviceNote(BOB, second));
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(signer))).toString('hex');
    expect(alert?.reason).toContain(`signed by the key ${digest.slice(0, 16)}…`);
  });

  it('is refused from a key that did not sign the change', async () => {
    await phone.rotate(BOB, key, await generateKey());
    const forged = await phone.deviceNote(BOB, await generateKey());
    await expect(tablet.acceptDeviceNote(BOB, forged)).rejects.toEqual(code('change-rejected'));
    expect(await alertsOf(tablet)).toHaveLength(1);
  });

  it('does not excuse what the operator did, nor a version after one that nobody explained', async () => {
    const { spki } = await newDeviceKey();
    const latest = await operator.latest(BOB);
    const certificates = [...(latest?.record.certificates ?? []), await operator.certify(BOB, spki)];
    await operator.appendRecord(BOB, { certificates, authorization: { type: 'operator', reason: 'trust me' } });
    const { commitment } = (await operator.latest(BOB)) as { commitment: Uint8Array };
    const { origin, label } = parseDeviceNote(await phoneNote());
    const about = { origin, label, version: 1, commitment };
    const forged = formatDeviceNote({
      ...about,
      signer: key.spki,
      signature: await key.sign(deviceNoteMessage(about)),
    });
    await expect(tablet.acceptDeviceNote(BOB, forged)).rejects.toEqual(code('change-rejected'));
    await phone.register(BOB, { credentials: key, key: await generateKey() });
    const honest = await phone.deviceNote(BOB, key);
    await expect(tablet.acceptDeviceNote(BOB, honest)).rejects.toEqual(code('change-rejected'));
    await tablet.monitor([BOB]);
    await tablet.acknowledge([BOB]);
    await expect(tablet.acceptDeviceNote(BOB, honest)).resolves.toMatchObject({ wasUnexpected: false });
  });

  it('shows a log that tells two devices two things', async () => {
    const { origin, label } = parseDeviceNote(await phoneNote());
    const sign = async (about: { version: number; commitment: Uint8Array }) => {
      const noted = { origin, label, ...about };
      return formatDeviceNote({ ...noted, signer: key.spki, signature: await key.sign(deviceNoteMessage(noted)) });
    };
    const other = await sign({ version: 0, commitment: new Uint8Array(32) });
    await expect(tablet.acceptDeviceNote(BOB, other)).rejects.toEqual(code('unexpected-version'));
    const unseen = await sign({ version: 7, commitment: new Uint8Array(32) });
    await expect(tablet.acceptDeviceNote(BOB, unseen)).rejects.toEqual(code('too-far-behind'));
  });

  it('is refused with any byte changed, and for another name or log', async () => {
    const note = await phoneNote();
    const parsed = parseDeviceNote(note);
    const bytes = Buffer.from(note.slice('glasskey-note:'.length), 'base64url');
    for (let i = 0; i < bytes.length; i += 11) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      const text = `glasskey-note:${changed.toString('base64url')}`;
      await expect(tablet.acceptDeviceNote(BOB, text)).rejects.toThrow();
    }
    for (const about of [{ origin: 'other.example' }, { label: new Uint8Array([1]) }]) {
      const noted = { ...parsed, ...about };
      const signature = await key.sign(deviceNoteMessage(noted));
      const text = formatDeviceNote({ ...noted, signature });
      await expect(tablet.acceptDeviceNote(BOB, text)).rejects.toEqual(code('usage'));
    }
    await expect(tablet.acceptDeviceNote(BOB, 'hello')).rejects.toEqual(code('malformed-encoding'));
    await expect(tablet.acceptDeviceNote(BOB, note + 'A'.repeat(5000))).rejects.toEqual(code('malformed-encoding'));
    await expect((await operator.client()).deviceNote(BOB, key)).rejects.toEqual(code('usage'));
  });

  it('loses nothing that the log showed, and proves nothing on a device that has not taken the name over', async () => {
    await phone.rotate(BOB, key, await generateKey());
    const forged = await phone.deviceNote(BOB, await generateKey());
    await expect(tablet.acceptDeviceNote(BOB, forged)).rejects.toEqual(code('change-rejected'));
    expect(await tablet.alerts()).toMatchObject([{ type: 'unexpected-version', version: 1 }]);
    await tablet.acknowledge([BOB]);
    await expect(tablet.acceptDeviceNote(BOB, forged)).rejects.toEqual(code('change-rejected'));
    const fresh = await operator.client();
    await expect(fresh.acceptDeviceNote(BOB, await phone.deviceNote(BOB, key))).rejects.toEqual(code('usage'));
    expect(await fresh.isKnown(BOB)).toBe(false);
  });
});

/** A note about version 0. */
function phoneNote(): Promise<string> {
  return phone.deviceNote(BOB, key);
}
