import type { Evidence } from '../../identity/evidence.ts';
import type { Identity } from '../../identity/identity.ts';
import type { SignedChange } from '../../identity/change-request.ts';
import { assertMayVouch } from '../evidence/policy-table.ts';
import { verifyToken } from '../tokens.ts';
import type { Issuance } from './issuance.ts';

/**
 * Who asks, as far as is known before the record is looked at: somebody for whom evidence vouches; a change that a key of the
 * record is said to have signed; or nobody but the holder of the CSR's key.
 */
export type Requester =
  | { readonly type: 'vouched'; readonly evidence: Evidence }
  | { readonly type: 'change' }
  | { readonly type: 'key-holder' };

/** What comes with a request to show who makes it. Untrusted. */
export interface Credentials {
  readonly token: string | undefined;
  readonly change: SignedChange | undefined;
}

/**
 * Step `authenticate`. A token that is there must be valid, also where a change would do without. Throws
 * `unauthenticated`, and `forbidden` for evidence that does not vouch for this identity.
 */
export async function authenticate(
  { context, tokens, policyTable }: Pick<Issuance, 'context' | 'tokens' | 'policyTable'>,
  { token, change }: Credentials,
  identity: Identity,
): Promise<Requester> {
  // Requests that come together ask the store once; nothing is remembered, so a revoked token is refused at once.
  if (token !== undefined) await tokens.share(token, () => verifyToken(context, token));
  if (change !== undefined) return { type: 'change' };
  if (token === undefined) return { type: 'key-holder' };
  const evidence: Evidence = { type: 'application' };
  assertMayVouch(policyTable, evidence, identity);
  return { type: 'vouched', evidence };
}
