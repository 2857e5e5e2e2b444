import type { ParsedCertificate } from '../../ca/certificate.ts';
import { parsePemBlocks } from '../../ca/der/pem.ts';
import { verifyChain } from '../../ca/verify-chain.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GivenFault, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { judgeCertificate, type VerifiedBinding } from '../binding/binding.ts';
import type { StateStore } from '../state/client-state.ts';
import { findIdentity } from './lookup.ts';
import type { Operation } from './operation.ts';

/**
 * Verifies an untrusted certificate (PEM; only the first block counts): it chains to the bundle's roots, and the
 * current record of the identity that it names holds it. Throws `certificate-not-in-record`, `certificate-expired`,
 * `untrusted-issuer`, `bad-certificate`, or what a lookup throws. What is wrong with the certificate itself is a
 * {@link GivenFault}.
 */
export async function verifyCertificate(
  operation: Operation,
  store: StateStore,
  pem: string,
): Promise<VerifiedBinding> {
  const der = firstCertificate(pem);
  const { issuers, roots, bundle } = operation.trust;
  const identity = await ofGiven(() =>
    judgeCertificate(async () => {
      const { leaf } = await verifyChain({ certificate: der, intermediates: issuers, roots, atMs: operation.now() });
      return canonicalIdentity(identityOf(leaf), bundle.identityRules);
    }),
  );
  const { binding, held } = await store.transact(async (state) => {
    const { next, found } = await findIdentity(operation, state, identity);
    const held = found?.binding.certificates.some((candidate) => equalBytes(candidate.der, der)) ?? false;
    // If this throws, nobody sees the change: the next lookup must report it.
    const isTold = held || !state.contacts.has(identity.text);
    return { next: isTold ? next : { ...next, contacts: state.contacts }, result: { binding: found?.binding, held } };
  });
  if (binding === undefined) {
    throw new GlasskeyError('certificate-not-in-record', `${identity.text} is proved not to exist in the log`);
  }
  ensure(held, 'certificate-not-in-record', `the certificate is not in version ${binding.version} of the record`);
  return binding;
}

async function ofGiven<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GivenFault(cause.code, cause.message, { cause });
  }
}

/** Returns the first certificate of a PEM text. Throws `usage`. */
function firstCertificate(pem: string): Uint8Array {
  const [first] = parsePemBlocks('CERTIFICATE', pem);
  ensure(first !== undefined, 'usage', 'no CERTIFICATE in the PEM text');
  return first;
}

/** Returns the one identity that a certificate names, as text. Throws `bad-certificate`. */
function identityOf({ sans }: ParsedCertificate): string {
  const names = [...sans.email, ...sans.smtpUtf8, ...sans.uri];
  const [name] = names;
  ensure(name !== undefined && names.length === 1, 'bad-certificate', 'the certificate does not name one identity');
  return name;
}
