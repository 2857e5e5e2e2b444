import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { KeyDirectory } from '../key-directory.ts';
import type { LookupOutcome } from '../operations/lookup-many.ts';
import { type CredentialJudgement, judgeByLookup, type RefusedCredential } from './judgement.ts';
import { type MemberClaim, type ReadCredential, readCredential } from './member-credential.ts';
import { RecentLookups } from './recent-lookups.ts';

/** Most credentials that one call judges: larger groups are refused before anything is looked up. */
export const MAX_CLAIMS = 10_000;

/** Something to show to the user, or to log. */
export type MlsEvent =
  /**
   * The keys of an identity changed since this client last looked, or it has alerts. Or this client looked for the
   * first time, and nobody judged some versions: `change.firstLook.unjudged`.
   */
  | { readonly type: 'keys-changed'; readonly binding: VerifiedBinding }
  /** A credential was refused. */
  | { readonly type: 'refused'; readonly refusal: RefusedCredential };

/** Options of `MlsAuthentication`. */
export interface MlsAuthenticationOptions {
  /** Takes each event, before the operation ends. An error that it throws makes the operation fail. Default: none. */
  readonly onEvent?: ((event: MlsEvent) => void) | undefined;
  /** The time for which the answer to a lookup may serve a later check, ms. 0 to ask each time. Default: 30,000. */
  readonly servesMs?: number | undefined;
  /** Returns ms since the epoch. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** Judges credentials by the log. */
export class CredentialJudge {
  readonly #directory: KeyDirectory;
  readonly #lookups: RecentLookups;
  readonly #onEvent: (event: MlsEvent) => void;

  constructor(directory: KeyDirectory, options: MlsAuthenticationOptions) {
    const { onEvent = () => undefined, servesMs = 30_000, now = Date.now } = options;
    this.#directory = directory;
    this.#lookups = new RecentLookups(directory, { now, servesMs });
    this.#onEvent = onEvent;
  }

  /**
   * Judges untrusted credentials, in their order: looks all identities up at once. `recent` lets answers of the last
   * `servesMs` accept a credential; a refusal is always by a new answer. Throws `payload-too-large` for more than
   * 10,000.
   */
  async judge(
    claims: readonly MemberClaim[],
    { recent }: { readonly recent: boolean },
  ): Promise<CredentialJudgement[]> {
    const read = await this.#readAll(claims);
    const known = read.map((one) => ('der' in one ? (recent ? this.#byRecent(one) : undefined) : one));
    const open = read.flatMap((one, i) => ('der' in one && known[i] === undefined ? [one.identity] : []));
    const outcomes = await this.#lookups.ask([...new Set(open)]);
    const judged = read.map((one, i) => {
      const already = known[i];
      if (already !== undefined) return already;
      const { identity } = one as ReadCredential;
      return judgeByLookup(one as ReadCredential, outcomes.get(identity) as LookupOutcome);
    });
    this.#report(outcomes, judged);
    return judged;
  }

  /** Looks the identities of credentials up, so that the answers may serve for the next `servesMs`. */
  async prefetch(claims: readonly MemberClaim[]): Promise<void> {
    const read = await this.#readAll(claims);
    const outcomes = await this.#lookups.ask([...new Set(read.flatMap((one) => ('der' in one ? [one.identity] : [])))]);
    this.#report(outcomes, []);
  }

  /** Forgets what was looked up. */
  forget(): void {
    this.#lookups.forget();
  }

  /** Reads a credential. Throws `bad-certificate`. */
  read(claim: MemberClaim): Promise<ReadCredential> {
    return readCredential(claim, (text) => this.#directory.identity(text));
  }

  async #readAll(claims: readonly MemberClaim[]): Promise<(ReadCredential | RefusedCredential)[]> {
    ensure(claims.length <= MAX_CLAIMS, 'payload-too-large', `a group of more than ${MAX_CLAIMS} members`);
    const read: (ReadCredential | RefusedCredential)[] = [];
    for (const claim of claims) {
      read.push(
        await this.read(claim).catch((error: unknown): RefusedCredential => {
          if (!isGlasskeyError(error, 'bad-certificate')) throw error;
          return { type: 'departed', identity: undefined, serial: undefined, error };
        }),
      );
    }
    return read;
  }

  /** Old answers only accept: whatever they would refuse is asked again. */
  #byRecent(member: ReadCredential): CredentialJudgement | undefined {
    const result = this.#lookups.recent(member.identity);
    if (result === undefined) return undefined;
    const judged = judgeByLookup(member, { asked: member.identity, result });
    return judged.type === 'accepted' ? judged : undefined;
  }

  #report(outcomes: ReadonlyMap<string, LookupOutcome>, judged: readonly CredentialJudgement[]): void {
    for (const { result } of outcomes.values()) {
      if (result?.found !== true) continue;
      const { change, alerts } = result.binding;
      const isJudged = change.firstLook?.unjudged === undefined;
      const isChanged = change.type !== 'unchanged' && change.type !== 'first-seen';
      if (isChanged || !isJudged || alerts.length > 0) this.#onEvent({ type: 'keys-changed', binding: result.binding });
    }
    for (const refusal of judged) if (refusal.type !== 'accepted') this.#onEvent({ type: 'refused', refusal });
  }
}
