import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { parseCertificate } from '../../src/ca/certificate.ts';
import type { SignedChange } from '../../src/identity/change-request.ts';
import { identityTemplate, type IdentityTemplate } from '../../src/service/evidence/oidc/identity-template.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { DEFAULT_SUBJECT, DEFAULT_TEXT } from '../../src/service/evidence/email/email-settings.ts';
import { DEFAULT_OIDC_ALGORITHMS } from '../../src/service/evidence/oidc/oidc-settings.ts';
import type { OwnEvidence } from '../../src/service/issuance/requests.ts';
import { LogService } from '../../src/service/log-service.ts';
import { openLog } from '../../src/service/log/open-log.ts';
import { createToken, revokeToken } from '../../src/service/log/tokens.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { csrFor, type DeviceKey, newDeviceKey, provedVersion, type SeenVersion, signChange } from '../support/owner.ts';
import { createTestLog, type TestLog } from '../support/test-log.ts';

export const KINDS = ['application', 'oidc', 'email', 'change', 'key'] as const;
export const OPERATIONS = ['register', 'add', 'rotate', 'renew', 'revoke', 'recover'] as const;
export const PERSONS = ['owner', 'stranger', 'former owner', 'other identity', 'expired', 'replayed'] as const;
export type Kind = (typeof KINDS)[number];
export type Operation = (typeof OPERATIONS)[number];
export type Person = (typeof PERSONS)[number];

const ISSUER = 'https://login.example';
const CODE_LIFETIME_MS = 60_000;

/** What comes with a request. */
interface Shown {
  readonly token?: string | undefined;
  readonly evidence?: OwnEvidence | undefined;
  readonly change?: SignedChange | undefined;
}

/** One cell of the matrix while it is tried: a name, its keys, and what was seen of it. */
interface Cell {
  readonly kind: Kind;
  readonly operation: Operation;
  readonly person: Person;
  readonly name: string;
  readonly current: DeviceKey | undefined;
  readonly old: DeviceKey;
  readonly seen: SeenVersion;
  /** The key for which a certificate is asked. */
  readonly subject: DeviceKey;
}

/** Makes an ID token: of the provider, or of a stranger who says to be it. */
type SignClaims = (claims: Record<string, unknown>, byStranger: boolean) => Promise<string>;

/** A server that takes every kind of evidence for names of one domain, and everybody who would like to have one. */
export class EvidenceWorld {
  readonly #log: TestLog;
  readonly #strict: LogService;
  readonly #mail: TestMailServer;
  readonly #sign: SignClaims;
  #names = 0;

  private constructor(log: TestLog, strict: LogService, mail: TestMailServer, sign: SignClaims) {
    this.#log = log;
    this.#strict = strict;
    this.#mail = mail;
    this.#sign = sign;
  }

