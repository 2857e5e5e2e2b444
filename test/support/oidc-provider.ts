import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';

const CLIENT = 'glasskey';
const REDIRECT = 'https://app.example/callback';

/** What a provider says of the person who logs in. */
export interface ProviderAccount {
  readonly sub: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly [claim: string]: unknown;
}

/** A real OpenID provider on loopback. */
export interface TestProvider {
  readonly issuer: string;
  readonly audience: string;
  /** How often its keys were asked for. */
  keyRequests(): number;
  /** Logs somebody in and gives the ID token, by the implicit flow of OpenID Connect Core §3.2. */
  logIn(account: ProviderAccount, nonce: string): Promise<string>;
  /** Replaces the signing key. */
  rotate(): Promise<void>;
  /** Answers nothing any more but errors, until {@link repair}. */
  breakDown(): void;
  repair(): void;
  close(): Promise<void>;
}

async function signingKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256' };
}

function configurationOf(key: JWK, current: () => ProviderAccount): Configuration {
  return {
    clients: [
      {
        client_id: CLIENT,
        redirect_uris: [REDIRECT],
        response_types: ['id_token'],
        grant_types: ['implicit'],
        token_endpoint_auth_method: 'none',
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [key] },
    responseTypes: ['id_token', 'code'],
    claims: { openid: ['sub', 'handle'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['test'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...current() }) }),
    loadExistingGrant: async (context) => {
      const { Grant } = context.oidc.provider;
      const grant = new Grant({ clientId: CLIENT, accountId: current().sub });
      grant.addOIDCScope('openid email');
      await grant.save();
      return grant;
    },
  };
}

/** Starts a provider. */
export async function startProvider(): Promise<TestProvider> {
  let account: ProviderAccount = { sub: 'nobody' };
  let isDown = false;
  let keyRequests = 0;
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/jwks') === true) keyRequests++;
    if (isDown) response.writeHead(503).end();
    else handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const rotate = async (): Promise<void> => {
    const provider = new Provider(
      issuer,
      configurationOf(await signingKey(), () => account),
    );
    const callback = provider.callback();
    handle = (request, response) => {
      if (request.url?.startsWith('/interaction/') !== true) return void callback(request, response);
      void provider.interactionFinished(request, response, { login: { accountId: account.sub } });
    };
  };
  await rotate();
  return {
    issuer,
    audience: CLIENT,
    keyRequests: () => keyRequests,
    rotate,
    logIn: (who, nonce) => {
      account = who;
      return followLogin(issuer, nonce);
    },
    breakDown: () => (isDown = true),
    repair: () => (isDown = false),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Follows the redirects of a login as a browser would, with its cookies. */
async function followLogin(issuer: string, nonce: string): Promise<string> {
  const query = { client_id: CLIENT, response_type: 'id_token', scope: 'openid email', redirect_uri: REDIRECT, nonce };
  const cookies = new Map<string, string>();
  let url = `${issuer}/auth?${new URLSearchParams(query).toString()}`;
  for (let step = 0; step < 8; step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`);
    if (location.startsWith(REDIRECT)) {
      const token = new URLSearchParams(new URL(location).hash.slice(1)).get('id_token');
      if (token === null) throw new Error(`no token: ${location}`);
      return token;
    }
    url = new URL(location, issuer).href;
  }
  throw new Error('too many redirects');
}
