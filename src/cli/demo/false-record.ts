import { issueLeaf } from '../../ca/issue.ts';
import { leafValidity } from '../../ca/profile.ts';
import { newSerial } from '../../ca/serial.ts';
import type { ClientKey } from '../../client/client-key.ts';
import type { Authorization } from '../../identity/authorization.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { encodeIdentityRecord, type IdentityRecord, NO_COMMITMENT } from '../../identity/identity-record.ts';
import { readLabelState } from '../../service/log/label-state.ts';
import type { DemoServer, ForgedValue, ForgedVersion } from './demo-server.ts';
import { profileOf } from '../../service/log/profile-table.ts';

/** Makes a first record that certifies somebody else's key: well-formed, and signed by the true authority. */
export async function falseRecord(server: DemoServer, identity: string, key: ClientKey): Promise<ForgedValue> {
  const { certificate, labelKey } = await certifyFalsely(server, identity, key);
  return {
    labelKey,
    value: encode([certificate], { type: 'initial', evidence: { type: 'application' } }, NO_COMMITMENT),
  };
}

/** Makes the next record of an identity, with somebody else's key beside its own ones and with a valid chain. */
export async function falseVersion(server: DemoServer, identity: string, key: ClientKey): Promise<ForgedVersion> {
  const { certificate, labelKey, label } = await certifyFalsely(server, identity, key);
  const previous = await readLabelState(server.open.context, labelKey);
  const certificates = [...(previous?.record.certificates ?? []), certificate];
  const authorization = { type: 'operator', reason: 'customer care' } as const;
  return { label, labelKey, value: encode(certificates, authorization, previous?.commitment ?? NO_COMMITMENT) };
}

async function certifyFalsely(server: DemoServer, identity: string, key: ClientKey) {
  const { context } = server.open;
  const { random, now, identityRules } = context;
  const { profiles, signingCa } = context.reloadable.at(now());
  const { issuer, urls } = signingCa;
  const name = canonicalIdentity(identity, identityRules);
  const { label, san } = name;
  const profile = profileOf(profiles, name);
  const certificate = await issueLeaf(issuer, {
    spki: key.spki,
    san,
    serial: newSerial(random),
    ...leafValidity(profile, issuer.certificate, now()),
    profile,
    urls,
  });
  return { certificate, label, labelKey: await context.vrf.labelKey(label) };
}

function encode(
  certificates: IdentityRecord['certificates'],
  authorization: Authorization,
  previousCommitment: Uint8Array,
): Uint8Array {
  return encodeIdentityRecord({ previousCommitment, certificates, pending: undefined, authorization });
}
