import type { Sql } from 'postgres';
import { connectSession, type PostgresLimits } from './postgres-pool.ts';
import { CHANNEL } from './sql-driver.ts';
import { toStorageError } from './sql-error.ts';

/** Options of {@link listen}. */
export interface ListenOptions {
  readonly url: string;
  readonly limits: PostgresLimits;
  readonly onPayload: (payload: string) => void;
  /** Called after each reconnection: notifications from before it are lost. */
  readonly onGap: () => void;
}

const RETRY_MS = 500;

/**
 * Listens on its own connection, and reconnects whenever that breaks, without a limit of time. Throws `storage-failed`
 * if the first attempt fails.
 */
export async function listenPostgres(options: ListenOptions): Promise<{ stop(): Promise<void> }> {
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;
  let current: Sql | undefined;

  const open = async (): Promise<void> => {
    let listening = false;
    const session = connectSession(options.url, options.limits, {
      idle_timeout: 0,
      onclose: () => {
        if (listening) reopenLater(session);
      },
      onnotify: (channel: string, payload: string) => {
        if (channel === CHANNEL) options.onPayload(payload);
      },
    } as Parameters<typeof connectSession>[2]);
    current = session;
    try {
      await session.unsafe(`listen ${CHANNEL}`);
      listening = true;
    } catch (error) {
      await session.end({ timeout: 0 });
      throw toStorageError(error);
    }
  };

  const reopenLater = (broken: Sql | undefined): void => {
    broken?.end({ timeout: 0 }).catch(() => {});
    if (stopped || retry !== undefined) return;
    retry = setTimeout(() => {
      retry = undefined;
      open().then(
        () => (stopped ? current?.end({ timeout: 0 }) : options.onGap()),
        () => reopenLater(undefined),
      );
    }, RETRY_MS);
  };

  await open();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(retry);
      await current?.end({ timeout: 0 });
    },
  };
}
