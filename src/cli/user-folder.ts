import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { serverBase } from '../client/transport.ts';

/** Returns the program's folder among the platform's user data. */
export function userFolder(): string {
  return join(userDataFolder(), 'glasskey');
}

function userDataFolder(): string {
  const { env, platform } = process;
  if (platform === 'win32') return env['APPDATA'] ?? join(home(), 'AppData', 'Roaming');
  if (platform === 'darwin') return join(home(), 'Library', 'Application Support');
  // The XDG specification has a path that is not absolute ignored, and an empty one counts as unset.
  const named = env['XDG_DATA_HOME'] ?? '';
  return isAbsolute(named) ? named : join(home(), '.local', 'share');
}

/** Returns the user's home; `/`, as container runtimes do, for a user whom the system does not know. */
function home(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

/** Returns the default state folder of a server: one for each URL. */
export function defaultStateFolder(server: string): string {
  const base = serverBase(server);
  const name = base.replace(/^https?:\/\//, '').replaceAll(/[^A-Za-z0-9.-]/g, '_');
  return join(userFolder(), `${name}-${createHash('sha256').update(base).digest('hex').slice(0, 8)}`);
}
