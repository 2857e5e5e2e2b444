import type { BoundCertificate, VerifiedBinding } from 'glasskey';
import type { KeyPackage } from 'ts-mls';
import { nameOf } from '../../shared/protocol.ts';
import { BackendError } from '../backend.ts';
import { fromBase64, toHex } from '../bytes.ts';
import type { Device } from '../device.ts';
import { refusalText } from '../words.ts';
import { keyPackageId } from './key-package-stock.ts';
import { certificateOf } from './leaves.ts';
import { readKeyPackage } from './wire.ts';

/** A device that can be added to a group now. */
export interface Invited {
  readonly device: string;
  readonly keyPackage: KeyPackage;
  readonly keyPackageId: string;
}

/** Looks names up. Throws the words for the first that cannot be written to. */
export async function lookUpAll(
  { directory }: Pick<Device, 'directory'>,
  identities: readonly string[],
): Promise<readonly VerifiedBinding[]> {
  const outcomes = await directory.lookupMany(identities);
  return outcomes.map(({ asked, result, error }) => {
    if (result === undefined) throw new Error(refusalText([{ error, identity: asked }]), { cause: error });
    if (!result.found) throw new Error(`The log proves that nobody is called ${nameOf(asked)}.`);
    const { alerts, certificates } = result.binding;
    const isAlarming = alerts.some(({ type }) => type !== 'recovery');
    if (isAlarming) throw new Error(`Read the alarm about ${nameOf(asked)} first.`);
    if (certificates.length === 0) throw new Error(`${nameOf(asked)} has no valid keys now.`);
    return result.binding;
  });
}

/**
 * Takes a KeyPackage for every device of a name that is not in `present`. The devices are those in the log; each
 * KeyPackage must be of the very device that it was asked for. A device that has none is left out. Throws if nothing is
 * left of a name of which no device is present.
 */
export async function inviteDevices(
  { backend }: Pick<Device, 'backend'>,
  { identity, certificates }: VerifiedBinding,
  present: ReadonlySet<string>,
): Promise<readonly Invited[]> {
  const devices = new Set(certificates.map(({ spkiSha256 }) => spkiSha256));
  const wanted = [...devices].filter((device) => !present.has(device));
  const taken = await Promise.all(wanted.map((device) => take(backend, device, certificates)));
  const invited = taken.filter((one) => one !== undefined);
  if (invited.length === 0 && wanted.length === devices.size)
    throw new Error(`No device of ${nameOf(identity)} can be added now. Try again later.`);
  return invited;
}

async function take(
  backend: Device['backend'],
  device: string,
  certificates: readonly BoundCertificate[],
): Promise<Invited | undefined> {
  try {
    const bytes = fromBase64(await backend.takeKeyPackage(device));
    const keyPackage = readKeyPackage(bytes);
    const shown = toHex(certificateOf(keyPackage.leafNode) ?? new Uint8Array());
    const isOfDevice = certificates.some(({ der, spkiSha256 }) => spkiSha256 === device && toHex(der) === shown);
    if (!isOfDevice) throw new Error('The messenger gave a KeyPackage of another device. Nobody was added.');
    return { device, keyPackage, keyPackageId: await keyPackageId(bytes) };
  } catch (error) {
    if (error instanceof BackendError && error.code === 'no-key-package') return undefined;
    throw error;
  }
}
