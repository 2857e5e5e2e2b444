import { verifyToken } from '../tokens.ts';
import type { SignedChange } from '../../identity/change-request.ts';
import type { Issuance } from './issuance.ts';

/**
 * Who asks, as far as is known before the record is looked at: an application that vouches for the identity; a change that
 * a key of the record is said to have signed; or nobody but the holder of the CSR's key.
 */
export type Requester = 'application' | 'change' | 'key-holder';

/**
 * Step `authenticate`. A token that is there must be valid, also where a change would do without. Throws
 * `unauthenticated`.
 */
export async function authenticate(
  { context, tokens }: Pick<Issuance, 'context' | 'tokens'>,
  { token, change }: { readonly token: string | undefined; readonly change: SignedChange | undefined },
): Promise<Requester> {
  // Requests that come together ask the store once; nothing is remembered, so a revoked token is refused at once.
  if (token !== undefined) await tokens.share(token, () => verifyToken(context, token));
  if (change !== undefined) return 'change';
  return token === undefined ? 'key-holder' : 'application';
}
