import type { VaultReply } from 'glasskey/backup';

/** The record of an account at a vault. */
export type VaultRecord = Readonly<Record<string, unknown>>;

/** The parts of a vault: see its constructor. */
export interface VaultParts {
  readonly opaque: unknown;
  readonly serverSetup: string;
  readonly identity: string;
  readonly statement: Uint8Array;
  readonly readBackup: unknown;
  readonly storage: {
    read(account: string): Promise<VaultRecord | undefined>;
    write(account: string, record: VaultRecord): Promise<void>;
    readBackup(account: string): Promise<Uint8Array | undefined>;
    writeBackup(account: string, backup: Uint8Array): Promise<void>;
  };
  readonly verifyDevice: (
    proof: Uint8Array,
    order: { readonly purpose: 'store-backup' | 'fetch-backup' | 'set-password' | 'log-in'; readonly body: Uint8Array },
  ) => Promise<{ readonly identity: string; readonly device: string }>;
  readonly verifyPasskey: () => Promise<boolean>;
}

/** A vault without a network. */
export class VaultServer {
  constructor(parts: VaultParts);
  statement(): Promise<Uint8Array>;
  startRegistration(account: string, request: string, proof: Uint8Array): Promise<VaultReply>;
  finishRegistration(account: string, run: string, record: string, proof: Uint8Array): Promise<void>;
  startLogin(
    account: string,
    request: string,
    by: { readonly proof?: Uint8Array | undefined; readonly session?: string | undefined },
  ): Promise<VaultReply>;
  finishLogin(account: string, run: string, message: string): Promise<Uint8Array>;
  storeBackup(account: string, backup: Uint8Array, proof: Uint8Array): Promise<void>;
}
