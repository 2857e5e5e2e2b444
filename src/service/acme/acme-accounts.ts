import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { AcmeAccountRow, LogStore } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { findValidToken } from '../log/tokens.ts';
import { type BindingContext, verifyAccountBinding } from './account-binding.ts';
import { AcmeRefusal, ensureAcme } from './acme-refusal.ts';
import { ACCOUNT_LIFETIME_MS, MAX_ACCOUNTS } from './acme-settings.ts';
import { type PublicJwk, readPublicJwk } from './public-jwk.ts';
import type { AcmeMessage } from './acme-message.ts';

const ID_BYTES = 16;

/** The part of an open log that accounts need. */
export type AccountContext = BindingContext & Pick<LogContext, 'store' | 'now' | 'random'>;

/** An account that may be used: not deactivated, not expired, and its application's token is valid. */
export interface AcmeAccount {
  readonly row: AcmeAccountRow;
  readonly key: PublicJwk;
  /** Number of its application's token. */
  readonly application: number;
}

/** A wish for an account, after its sender's signature is verified. The rest of it is untrusted. */
export interface AccountOrder {
  readonly key: PublicJwk;
  /** Uses the request's nonce up. Throws `badNonce`. */
  readonly useNonce: () => Promise<void>;
  readonly url: string;
  readonly onlyExisting: boolean;
  /** The external account binding and its payload; undefined: none. */
  readonly binding: { readonly message: AcmeMessage; readonly payload: unknown } | undefined;
}

/** Returns the usable account with this id. Throws `accountDoesNotExist` and `unauthorized`. */
export async function findAccount(context: AccountContext, accountId: Uint8Array): Promise<AcmeAccount> {
  return usable(context, await context.store.findAcmeAccount({ accountId }));
}

/**
 * Opens an account (RFC 8555 §7.3), or returns the one that the key has. Throws `accountDoesNotExist`,
 * `externalAccountRequired`, `rateLimited` for too many accounts of an application, and what the binding throws.
 */
export async function openAccount(
  context: AccountContext,
  { key, useNonce, url, onlyExisting, binding }: AccountOrder,
): Promise<{ readonly account: AcmeAccount; readonly isNew: boolean }> {
  const { store, now, random } = context;
  const { thumbprint, text: jwk } = key;
  const known = await store.findAcmeAccount({ thumbprint });
  if (known !== undefined) {
    const account = await usable(context, known);
    await useNonce();
    return { account, isNew: false };
  }
  ensureAcme(!onlyExisting, 'accountDoesNotExist', 'the key has no account');
  ensureAcme(binding !== undefined, 'externalAccountRequired', 'a new account needs a binding key of an application');
  const bound = await verifyAccountBinding(context, binding.message, { url, key, payload: binding.payload });
  await useNonce();
  const state = { state: 'valid', expiresMs: now() + ACCOUNT_LIFETIME_MS } as const;
  const row: AcmeAccountRow = { accountId: random(ID_BYTES), thumbprint, jwk, ...bound, ...state };
  const isNew = await store.addAcmeAccount(row, MAX_ACCOUNTS);
  const stored = await store.findAcmeAccount({ thumbprint });
  const refusal = 'the binding key has an account, or the application has too many: ask it for another key';
  ensureAcme(stored !== undefined, 'unauthorized', refusal);
  return { account: await usable(context, stored), isNew };
}

/** Deactivates an account for good (RFC 8555 §7.3.6). */
export async function deactivateAccount({ store }: AccountContext, { row }: AcmeAccount): Promise<AcmeAccountRow> {
  await store.changeAcmeAccount(row, { state: 'deactivated' });
  const changed = await store.findAcmeAccount({ accountId: row.accountId });
  ensure(changed?.state === 'deactivated', 'version-conflict', 'the account was changed at the same time: try again');
  return changed;
}

/**
 * Gives an account another key (RFC 8555 §7.3.5), whose holder has signed that it wants it. `oldKey` is untrusted.
 * Throws `malformed`, and `version-conflict` if the key has an account.
 */
export async function changeAccountKey(
  context: AccountContext,
  { row }: AcmeAccount,
  { oldKey, key }: { readonly oldKey: unknown; readonly key: PublicJwk },
): Promise<AcmeAccount> {
  const isOld = equalBytes(readPublicJwk(oldKey).thumbprint, row.thumbprint);
  ensureAcme(isOld, 'malformed', 'the old key is not that of the account');
  const { thumbprint, text: jwk } = key;
  const isChanged = await context.store.changeAcmeAccount(row, { thumbprint, jwk });
  if (!isChanged) throw new AcmeRefusal('malformed', 'the new key has an account already', 'version-conflict');
  return findAccount(context, row.accountId);
}

/** Keeps an account that orders something from expiring. */
export async function prolongAccount(
  { store, now }: { readonly store: Pick<LogStore, 'changeAcmeAccount'>; readonly now: () => number },
  { row }: AcmeAccount,
): Promise<void> {
  const expiresMs = now() + ACCOUNT_LIFETIME_MS;
  // Seldom, since two requests at once would get in each other's way.
  if (expiresMs - row.expiresMs > ACCOUNT_LIFETIME_MS / 4) await store.changeAcmeAccount(row, { expiresMs });
}

async function usable(context: AccountContext, row: AcmeAccountRow | undefined): Promise<AcmeAccount> {
  const isThere = row !== undefined && context.now() < row.expiresMs;
  ensureAcme(isThere, 'accountDoesNotExist', 'there is no such account');
  ensureAcme(row.state === 'valid', 'unauthorized', 'the account is deactivated');
  const token = await findValidToken(context, row.tokenHash);
  ensureAcme(token !== undefined, 'unauthorized', 'the application that admitted the account has lost its token');
  return { row, key: readPublicJwk(JSON.parse(row.jwk)), application: token.id };
}
