import { canonicalIdentity } from '../../src/identity/canonical-identity.ts';
import type { TrustBundle } from '../../src/contract/trust-bundle.ts';
import { equalBytes, formatHex } from '../../src/core/encoding/bytes.ts';
import { decodeIdentityRecord } from '../../src/identity/identity-record.ts';
import { openServer, type OpenServerOptions } from '../../src/server/open-server.ts';
import type { LogContext } from '../../src/service/log/log-context.ts';
import { type CheckedLog, checkInvariants } from '../support/invariants.ts';
import type { Testimony } from './crash-load.ts';

/**
 * Checks that all that is stored holds together, that every head that was ever seen is the one that is stored, and that
 * every acknowledged certificate is in a version of its name. No server of the log may run. Throws an Error that says
 * what does not hold.
 */
export async function assertOneHistory(
  options: OpenServerOptions,
  { identityRules }: TrustBundle,
  testimony: Testimony,
): Promise<CheckedLog> {
  const open = await openServer(options);
  const { store } = open.context;
  try {
    const labels = [...testimony.asked].map((identity) => canonicalIdentity(identity, identityRules).label);
    const checked = await checkInvariants(open.context, labels);
    for (const [size, signature] of testimony.heads) {
      const released = await store.readReleasedAt(size);
      const stored = released && formatHex(released.signature);
      if (stored !== signature) throw new Error(`two heads of size ${size}: ${signature}, stored ${stored}`);
    }
    for (const [size, checkpoint] of testimony.checkpoints) {
      const stored = (await store.readReleasedAt(size))?.checkpoint;
      if (stored !== checkpoint) throw new Error(`two checkpoints of size ${size}:\n${checkpoint}\nstored:\n${stored}`);
    }
    for (const [identity, der] of testimony.acknowledged) {
      const kept = await isKept(open.context, canonicalIdentity(identity, identityRules).label, checked.size, der);
      if (!kept) throw new Error(`${identity} was acknowledged, and its certificate is in no version`);
    }
    return checked;
  } finally {
    await open.close();
  }
}

/** Returns whether a version of `label` in the tree of `size` entries has the certificate. */
async function isKept({ store, vrf }: LogContext, label: Uint8Array, size: number, der: Uint8Array): Promise<boolean> {
  const labelKey = await vrf.labelKey(label);
  const found = await store.readLabelAt(labelKey, size);
  if (found === undefined) return false;
  const versions = await store.readVersions(labelKey, 0, found.label.greatestVersion);
  return versions.some(
    ({ value }) =>
      value !== undefined &&
      decodeIdentityRecord(value).certificates.some((certificate) => equalBytes(certificate, der)),
  );
}
