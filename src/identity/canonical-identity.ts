import { GlasskeyError } from '../core/errors.ts';
import type { Identity, IdentityRules } from './identity.ts';

/** The canonical form of an identity as typed (DESIGN §6). Throws `invalid-identity`, with the reason. */
export function canonicalIdentity(text: string, rules: IdentityRules): Identity {
  throw new GlasskeyError('invalid-identity', `${rules.localPart}: ${text.length} characters are not read yet`);
}
