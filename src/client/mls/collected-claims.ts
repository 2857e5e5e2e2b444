import type { AuthenticationService, ClientConfig } from 'ts-mls';
import { ensure } from '../../core/errors.ts';
import { type ConfigBase, configWith } from './client-config.ts';
import { MAX_CLAIMS } from './credential-judge.ts';
import type { MemberClaim } from './member-credential.ts';

/**
 * Collects the credentials that a step of ts-mls asks about, so that one request looks all of them up. The state that
 * the step makes must not be used before they are judged.
 */
export class CollectedClaims implements AuthenticationService {
  readonly claims: MemberClaim[] = [];

  /** Notes the claim. Throws `payload-too-large` for more than 10,000. */
  async validateCredential(
    credential: MemberClaim['credential'],
    signatureKey: MemberClaim['signatureKey'],
  ): Promise<boolean> {
    ensure(this.claims.length < MAX_CLAIMS, 'payload-too-large', `more than ${MAX_CLAIMS} credentials at once`);
    this.claims.push({ credential, signatureKey });
    return true;
  }

  /** Returns a configuration that collects here. */
  config(base?: Partial<ConfigBase>): ClientConfig {
    return configWith(this, base);
  }
}
