import { DATABASE } from './storage.ts';

/** Name of the database of the key directory's memory, as `IndexedDbState` names it by default. */
const DIRECTORY_DATABASE = 'glasskey';

/**
 * Deletes everything that this device keeps: its key, its chats, and what it has seen of the log. Load the page anew
 * afterwards. Rejects with the browser's error.
 */
export async function forgetDevice(): Promise<void> {
  await Promise.all([DATABASE, DIRECTORY_DATABASE].map(deleteDatabase));
}

/** Deletes a database. Pages that have it open close it when they are told (`versionchange`). */
function deleteDatabase(name: string): Promise<void> {
  const request = indexedDB.deleteDatabase(name);
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve());
    request.addEventListener('error', () => reject(request.error ?? new Error('nothing was deleted')));
  });
}
