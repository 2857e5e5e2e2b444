// The messenger's backend. It knows who is logged in. It alone has the application token.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { GLASSKEY_SERVER = 'http://127.0.0.1:8080', TOKEN_FILE = 'certs-dev/registration.token' } = process.env;

async function post(path, body) {
  const response = await fetch(GLASSKEY_SERVER + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${readFileSync(TOKEN_FILE, 'utf8').trim()}` },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.code}: ${answer.detail ?? answer.title}`);
  return answer;
}

/** For a logged-in user whose name has no keys yet: lets the device register this one key itself. */
export async function grantFor(identity, spki) {
  const key = createHash('sha256').update(spki).digest('base64');
  return (await post('/v1/registration-grants', { identity, key })).grant;
}

/** For a user who lost every device, once you have proved again who it is. It waits, and everybody sees it. */
export const recover = (identity, csr) => post('/v1/recoveries', { identity, csr });

/** For a closed account (`cessationOfOperation`), and for phones in other hands (`keyCompromise`). */
export const revokeAll = (identity, reason) => post('/v1/revocations', { identity, all: true, reason });
