// A small vault: keeps the newest backups of accounts, and helps their owners to stretch a password (OPAQUE).
// It sees neither passwords nor what is in a backup. Whoever runs it can guess passwords offline.
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { DEFAULT_LIMITS, returnGuess, takeGuess, VaultRefusal } from './guess-limits.mjs';

const RUN_MS = 120_000;
const UNKNOWN_SLOTS = 4_096;
const MAX_PASSKEYS = 8;
/** Backups that one may be ahead of the last: a stolen device must not use up all numbers that there are. */
const MAX_LEAP = 2 ** 20;
const NOTHING = new Uint8Array();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const newAccount = () => ({ guesses: {}, passkeys: [] });

export class VaultServer {
  #parts;
  #runKey = randomBytes(32);
  #turns = new Map();
  #unknown = new Map();
  /** Logins that ended, by id, until they are too old anyhow. */
  #ended = new Map();

  /**
   * `identity` is the vault's name, `statement` its signed statement, `opaque` the library with `serverSetup`.
   * `verifyDevice(proof, { purpose, body })` returns `{ identity, device }` of a device that signed, or rejects.
   * `verifyPasskey(passkeys, assertion, challenge)` resolves to true or false. `readBackup` is that of the client.
   * `storage` has `read(account)`, which gives undefined for an unknown one, and `write(account, record)`, and for the
   * bytes of the newest backup `readBackup(account)` and `writeBackup(account, backup)`.
   */
  constructor(parts) {
    this.#parts = { limits: DEFAULT_LIMITS, now: Date.now, ...parts };
  }

  async statement() {
    return this.#parts.statement;
  }

