import { parsePem } from '../../ca/der/pem.ts';
import { parsePublicKey } from '../../ca/public-key.ts';
import { assertStrongRsa } from '../../ca/rsa-strength.ts';
import { withCode } from '../../ca/der/with-code.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { Evidence } from '../../identity/evidence.ts';
import { canonicalise, parse, proofOfPossession } from '../intake.ts';
import { Deadline } from './await-log.ts';
import type { Issuance } from './issuance.ts';
import { makeCertificate } from './issue-certificate.ts';
import { readProvedState } from '../log/proved-state.ts';
import { requestHash } from './requests.ts';
import type { WantedKeys } from './sign.ts';

/** One line of an import. Untrusted, except for the name of the administrator. */
export interface ImportOrder {
  /** As typed. */
  readonly identity: string;
  /** A PKCS#10 request in PEM; or the public key alone in PEM, without proof of possession. */
  readonly key: { readonly csr: string } | { readonly publicKey: string };
  /** The administrator, for the trail. */
  readonly who: string;
}

/** The outcome: `present` if the record certifies these keys already. */
export type Imported = 'imported' | 'present';

/**
 * Registers an identity of an existing user base on its administrator's word alone. The record says so (`import`), and
 * says whether possession of the key was proved. Never changes an existing record. Throws `change-required` if that has
 * another key, `invalid-identity`, `bad-csr`, `bad-key`, `weak-key`, `bad-proof-of-possession`,
 * `csr-identity-mismatch`, and what the later steps of the pipeline throw.
 */
export async function importIdentity(issuance: Issuance, order: ImportOrder): Promise<Imported> {
  const { context, admission } = issuance;
  return admission.run('certificate', async (ticket) => {
    const identity = canonicalise(order.identity, context.identityRules);
    const possession = 'csr' in order.key;
    const keys: WantedKeys =
      'csr' in order.key
        ? await proofOfPossession(context, parse(order.key), identity)
        : publicKeyAlone(order.key.publicKey);
    const labelKey = await context.vrf.labelKey(identity.label);
    const deadline = new Deadline(context.limits.requestTimeoutMs);
    const state = await readProvedState(issuance, { label: identity.label, labelKey }, deadline);
    const isThere = (one: { readonly keysSha256: Uint8Array }) => equalBytes(one.keysSha256, keys.keysSha256);
    if (state?.certificates.some(isThere) === true) return 'present';
    const evidence: Evidence = { type: 'import', possession };
    await makeCertificate(issuance, {
      order: { change: undefined },
      identity,
      labelKey,
      keys,
      authenticate: () => Promise.resolve({ type: 'vouched', evidence }),
      isFirst: true,
      who: order.who,
      requestHash: requestHash('import', identity.label, [keys.keysSha256], undefined),
      deadline,
      ticket,
    });
    return 'imported';
  });
}

function publicKeyAlone(pem: string): WantedKeys {
  const spki = withCode('bad-key', 'public key', () => parsePem('PUBLIC KEY', pem));
  const key = parsePublicKey(spki);
  assertStrongRsa(key);
  const spkiSha256 = sha256(spki);
  return { spki, spkiSha256, keysSha256: spkiSha256, companions: undefined, keyType: key.keyType };
}
