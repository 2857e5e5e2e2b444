import type { EmailChallengeAnswer } from './bodies.ts';
import { JsonFields } from './json-fields.ts';

const CHALLENGE = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** Reads the name of a challenge: 16 bytes in canonical base64url. Throws as `fields` does. */
export function readChallenge(fields: JsonFields): Pick<EmailChallengeAnswer, 'challenge'> {
  const challenge = fields.string('challenge', 22);
  if (!CHALLENGE.test(challenge)) throw fields.failure('challenge', 'is not the name of a challenge');
  return { challenge };
}

/** Reads a server's answer to `POST /v1/email-challenges`, already parsed from JSON. Throws `bad-response`. */
export function parseEmailChallengeAnswer(body: unknown): EmailChallengeAnswer {
  const fields = new JsonFields(body, 'bad-response', 'answer');
  return { ...readChallenge(fields), expiresInSeconds: fields.integer('expiresInSeconds') };
}
