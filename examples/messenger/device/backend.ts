import type { CommitOrder, DirectKind, InboxEvent, RefusalBody } from '../shared/protocol.ts';
import { toBase64 } from './bytes.ts';

/** Time for an answer, ms. */
const TIMEOUT_MS = 30_000;

/** The backend said no, or could not be reached (`offline`). Its message is for the user. */
export class BackendError extends Error {
  readonly code: string;

  constructor({ code, message }: RefusalBody) {
    super(message);
    this.name = 'BackendError';
    this.code = code;
  }
}

/** KeyPackages to upload. */
export interface NewKeyPackages {
  readonly device: string;
  readonly once: readonly Uint8Array[];
  readonly lastResort?: Uint8Array | undefined;
  /** True to forget those from before. */
  readonly replaces: boolean;
}

/** The requests of a device to the messenger's backend. The session is in a cookie that no script sees. */
export class Backend {
  signUp = (name: string, password: string): Promise<unknown> => post('/accounts', { name, password });
  logIn = (name: string, password: string): Promise<unknown> => post('/session', { name, password });
  logOut = (): Promise<unknown> => post('/logout', {});

  /** Returns who is logged in; undefined if nobody is. */
  async session(): Promise<string | undefined> {
    try {
      return (await call<{ account: string }>('GET', '/session')).account;
    } catch (error) {
      if (error instanceof BackendError && error.code === 'not-logged-in') return undefined;
      throw error;
    }
  }

  /** Returns a grant for one key and the name of whoever is logged in. */
  async grant(keyHash: Uint8Array): Promise<string> {
    return (await post<{ grant: string }>('/grants', { keyHash: toBase64(keyHash) })).grant;
  }

  addDevice = (spki: Uint8Array, signature: Uint8Array): Promise<unknown> =>
    post('/devices', { spki: toBase64(spki), signature: toBase64(signature) });

  addKeyPackages = ({ device, once, lastResort, replaces }: NewKeyPackages): Promise<unknown> =>
    post('/key-packages', {
      device,
      once: once.map(toBase64),
      ...(lastResort === undefined ? {} : { lastResort: toBase64(lastResort) }),
      replaces,
    });

  /** Returns how many KeyPackages of this device are left. */
  async keyPackagesLeft(device: string): Promise<number> {
    return (await call<{ left: number }>('GET', `/key-packages/${device}`)).left;
  }

  /** Takes a KeyPackage of a device: base64. */
  async takeKeyPackage(device: string): Promise<string> {
    return (await post<{ keyPackage: string }>('/key-packages/take', { device })).keyPackage;
  }

  createGroup = (group: string, device: string): Promise<unknown> => post('/groups', { group, device });
  commit = (group: string, order: CommitOrder): Promise<unknown> => post(`/groups/${group}/commits`, order);
  message = (group: string, device: string, body: Uint8Array): Promise<unknown> =>
    post(`/groups/${group}/messages`, { device, body: toBase64(body) });
  direct = (device: string, to: string, kind: DirectKind, body: Uint8Array): Promise<unknown> =>
    post('/direct', { device, to, kind, body: toBase64(body) });
  acknowledge = (device: string, position: number): Promise<unknown> =>
    post('/inbox/acknowledge', { device, position });

  /** Listens to an inbox. `receive` gets each event once, in order. Returns the function that ends it. */
  listen(device: string, after: number, receive: (event: InboxEvent) => void): () => void {
    let position = after;
    let source: EventSource | undefined;
    let timer = 0;
    const connect = (): void => {
      source = new EventSource(`/api/inbox/${device}?after=${position}`);
      source.addEventListener('message', ({ data }) => {
        const event = JSON.parse(String(data)) as InboxEvent;
        if (event.position <= position) return;
        ({ position } = event);
        receive(event);
      });
      // A new source asks behind the newest position; the browser would ask behind the first.
      source.addEventListener('error', () => {
        source?.close();
        timer = window.setTimeout(connect, 1_000);
      });
    };
    connect();
    return () => {
      window.clearTimeout(timer);
      source?.close();
    };
  }
}

const post = <T>(path: string, body: unknown): Promise<T> => call('POST', path, body);

async function call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const more = body === undefined ? {} : { headers, body: JSON.stringify(body) };
  return (await requestBackend(path, { method, ...more })).json() as Promise<T>;
}

/** Sends a request to the backend. Throws a {@link BackendError} if it says no, or does not answer. */
export async function requestBackend(path: string, init: RequestInit): Promise<Response> {
  const offline = { code: 'offline', message: 'The messenger cannot be reached. Try again.' };
  const response = await fetch(`/api${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => {
    throw new BackendError(offline);
  });
  if (!response.ok) throw new BackendError((await response.json().catch(() => offline)) as RefusalBody);
  return response;
}
