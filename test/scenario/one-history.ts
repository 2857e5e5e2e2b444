import { canonicalIdentity } from '../../src/identity/canonical-identity.ts';
import type { TrustBundle } from '../../src/contract/trust-bundle.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { openServer, type OpenServerOptions } from '../../src/server/open-server.ts';
import { type CheckedLog, checkInvariants } from '../support/invariants.ts';
import type { Testimony } from './crash-load.ts';

/**
 * Checks that all that is stored holds together, and that every head that was ever seen is the one that is stored. No
 * server of the log may run. Throws an Error that says what does not hold.
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
    return checked;
  } finally {
    await open.close();
  }
}
