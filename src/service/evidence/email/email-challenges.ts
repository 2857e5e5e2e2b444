import { timingSafeEqual } from 'node:crypto';
import { equalBytes } from '../../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../../core/errors.ts';
import type { Evidence } from '../../../identity/evidence.ts';
import type { Identity } from '../../../identity/identity.ts';
import type { LogStore, NextPlace } from '../../../store/ports.ts';
import { canonicalise, type IntakeContext, parse, proofOfPossession } from '../../intake.ts';
import { assertMayVouch, type PolicyTable } from '../policy-table.ts';
import { emailCodeHash, newEmailCode } from './email-code.ts';
import { COUNTED_MS, type EmailSettings } from './email-settings.ts';
import { mailText } from './mail-text.ts';
import type { Mailer } from '../../../delivery/mailer.ts';

const ID_BYTES = 16;
const EVIDENCE: Evidence = { type: 'email' };

/** The part of an open log that challenges need. */
export interface ChallengeContext extends IntakeContext {
  readonly origin: string;
  readonly store: Pick<
    LogStore,
    'addEmailChallenge' | 'tryEmailChallenge' | 'useEmailChallenge' | 'dropEmailChallenge'
  >;
  readonly vrf: { labelKey(label: Uint8Array): Promise<Uint8Array> };
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** A request to prove an address for a key. Untrusted. */
export interface EmailChallengeOrder {
  readonly identity: string;
  /** A PKCS#10 request: PEM text, or DER. */
  readonly csr: string | Uint8Array;
}

/** A challenge whose code was sent. */
export interface EmailChallenge {
  readonly challengeId: Uint8Array;
  readonly expiresInMs: number;
}

/** An answer to a challenge. Untrusted. */
export interface EmailAnswer {
  readonly challengeId: Uint8Array;
  readonly code: string;
}

/**
 * Proves e-mail addresses by a code sent to the address. A code vouches for one name with one key, allows a few
 * attempts, and expires. No step reads the log, so neither an answer nor its timing reveals whether the name is
 * registered.
 */
export class EmailChallenges {
  readonly #context: ChallengeContext;
  readonly #policy: PolicyTable;
  readonly #settings: EmailSettings;
  readonly #mailer: Mailer;

  constructor(context: ChallengeContext, policy: PolicyTable, settings: EmailSettings, mailer: Mailer) {
    this.#context = context;
    this.#policy = policy;
    this.#settings = settings;
    this.#mailer = mailer;
  }

  /**
   * Sends a code to the address that `order` names. Throws what the first steps of the issuance pipeline throw,
   * `forbidden` if the policy allows no proof by mail, `rate-limited`, and `mail-unavailable`, which also discards the
   * challenge.
   */
  async create(order: EmailChallengeOrder): Promise<EmailChallenge> {
    const { store, vrf, identityRules, random, now } = this.#context;
    const { codeLifetimeMs, codesPerIdentity } = this.#settings;
    const der = parse(order);
    const identity = canonicalise(order.identity, identityRules);
    const { spkiSha256 } = await proofOfPossession(this.#context, der, identity);
    ensure(identity.kind === 'email', 'forbidden', 'only an e-mail address can be proved by mail');
    assertMayVouch(this.#policy, EVIDENCE, identity, 'any');
    const challengeId = random(ID_BYTES);
    const code = newEmailCode(random);
    const [createdMs, labelKey] = [now(), await vrf.labelKey(identity.label)];
    const row = { challengeId, labelKey, spkiSha256, codeHash: emailCodeHash(challengeId, code), createdMs };
    const limit = { sinceMs: createdMs - COUNTED_MS, maximum: codesPerIdentity };
    const isAdded = await store.addEmailChallenge({ ...row, expiresMs: createdMs + codeLifetimeMs }, limit);
    if (!isAdded) throw tooMany();
    await this.#send(identity, challengeId, code);
    return { challengeId, expiresInMs: codeLifetimeMs };
  }

  /** Verifies an answer and returns it as evidence. Throws `code-refused` without the reason. */
  async verify(
    { challengeId, code }: EmailAnswer,
    claimed: { readonly labelKey: Uint8Array; readonly spkiSha256: Uint8Array },
  ): Promise<Evidence> {
    const row = await this.#context.store.tryEmailChallenge(challengeId, this.#settings.attempts);
    const hash = emailCodeHash(challengeId, code);
    const isRight = timingSafeEqual(row?.codeHash ?? new Uint8Array(hash.length), hash);
    const isMeant =
      row !== undefined &&
      equalBytes(row.labelKey, claimed.labelKey) &&
      equalBytes(row.spkiSha256, claimed.spkiSha256) &&
      this.#context.now() < row.expiresMs;
    const refused = 'the code is wrong, used up or too old, or is for another key';
    ensure(isRight && isMeant, 'code-refused', refused);
    return EVIDENCE;
  }

  /**
   * Ties a verified answer to the version that it is used for: it counts for no other, also after a veto. Throws
   * `code-refused` if it was used for another one.
   */
  async use({ challengeId }: Pick<EmailAnswer, 'challengeId'>, place: NextPlace): Promise<void> {
    const isFirst = await this.#context.store.useEmailChallenge(challengeId, place);
    ensure(isFirst, 'code-refused', 'the code was used for an earlier change of this identity: ask for another one');
  }

  async #send({ text: identity, san }: Identity, challengeId: Uint8Array, code: string): Promise<void> {
    const { text, codeLifetimeMs } = this.#settings;
    const minutes = String(Math.max(Math.floor(codeLifetimeMs / 60_000), 1));
    const facts = { code, identity, origin: this.#context.origin, minutes };
    try {
      await this.#mailer.send({ to: san.value, text: mailText(text, facts) });
    } catch (error) {
      await this.#context.store.dropEmailChallenge(challengeId).catch(() => undefined);
      throw error;
    }
  }
}

function tooMany(): GlasskeyError {
  const retryAfterSeconds = COUNTED_MS / 1000;
  return new GlasskeyError('rate-limited', 'too many codes for this address', { retryAfterSeconds });
}
