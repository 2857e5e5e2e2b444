import { parentPort, workerData } from 'node:worker_threads';
import { type UpdatesJob, verifyUpdates } from '../../client/audit/verify-updates.ts';
import { serveJobs } from '../../service/threads/job-thread.ts';
import { useNativeCrypto } from '../../native/native-crypto.ts';
import { type AuditSource, openSource } from './audit-source.ts';
import { UPDATES_AHEAD } from './audit-threads.ts';

// The entry of the threads that `audit-threads.ts` starts.
if (parentPort !== null) {
  useNativeCrypto();
  const files = openSource(workerData as AuditSource);
  serveJobs(parentPort, (job: UpdatesJob) => verifyUpdates(files, job, UPDATES_AHEAD));
}
