import { jwtVerify } from 'jose';
import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { IdentityKind } from '../../identity/identity.ts';

/** Throws unless the asker may be told of a label (untrusted): `unauthenticated`, `rate-limited`. */
export type AssertMayAsk = (label: Uint8Array) => void;

/** Who may ask for whom. */
export interface LookupSettings {
  /** Kinds of identities of which only bearers of a lookup token are told anything. */
  readonly privateKinds: readonly IdentityKind[];
  /** Shared with the application, which makes lookup tokens of it; undefined where nothing is private. */
  readonly secret: Uint8Array | undefined;
}

/** Everybody may ask for everybody. */
export const PUBLIC_LOOKUPS: LookupSettings = { privateKinds: [], secret: undefined };

/** Most characters of a lookup token. */
const MAX_TOKEN = 2_048;
/** How long after it was made a lookup token is taken, seconds, and how far clocks may be apart. */
const MAX_AGE_SECONDS = 24 * 3600;
const CLOCK_TOLERANCE_SECONDS = 60;

/**
 * Decides by the name alone who may ask for it, before anything is looked up: what is refused is refused alike, and as fast,
 * whether or not the name is there.
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
   * Whom an untrusted lookup token names (`sub`): a JWT of the application (HS256, docs/spec.md, "Lookup tokens"). Undefined where nothing
   * is private, so that nothing depends on it. Throws `unauthenticated`.
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
        'the lookup token names nobody',
      );
      return sub;
    } catch (cause) {
      if (isGlasskeyError(cause)) throw cause;
      throw new GlasskeyError('unauthenticated', 'the lookup token is not valid', { cause });
    }
  }

  /** Throws `unauthenticated` where only bearers are told anything of such a label (untrusted), and this is none. */
  assertMayAsk(label: Uint8Array, bearer: string | undefined): void {
    const isOpen = bearer !== undefined || !this.isPrivate(label);
    ensure(isOpen, 'unauthenticated', 'such names are told to bearers of a lookup token only');
  }

  /** Whether such a label (untrusted) is told of to bearers only. */
  isPrivate(label: Uint8Array): boolean {
    return this.#settings.privateKinds.includes(kindOf(label));
  }
}

/** The kind of a canonical label; one that is not canonical is in no log, and what is told of it does not matter. */
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
