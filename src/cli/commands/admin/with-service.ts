import { GlasskeyError, isGlasskeyError } from '../../../core/errors.ts';
import type { OpenServer } from '../../../server/open-server.ts';
import type { LogService } from '../../../service/log-service.ts';

/**
 * Runs `work` with the service of an open log, and stops it. With PostgreSQL a running server appends what `work`
 * submits; nobody else appends to an embedded database, so this process does. Throws `timed-out` if nobody appends.
 */
export async function withService<T>(
  { context, store }: Pick<OpenServer, 'context' | 'store'>,
  work: (service: LogService) => Promise<T>,
): Promise<T> {
  const { LogService } = await import('../../../service/log-service.ts');
  const sequence = store.kind === 'pglite';
  const service = new LogService(context, { sequence, acceptClockGap: true, keepRecoveries: false });
  await service.start();
  try {
    return await work(service);
  } catch (error) {
    if (sequence || !isGlasskeyError(error, 'timed-out')) throw error;
    const advice = 'no server appended it in time. Start a server, which appends what is queued, and run this again';
    throw new GlasskeyError('timed-out', advice, { cause: error });
  } finally {
    await service.stop();
  }
}
