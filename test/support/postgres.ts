import { inject } from 'vitest';

/**
 * URL of a new, empty, migrated PostgreSQL database: made from a template in well under 0.1 s, on one real server for the
 * whole run (the server that GLASSKEY_TEST_POSTGRES names, else one of our own). It goes when the run ends.
 */
export async function createTestDatabase(): Promise<string> {
  const response = await fetch(`${inject('postgresBroker')}/database`, {
    method: 'POST',
    headers: { connection: 'close' },
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return answer;
}