  static async open(): Promise<EvidenceWorld> {
    const mail = await startMailServer();
    const log = await createTestLog();
    const [provider, stranger] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
    const jwk = await exportJWK(provider.publicKey);
    const documents = new Map<string, unknown>([
      [`${ISSUER}/.well-known/openid-configuration`, { issuer: ISSUER, jwks_uri: `${ISSUER}/keys` }],
      [`${ISSUER}/keys`, { keys: [{ ...jwk, kid: '1' }] }],
    ]);
    const context = await openLog({
      ...log.options,
      fetch: (url) => Promise.resolve(Response.json(documents.get(url))),
      evidence: {
        ...DEFAULT_EVIDENCE,
        policy: [
          { identities: 'email', domains: ['example.com'], evidence: ['application', 'email', `oidc:${ISSUER}`] },
        ],
        oidc: [
          {
            issuer: ISSUER,
            audiences: ['glasskey'],
            identity: identityTemplate('{email}') as IdentityTemplate,
            algorithms: DEFAULT_OIDC_ALGORITHMS,
            clockSkewMs: 1_000,
            maxAgeMs: 60_000,
            jwksUri: undefined,
          },
        ],
        email: {
          smtp: { host: '127.0.0.1', port: mail.port, tls: false, user: undefined, password: undefined },
          from: 'keys@example.com',
          subject: DEFAULT_SUBJECT,
          text: DEFAULT_TEXT,
          codeLifetimeMs: CODE_LIFETIME_MS,
          attempts: 5,
          codesPerIdentity: 100,
        },
      },
    });
    const strict = new LogService(context, { sequence: false });
    await strict.start();
    const sign = (claims: Record<string, unknown>, byStranger: boolean) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: '1' })
        .sign((byStranger ? stranger : provider).privateKey);
    return new EvidenceWorld(log, strict, mail, sign);
  }

  async close(): Promise<void> {
    await this.#strict.stop();
    await this.#log.close();
    await this.#mail.close();
  }

  /** Tries one cell: `yes`, `it waits` for a recovery that is pending, `owner’s key` where what is given is of no use to who asks, a code, or `–` where there is no such person. */
  async attempt(kind: Kind, operation: Operation, person: Person): Promise<string> {
    if (isNobody(kind, operation, person)) return '–';
    const cell = await this.#prepare(kind, operation, person);
    if (operation === 'revoke') return this.#revoke(cell);
    if (operation === 'recover') return this.#recover(cell);
    // Who replays a renewal has the owner's own request, which was answered.
    const isReplay = person === 'replayed' && operation === 'renew' && kind !== 'change';
    const csr = await csrFor(cell.subject, cell.name);
    const request = { identity: cell.name, csr, last: undefined };
    const shown = await this.#shown(cell);
    const order = { token: undefined, change: undefined, ...request, ...shown };
    if (isReplay) await this.#strict.issue(order);
    return outcome(async () => {
      const { certificate } = await this.#strict.issue(order);
      return sameBytes(parseCertificate(certificate).spki, cell.subject.spki) && !isReplay ? 'yes' : 'owner’s key';
    });
  }

  #recover(cell: Cell): Promise<string> {
    return outcome(async () => {
      const { token, evidence } = await this.#shown(cell);
      const csr = await csrFor(cell.subject, cell.name);
      const { state } = await this.#strict.recover({ identity: cell.name, csr, last: undefined, token, evidence });
      return state === 'pending' ? 'it waits' : state;
    });
  }

  #revoke(cell: Cell): Promise<string> {
    const request = { identity: cell.name, serials: 'all', reason: 1, last: undefined } as const;
    return outcome(async () => {
      const { token, change } = await this.#shown(cell);
      await this.#strict.revoke({ ...request, token, change });
      return 'yes';
    });
  }

  async #prepare(kind: Kind, operation: Operation, person: Person): Promise<Cell> {
    // An application vouches for names of one domain: the other identity is of another one.
    const host = kind === 'application' && person === 'other identity' ? 'elsewhere.example' : 'example.com';
    const name = `name${this.#names++}@${host}`;
    // ECDSA signs at random: no two requests of one key are the same request again.
    const [old, fresh] = [await newDeviceKey('p256'), await newDeviceKey('p256')];
    const common = { kind, operation, person, name, old };
    const nothing = { version: -1, commitment: new Uint8Array(32), record: undefined as never };
    if (operation === 'register') return { ...common, current: undefined, seen: nothing, subject: fresh };
    let [current, seen] = [old, await this.#register(name, old)];
    if (person === 'former owner') {
      current = await newDeviceKey('p256');
      const change = await signChange(name, seen, old, [current.spkiSha256]);
      seen = await this.#issue(name, current, { change });
    }
    const isOther = person === 'stranger' || (person === 'other identity' && kind === 'key');
    const isOwners = operation === 'renew' && !isOther;
    const subject = person === 'former owner' ? old : isOwners ? current : fresh;
    return { ...common, current, seen, subject };
  }

  #register(name: string, key: DeviceKey): Promise<SeenVersion> {
    return this.#issue(name, key, { token: this.#log.token });
  }

  /** Asks the server that takes an application's word for everybody. */
  async #issue(name: string, key: DeviceKey, shown: Shown): Promise<SeenVersion> {
    const csr = await csrFor(key, name);
    const order = { identity: name, csr, token: undefined, change: undefined, last: undefined, ...shown };
    return provedVersion(name, await this.#log.service.issue(order), this.#log);
  }

  #shown(cell: Cell): Promise<Shown> {
    switch (cell.kind) {
      case 'application':
        return this.#token(cell.person);
      case 'oidc':
        return this.#idToken(cell);
      case 'email':
        return this.#code(cell);
      case 'change':
        return this.#change(cell);
      case 'key':
        return Promise.resolve({});
    }
  }

  async #token(person: Person): Promise<Shown> {
    const { context, token } = this.#log;
    if (person === 'stranger') return { token: `gkt_${'A'.repeat(43)}` };
    if (person !== 'expired') return { token };
    const made = await createToken(context, 'to be revoked');
    await revokeToken(context, made.info.id);
    return { token: made.token };
  }

  async #idToken({ person, name, subject, operation }: Cell): Promise<Shown> {
    const nowS = Math.floor(this.#log.clock.nowMs / 1000) - (person === 'expired' ? 3_600 : 0);
    // Whoever replays has a token that was made for the owner's key.
    const isCaptured = person === 'replayed' && operation !== 'renew';
    const key = isCaptured ? await newDeviceKey() : subject;
    const email = person === 'other identity' ? 'other@example.com' : name;
    const claims = { iss: ISSUER, aud: 'glasskey', sub: email, email, email_verified: true };
    const nonce = Buffer.from(sha256(key.spki)).toString('base64url');
    const times = { iat: nowS, exp: nowS + 300 };
    const token = await this.#sign({ ...claims, ...times, nonce }, person === 'stranger');
    return { evidence: { type: 'oidc', token } };
  }

  async #code({ person, name, subject, operation }: Cell): Promise<Shown> {
    if (operation === 'revoke') return {};
    const isCaptured = person === 'replayed' && operation !== 'renew';
    const key = isCaptured ? await newDeviceKey() : subject;
    const identity = person === 'other identity' ? 'other@example.com' : name;
    const { challengeId } = await this.#strict.challengeEmail({ identity, csr: await csrFor(key, identity) });
    const code = person === 'stranger' ? 'AAAA-AAAA-AAAA-AAAA' : this.#mail.lastCode();
    if (person === 'expired') this.#log.clock.advance(CODE_LIFETIME_MS);
    return { evidence: { type: 'email', challengeId, code } };
  }

  /** A change of the keys that would remain, signed by whom the cell is about. */
  async #change({ person, name, operation, current, old, seen, subject }: Cell): Promise<Shown> {
    const kept = current === undefined || operation === 'rotate' ? [] : [current];
    const after = operation === 'revoke' ? [] : [...new Set([...kept, subject])];
    const owner = current ?? subject;
    const signers: Partial<Record<Person, () => Promise<DeviceKey>>> = {
      stranger: () => newDeviceKey(),
      'former owner': () => Promise.resolve(old),
      'other identity': async () => {
        const key = await newDeviceKey();
        await this.#register(`other${this.#names++}@example.com`, key);
        return key;
      },
    };
    const signer = await (signers[person]?.() ?? Promise.resolve(owner));
    const hashes = after.map(({ spkiSha256 }) => spkiSha256);
    if (person === 'replayed') return { change: await this.#madeChange(name, seen, owner) };
    const change = await signChange(name, seen, signer, hashes);
    // What the owner signed before something else was done is for a version that is there already.
    if (person === 'expired' && current !== undefined) await this.#madeChange(name, seen, owner);
    return { change };
  }

  /** A change that the owner has made: another key was added. */
  async #madeChange(name: string, seen: SeenVersion, owner: DeviceKey): Promise<SignedChange> {
    const added = await newDeviceKey();
    const change = await signChange(name, seen, owner, [owner.spkiSha256, added.spkiSha256]);
    if (seen.version >= 0) await this.#issue(name, added, { change });
    return change;
  }
}

/** Whether there is no such person: nobody owned what is not registered, and a key has no end. */
function isNobody(kind: Kind, operation: Operation, person: Person): boolean {
  if (person === 'former owner') return operation === 'register' || kind === 'application';
  return kind === 'key' && person === 'expired';
}

async function outcome(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return error.code;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
