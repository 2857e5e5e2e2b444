import { Deliverer } from '../../delivery/deliverer.ts';
import type { ResolveHost } from '../../delivery/resolve-host.ts';
import type { StateProver } from '../log/proved-state.ts';
import { deriveNotifyKeys, type NotifyDerivedKeys } from './notify-keys.ts';
import type { NotifySettings } from './notify-settings.ts';
import { SealedBooks } from './sealed-book.ts';

/** One set of settings, with what sends by them. */
export interface OpenNotices {
  readonly settings: NotifySettings;
  readonly deliverer: Deliverer;
}

/** The parts that orders and rounds share. */
export interface NotifyParts {
  readonly prover: StateProver;
  readonly keys: NotifyDerivedKeys;
  readonly books: SealedBooks;
  /** Returns the present settings; undefined if this server tells nobody. */
  readonly open: () => OpenNotices | undefined;
}

/** Opens the channels that the settings name. `resolve` is a seam for tests. */
export function openNotices(
  settings: NotifySettings,
  keys: NotifyDerivedKeys,
  now: () => number,
  resolve?: ResolveHost,
): OpenNotices {
  const { mail, pushContact, egress } = settings;
  const vapid = pushContact === undefined ? undefined : { subject: pushContact, ...keys.vapid };
  const ports = { now, ...(resolve === undefined ? {} : { resolve }) };
  return { settings, deliverer: new Deliverer({ mail, webhookKey: keys.webhook, vapid, egress }, ports) };
}

/** Derives the keys of a log, and opens its books. */
export function notifyBase(prover: StateProver): Omit<NotifyParts, 'open'> {
  const { context } = prover;
  const keys = deriveNotifyKeys(context.keys.rowSeal, context.origin);
  return { prover, keys, books: new SealedBooks(context, keys.book) };
}
