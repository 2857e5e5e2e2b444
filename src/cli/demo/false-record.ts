import { issueLeaf } from '../../ca/issue.ts';
import { leafValidity } from '../../ca/profile.ts';
import { newSerial } from '../../ca/serial.ts';
import type { ClientKey } from '../../client/client-key.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { encodeIdentityRecord, NO_COMMITMENT } from '../../identity/identity-record.ts';
import type { DemoServer, ForgedValue } from './demo-server.ts';

/** A record for an identity that certifies somebody else's key: well-formed, and signed by the true authority. */
export async function falseRecord(server: DemoServer, identity: string, key: ClientKey): Promise<ForgedValue> {
  const { context } = server.open;
  const { keys, profile, urls, random, now, identityRules } = context;
  const { label, san } = canonicalIdentity(identity, identityRules);
  const certificate = await issueLeaf(keys.issuer, {
    spki: key.spki,
    san,
    serial: newSerial(random),
    ...leafValidity(profile, keys.issuer.certificate, now()),
    profile,
    urls,
  });
  const value = encodeIdentityRecord({
    previousCommitment: NO_COMMITMENT,
    certificates: [certificate],
    pending: undefined,
    authorization: { type: 'initial', evidence: { type: 'application' } },
  });
  return { labelKey: await context.vrf.labelKey(label), value };
}
