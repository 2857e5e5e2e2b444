/** The language between a device and the messenger's backend: bodies of requests and answers, names, bounds. */

/** Bounds that both sides know. Bytes are counted before base64. */
export const LIMITS = {
  /** Longest name of an account, characters. */
  nameLength: 30,
  /** Shortest and longest password, characters. */
  passwordMin: 8,
  passwordMax: 200,
  /** Most bytes of one thing in an inbox: a message, a commit, a Welcome, a signal of a call. */
  bodyBytes: 65_536,
  /** Most devices of one account, and most in one group. */
  devicesOfAccount: 10,
  devicesOfGroup: 64,
  /** Most KeyPackages that are kept for a device, and most bytes of one. */
  keyPackages: 100,
  keyPackageBytes: 4_096,
  /** Most bytes of a backup. */
  backupBytes: 8 * 1024 * 1024,
} as const;

/** The domain of every name in this messenger. */
const DOMAIN = 'messenger.example';

/** A user's name as people write it: lower-case letters, digits and hyphens. */
export const ACCOUNT_NAME = /^[a-z][a-z0-9-]{0,29}$/;

/** Returns the identity in the log of a user's name. Backend and devices must agree on it. */
export function identityOf(name: string): string {
  return `acct:${name}@${DOMAIN}`;
}

/** The vault's own name in the log, which is nobody's account. */
export const VAULT_IDENTITY = identityOf('vault');

/** Names that no account may have: the vault's, and that of the log's first entry. */
export const RESERVED_NAMES: readonly string[] = ['vault', 'nobody'];

/** Returns the user's name in an identity; the identity itself if it is of another domain. */
export function nameOf(identity: string): string {
  return /^acct:([^@]+)@messenger\.example$/.exec(identity)?.[1] ?? identity;
}

/** Returns the text that a device's key signs, to show the backend that it holds the key of its inbox. */
export function deviceProofText(account: string): string {
  return `messenger device inbox v1\n${account}`;
}

/** Kinds of things in an inbox. Of all but the kind, the backend understands nothing. */
export const INBOX_KINDS = ['welcome', 'commit', 'message', 'link', 'note', 'call'] as const;

/** One of {@link INBOX_KINDS}. */
export type InboxKind = (typeof INBOX_KINDS)[number];

/** Kinds that a device sends to a device. The others are sent to a group. */
export type DirectKind = Extract<InboxKind, 'link' | 'note' | 'call'>;

/** A thing in a device's inbox. */
export interface InboxEvent {
  /** Counts from 1 in each inbox. */
  readonly position: number;
  readonly kind: InboxKind;
  /** Name of the sender's account. The backend says so: nothing rests on it. */
  readonly from: string;
  /** Id of the sender's device, likewise. */
  readonly device: string;
  /** Id of the group of a Welcome, commit or message. */
  readonly group?: string | undefined;
  /** Of a Welcome: the id of the KeyPackage that it answers. */
  readonly keyPackage?: string | undefined;
  /** Base64. */
  readonly body: string;
}

/** A device that a commit adds, and the KeyPackage by which it joins. */
export interface AddedDevice {
  readonly device: string;
  readonly keyPackage: string;
}

/** A commit as a device sends it. */
export interface CommitOrder {
  readonly device: string;
  /** The epoch that the commit ends. One commit is accepted for each. */
  readonly epoch: number;
  readonly body: string;
  /** The Welcome for those whom the commit adds. */
  readonly welcome?: string | undefined;
  readonly added: readonly AddedDevice[];
  readonly removed: readonly string[];
}

/** A refusal of the backend, as JSON. */
export interface RefusalBody {
  readonly code: string;
  readonly message: string;
}
