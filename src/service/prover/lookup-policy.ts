import { jwtVerify } from 'jose';
import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { IdentityKind } from '../../identity/identity.ts';

/** Throws `unauthenticated` or `rate-limited` unless the asker may look up a label (untrusted). */
export type AssertMayAsk = (label: Uint8Array) => void;

/** Names that only bearers of a lookup token may look up. */
export interface LookupSettings {
  /** Kinds of identities that are private. */
  readonly privateKinds: readonly IdentityKind[];
  /** Key shared with the application, which signs lookup tokens with it; undefined if nothing is private. */
  readonly secret: Uint8Array | undefined;
}

/** Everybody may look up every name. */
export const PUBLIC_LOOKUPS: LookupSettings = { privateKinds: [], secret: undefined };

/** Longest lookup token, in characters. */
const MAX_TOKEN = 2_048;
/** Lifetime of a lookup token from `iat` on, and the tolerated difference between clocks, s. */
const MAX_AGE_SECONDS = 24 * 3600;
const CLOCK_TOLERANCE_SECONDS = 60;

/**
 * Decides by the name alone whether the asker may look it up, before any lookup. So a refusal, and its timing, does not
 * reveal whether the name is in the log.
 */
export class LookupPolicy {
  readonly #settings: LookupSettings;
  readonly #origin: string;
  readonly #now: () => number;

  /** `origin` of the log: the audience of its tokens. `now` in ms. */
  constructor(settings: LookupSettings, origin: string, now: () => number) {
    this.#settings = settings;
    this.#origin = origin;
    this.#now = now;
  }

  /**
   * Returns the bearer (`sub`) of an untrusted lookup token: a JWT of the application (HS256,
   * `docs/spec.md#lookup-tokens`). Returns undefined, whatever the token, if nothing is private.
   * Throws `unauthenticated`.
   */
  async bearerOf(token: string): Promise<string | undefined> {
    const { secret } = this.#settings;
    if (secret === undefined) return undefined;
    ensure(token.length <= MAX_TOKEN, 'unauthenticated', 'the lookup token is too long');
    try {
      const { payload } = await jwtVerify(token, secret, {
        algorithms: ['HS256'],
        audience: this.#origin,
        requiredClaims: ['exp', 'iat', 'sub'],
        maxTokenAge: MAX_AGE_SECONDS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.#now()),
      });
      const { sub } = payload;
      ensure(
        typeof sub === 'string' && sub !== '' && sub.length <= 255,
        'unauthenticated',
        'the lookup token has no subject',
      );
      return sub;
    } catch (cause) {
      if (isGlasskeyError(cause)) throw cause;
      throw new GlasskeyError('unauthenticated', 'the lookup token is not valid', { cause });
    }
  }

  /** Throws `unauthenticated` if a label (untrusted) is private and there is no bearer. */
  assertMayAsk(label: Uint8Array, bearer: string | undefined): void {
    const isOpen = bearer !== undefined || !this.isPrivate(label);
    ensure(isOpen, 'unauthenticated', 'such a name needs a lookup token');
  }

  /** Returns true if only bearers of a lookup token may look up such a label (untrusted). */
  isPrivate(label: Uint8Array): boolean {
    return this.#settings.privateKinds.includes(kindOf(label));
  }
}

/** Returns the kind of a canonical label. Any kind will do for another label: no log has it. */
function kindOf(label: Uint8Array): IdentityKind {
  let text: string;
  try {
    text = decodeUtf8(label);
  } catch {
    return 'uri';
  }
  if (text.startsWith('mailto:')) return 'email';
  if (text.startsWith('acct:')) return 'acct';
  return text.startsWith('tel:') ? 'tel' : 'uri';
}