  /** Only a device may begin: whoever evaluates passwords here could guess without being counted. */
  async startRegistration(account, request, proof) {
    await this.#device(account, proof, 'set-password', request);
    const { opaque, serverSetup } = this.#parts;
    // A new id is a new key of the OPRF: what it evaluates says nothing about the password before.
    const id = randomBytes(16).toString('hex');
    const order = { serverSetup, userIdentifier: id, registrationRequest: request };
    const { registrationResponse } = readable(() => opaque.server.createRegistrationResponse(order));
    return { reply: registrationResponse, run: this.#seal({ kind: 'registration', account, of: id }) };
  }

  async finishRegistration(account, run, record, proof) {
    await this.#device(account, proof, 'set-password', record);
    if (!/^[\w-]{1,1024}$/.test(record)) throw new VaultRefusal('malformed-encoding', 'not a record of OPAQUE');
    const { of: id } = this.#open(run, 'registration', account);
    await this.#change(account, (old = newAccount()) => ({ ...old, password: { id, record } }));
  }

  /** Counts the guess before it answers: the answer alone shows whether a password is right. */
  async startLogin(account, request, { proof, session } = {}) {
    const door = await this.#door(account, request, proof, session);
    const { opaque, serverSetup, identity } = this.#parts;
    const { password } = await this.#count(account, door);
    const { loginResponse, serverLoginState } = readable(() =>
      opaque.server.startLogin({
        serverSetup,
        userIdentifier: password?.id ?? this.#mac(account).toString('hex'),
        registrationRecord: password?.record,
        startLoginRequest: request,
        identifiers: { client: account, server: identity },
      }),
    );
    return {
      reply: loginResponse,
      run: this.#seal({ kind: 'login', account, door, state: serverLoginState, of: password?.id }),
    };
  }

  /** Ends a login once, and only for the password that it began with: each gives one guess back. */
  async finishLogin(account, run, message) {
    const { id, of, door, state, untilMs } = this.#open(run, 'login', account);
    const { opaque, identity } = this.#parts;
    const order = { finishLoginRequest: message, serverLoginState: state };
    try {
      opaque.server.finishLogin({ ...order, identifiers: { client: account, server: identity } });
    } catch {
      throw new VaultRefusal('unauthenticated', 'the password is wrong');
    }
    await this.#change(account, (old) => {
      if (old.password?.id !== of) throw new VaultRefusal('unauthenticated', 'the password has changed: begin again');
      this.#end(id, untilMs);
      return { ...old, guesses: returnGuess(old.guesses, door) };
    });
    return this.#newest(account);
  }

  #end(id, untilMs) {
    if (this.#ended.has(id)) throw new VaultRefusal('unauthenticated', 'begin again: this login has ended');
    for (const [other, otherUntilMs] of this.#ended) if (otherUntilMs <= this.#parts.now()) this.#ended.delete(other);
    this.#ended.set(id, untilMs);
  }

  /** Takes a backup of a device, if it is newer than the one that is there. */
  async storeBackup(account, backup, proof) {
    await this.#device(account, proof, 'store-backup', backup);
    const { header } = this.#parts.readBackup(backup);
    if (header.identity !== account) throw new VaultRefusal('malformed-encoding', 'the backup is of another name');
    await this.#change(account, async (old = newAccount()) => {
      const { sequence = 0 } = old;
      if (header.sequence <= sequence || header.sequence > sequence + MAX_LEAP) {
        throw new VaultRefusal('version-conflict', `backup ${sequence} is here: fetch it, and count on from there`);
      }
      await this.#parts.storage.writeBackup(account, backup);
      return { ...old, sequence: header.sequence };
    });
  }

  /** For a device, the holder of the recovery code, or of a passkey. No guesses of strangers keep them out. */
  async fetchBackup(account, { proof, ticket, passkey }) {
    if (proof !== undefined) await this.#device(account, proof, 'fetch-backup', NOTHING);
    const record = await this.#parts.storage.read(account);
    const isAllowed =
      proof !== undefined ||
      (ticket !== undefined && isTicket(record, ticket)) ||
      (passkey !== undefined && (await this.#isPasskey(account, record, passkey)));
    if (!isAllowed) throw new VaultRefusal('unauthenticated', 'nothing shows that this account is yours');
    return this.#newest(account);
  }

  async setTicket(account, ticketSha256, proof) {
    await this.#device(account, proof, 'set-ticket', ticketSha256);
    await this.#change(account, (old = newAccount()) => ({
      ...old,
      ticketSha256: Buffer.from(ticketSha256).toString('hex'),
    }));
  }

  /** `passkey` is the text of what `verifyPasskey` will need. */
  async addPasskey(account, passkey, proof) {
    await this.#device(account, proof, 'set-passkey', passkey);
    await this.#change(account, (old = newAccount()) => {
      if (old.passkeys.length >= MAX_PASSKEYS) throw new VaultRefusal('version-conflict', 'too many passkeys');
      return { ...old, passkeys: [...old.passkeys, passkey] };
    });
  }

  /** A challenge for a passkey, base64url. */
  startPasskey(account) {
    const challenge = randomBytes(32).toString('base64url');
    return { challenge, run: this.#seal({ kind: 'passkey', account, challenge }) };
  }

  async #newest(account) {
    const backup = await this.#parts.storage.readBackup(account);
    if (backup === undefined) throw new VaultRefusal('not-found', 'there is no backup of this account');
    return backup;
  }

  async #isPasskey(account, record, { run, assertion }) {
    const { challenge } = this.#open(run, 'passkey', account);
    return this.#parts.verifyPasskey(record?.passkeys ?? [], assertion, challenge);
  }

  async #device(account, proof, purpose, body) {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const { identity, device } = await this.#parts.verifyDevice(proof, { purpose, body: bytes });
    if (identity !== account) throw new VaultRefusal('forbidden', 'this device is of another name');
    return device;
  }

  /** `session` names a session of the application that is logged in as this account: the caller has checked it. */
  async #door(account, request, proof, session) {
    if (proof !== undefined) return { kind: 'device', id: await this.#device(account, proof, 'log-in', request) };
    return session === undefined ? { kind: 'stranger' } : { kind: 'session', id: session };
  }

  /** Counts a guess, and returns the account. Unknown accounts share counters, so that none is made for each name. */
  async #count(account, door) {
    const { limits, now, storage } = this.#parts;
    if ((await storage.read(account)) === undefined) {
      const slot = this.#mac(account).readUInt16BE() % UNKNOWN_SLOTS;
      this.#unknown.set(slot, takeGuess(this.#unknown.get(slot) ?? {}, { kind: 'stranger' }, limits, now()));
      return {};
    }
    return this.#change(account, (old) => ({ ...old, guesses: takeGuess(old.guesses, door, limits, now()) }));
  }

  /** Changes a record, one change of an account after the other. */
  #change(account, change) {
    const { storage } = this.#parts;
    const turn = (this.#turns.get(account) ?? Promise.resolve()).then(async () => {
      const next = await change(await storage.read(account));
      await storage.write(account, next);
      return next;
    });
    const settled = turn
      .catch(() => undefined)
      .then(() => this.#turns.get(account) === settled && this.#turns.delete(account));
    this.#turns.set(account, settled);
    return turn;
  }

  #mac(text) {
    return createHmac('sha256', this.#parts.serverSetup).update(text).digest();
  }

  /** Hands the state of a run to its caller, sealed: strangers cannot fill the vault's memory. */
  #seal(run) {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#runKey, nonce);
    const text = JSON.stringify({ ...run, id: randomBytes(16).toString('hex'), untilMs: this.#parts.now() + RUN_MS });
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return Buffer.concat([nonce, sealed]).toString('base64url');
  }

  #open(sealed, kind, account) {
    const run = readable(() => {
      const bytes = Buffer.from(textOf(sealed), 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', this.#runKey, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAuthTag(bytes.subarray(-16));
      return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8'));
    });
    const isThis = run.kind === kind && run.account === account && run.untilMs > this.#parts.now();
    if (!isThis) throw new VaultRefusal('unauthenticated', 'begin again: this run is another one, or too old');
    return run;
  }
}

/** A buffer of anything but a text may have any length: `{ "length": 4e9 }` is enough to ask for one. */
function textOf(value) {
  if (typeof value !== 'string') throw new TypeError('not a text');
  return value;
}

function readable(read) {
  try {
    return read();
  } catch {
    throw new VaultRefusal('malformed-encoding', 'a message that cannot be read');
  }
}

function isTicket(record, ticket) {
  const expected = record?.ticketSha256;
  return expected !== undefined && timingSafeEqual(sha256(ticket), Buffer.from(expected, 'hex'));
}
