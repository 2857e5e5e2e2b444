import { ensure } from '../core/errors.ts';
import type { IdentityRules } from './identity.ts';

const BUILT_IN: readonly string[] = ['mailto', 'acct', 'tel'];
const MAX_SCHEMES = 32;

/**
 * Checks rules from a configuration or a bundle: known folding, and lower-case schemes in ascending order, each once
 * and not built in. Throws `value-out-of-range`.
 */
export function assertIdentityRules(rules: IdentityRules): void {
  ensure(rules.localPart === 'fold-lower-case', 'value-out-of-range', 'unknown rule for local parts');
  const { uriSchemes } = rules;
  ensure(uriSchemes.length <= MAX_SCHEMES, 'value-out-of-range', `more than ${MAX_SCHEMES} URI schemes`);
  uriSchemes.forEach((scheme, i) => {
    ensure(/^[a-z][a-z0-9+.-]{0,31}$/.test(scheme), 'value-out-of-range', 'not a lower-case URI scheme');
    ensure(!BUILT_IN.includes(scheme), 'value-out-of-range', `URI scheme ${scheme} is built in`);
    ensure(
      i === 0 || (uriSchemes[i - 1] ?? '') < scheme,
      'value-out-of-range',
      'URI schemes are not in ascending order',
    );
  });
}
