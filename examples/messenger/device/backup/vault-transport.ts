import type { VaultReply, VaultTransport } from 'glasskey/backup';
import { requestBackend } from '../backend.ts';
import { toBase64 } from '../bytes.ts';

/** The way to the vault: through the messenger's backend, in the user's session. The account is that of the session. */
export class BackendVault implements VaultTransport {
  statement = (): Promise<Uint8Array> => bytesOf(requestBackend('/vault/statement', { method: 'GET' }));

  startRegistration = (_account: string, request: string, proof: Uint8Array): Promise<VaultReply> =>
    post('/vault/registration/start', { request, proof: toBase64(proof) });

  async finishRegistration(_account: string, run: string, record: string, proof: Uint8Array): Promise<void> {
    await post('/vault/registration/finish', { run, message: record, proof: toBase64(proof) });
  }

  startLogin = (_account: string, request: string, proof: Uint8Array | undefined): Promise<VaultReply> =>
    post('/vault/login/start', { request, ...(proof === undefined ? {} : { proof: toBase64(proof) }) });

  finishLogin = (_account: string, run: string, message: string): Promise<Uint8Array> =>
    bytesOf(requestBackend('/vault/login/finish', json({ run, message })));

  /** Hands a backup to the vault. A device signs for it. */
  async store(backup: Uint8Array, proof: Uint8Array): Promise<void> {
    const headers = { 'x-proof': toBase64(proof), 'content-type': 'application/octet-stream' };
    await requestBackend('/vault/store', { method: 'POST', headers, body: new Uint8Array(backup) });
  }
}

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const post = async (path: string, body: unknown): Promise<VaultReply> =>
  (await requestBackend(path, json(body))).json() as Promise<VaultReply>;

const bytesOf = async (response: Promise<Response>): Promise<Uint8Array> =>
  new Uint8Array(await (await response).arrayBuffer());
