import type { MailSettings } from '../../delivery/mailer.ts';
import type { EgressSettings } from '../../delivery/safe-egress.ts';

/** The settings of notices to owners. */
export interface NotifySettings {
  /** Undefined: no notices by mail. */
  readonly mail: MailSettings | undefined;
  /** `mailto:` or `https:`: where push services reach the operator. Undefined: no Web Push. */
  readonly pushContact: string | undefined;
  /** The bounds of requests to webhooks and push services, which owners chose. */
  readonly egress: EgressSettings;
  /** A page of the operator about notices, for the end of each. */
  readonly link: string | undefined;
}

/** Most addresses of one name that are not former ones. */
export const MAX_ADDRESSES = 4;
/** Most former addresses that are still told. */
export const MAX_FORMER = 8;
/** The time for which a removed address is told everything yet, ms. */
export const FORMER_MS = 7 * 86_400_000;
/** The lifetime of a code, ms. */
export const CODE_MS = 3_600_000;
/** Attempts at one code. */
export const CODE_ATTEMPTS = 5;
/** The window of the limits below, ms. */
export const WINDOW_MS = 3_600_000;
/** Most orders of one name within {@link WINDOW_MS}. */
export const MAX_ORDERS = 30;
/** Most codes of one name, and of one address or host across names, within {@link WINDOW_MS}. */
export const MAX_CODES = 6;
/** Most notices to one address of one name within {@link WINDOW_MS}: what comes later waits, and is told together. */
export const MAX_NOTICES = 12;
/** Greatest difference between the number of an order and the server's time, ms. */
export const ORDER_AGE_MS = 600_000;
