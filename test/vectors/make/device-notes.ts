import { type DeviceNote, deviceNoteMessage, formatDeviceNote } from '../../../src/client/device-note-text.ts';
import type { History, MadeVersion } from './history.ts';
import { KEYS, LABEL, ORIGIN } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused, withFlippedBit, withFormat2 } from './own-file.ts';

/** Notes of one device to another of the same owner. */
export async function makeDeviceNotes({ versions }: History): Promise<OwnFile> {
  const { version, commitment } = versions[1] as MadeVersion;
  const noted = { origin: ORIGIN, label: LABEL, version, commitment };
  const message = deviceNoteMessage(noted);
  const note: DeviceNote = { ...noted, signer: KEYS.phone.spki, signature: await KEYS.phone.sign(message) };
  const text = formatDeviceNote(note);
  const bad = (name: string, changed: string, code = 'malformed-encoding'): OwnCase =>
    refused(name, { text: changed }, code);
  const changed = (change: Partial<DeviceNote>): string => formatDeviceNote({ ...note, ...change });
  const expect = {
    origin: ORIGIN,
    label: hex(LABEL),
    version,
    commitment: hex(commitment),
    signer: hex(KEYS.phone.spki),
    message: hex(message),
  };
  return {
    primitive: 'device-note',
    notes: [
      'input.text: a note of a device. expect: its fields (signer is a SubjectPublicKeyInfo) and the bytes that are signed.',
      'Whether the signer made the change, the record of that version says: see identity-record.json.',
    ],
    cases: [
      { name: 'of version 1', input: { text }, expect },
      { name: 'with white space around it', input: { text: `\n ${text}\t\n` }, expect },
      bad('of another version', changed({ version: 2 }), 'bad-signature'),
      bad('of another commitment', changed({ commitment: withFlippedBit(commitment, 0) }), 'bad-signature'),
      bad('of another log', changed({ origin: 'log.example/other' }), 'bad-signature'),
      bad('by another key', changed({ signer: KEYS.mallory.spki }), 'bad-signature'),
      bad('without a prefix', text.slice('glasskey-note:'.length)),
      bad('with padding', `${text}=`),
      bad('a letter too few', text.slice(0, -1)),
      bad('of format 2', withFormat2(text)),
      bad('with white space within', `${text.slice(0, 40)} ${text.slice(40)}`),
    ],
  };
}
