import { MAX_ACME_BODY_BYTES } from '../../contract/acme-messages.ts';
import {
  JOSE_MEDIA_TYPE,
  JSON_MEDIA_TYPE,
  MAIL_MEDIA_TYPE,
  PEM_MEDIA_TYPE,
  PROBLEM_MEDIA_TYPE,
} from '../../contract/media-types.ts';
import { ACME_PREFIX, PATHS } from '../../contract/paths.ts';
import { MAX_REPLY_BYTES } from '../../service/acme/reply-mail.ts';
import type { Schema } from './schema.ts';

const PROBLEM = { description: 'A failure (RFC 8555 §6.7)', content: { [PROBLEM_MEDIA_TYPE]: { schema: {} } } };
const problems = { '4XX': PROBLEM, '5XX': PROBLEM };
const ID = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'As in the URLs that the server gives: 22 characters of base64url',
};

/** A request of an ACME client: a signed message. */
function post(summary: string, status = 200, contentType = JSON_MEDIA_TYPE): Schema {
  const description = `Flattened JWS (RFC 8555 §6.2) of at most ${MAX_ACME_BODY_BYTES} bytes`;
  return {
    post: {
      summary: `ACME: ${summary}`,
      requestBody: { required: true, description, content: { [JOSE_MEDIA_TYPE]: { schema: { type: 'object' } } } },
      responses: { [status]: { description: summary, content: { [contentType]: { schema: {} } } }, ...problems },
    },
  };
}

function ofId(summary: string, contentType?: string): Schema {
  const { post: operation } = post(summary, 200, contentType) as { post: Schema };
  return { post: { ...operation, parameters: [ID] } };
}

function get(summary: string, status: number): Schema {
  const content = status === 204 ? {} : { content: { [JSON_MEDIA_TYPE]: { schema: { type: 'object' } } } };
  return {
    get: { summary: `ACME: ${summary}`, responses: { [status]: { description: summary, ...content }, ...problems } },
  };
}

/** A reply to a challenge, from the operator's mail server. */
const MAIL: Schema = {
  post: {
    summary:
      'ACME: a reply to a challenge (RFC 8823 §3.2), by the operator’s mail server with its secret as a bearer token',
    requestBody: {
      required: true,
      description: `A mail of at most ${MAX_REPLY_BYTES} bytes`,
      content: { [MAIL_MEDIA_TYPE]: { schema: { type: 'string' } } },
    },
    responses: { 204: { description: 'The order is ready' }, ...problems },
  },
};

/** The paths of ACME (RFC 8555 §7). While it is off, they are not found. */
export const ACME_OPERATIONS: Readonly<Record<string, Schema>> = {
  [PATHS.acmeDirectory]: get('the directory (RFC 8555 §7.1.1)', 200),
  [PATHS.acmeNewNonce]: get('a nonce in the header Replay-Nonce (§7.2); 200 for HEAD', 204),
  [PATHS.acmeNewAccount]: post('open an account (§7.3); 200 if the key has one', 201),
  [PATHS.acmeNewOrder]: post('order a certificate (§7.4)', 201),
  [PATHS.acmeRevokeCertificate]: post('revoke a certificate (§7.6)'),
  [PATHS.acmeKeyChange]: post('give an account another key (§7.3.5)'),
  [`${ACME_PREFIX}account/{id}`]: ofId('an account; deactivate it (§7.3)'),
  [`${ACME_PREFIX}account/{id}/orders`]: ofId('the orders of an account (§7.1.2.1)'),
  [`${ACME_PREFIX}order/{id}`]: ofId('an order (§7.1.3)'),
  [`${ACME_PREFIX}order/{id}/finalize`]: ofId('finalize an order by a PKCS#10 request (§7.4)'),
  [`${ACME_PREFIX}authz/{id}`]: ofId('the authorization of an order; deactivate it (§7.5)'),
  [`${ACME_PREFIX}chall/{id}`]: ofId(
    'a challenge by mail (RFC 8823 §3) or to a device (draft-ietf-acme-device-attest)',
  ),
  [PATHS.acmeMail]: MAIL,
  [`${ACME_PREFIX}cert/{id}`]: ofId('a certificate and its issuing CA (§7.4.2)', PEM_MEDIA_TYPE),
};
