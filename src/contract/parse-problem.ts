import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';
import { JsonFields } from './json-fields.ts';

/** A server's problem as a client understands it. The text is the server's: show it as such, escaped. */
export interface ReceivedProblem {
  readonly status: number;
  /** undefined where the code is missing, or one that this version does not know. */
  readonly code: ErrorCode | undefined;
  readonly detail: string | undefined;
}

/** Reads untrusted problem details (RFC 9457), as JSON.parse gave them. Throws `bad-response` for what is no object. */
export function parseProblem(body: unknown, status: number): ReceivedProblem {
  const fields = new JsonFields(body, 'bad-response', 'problem');
  const code = optionalString(fields, 'code', 64);
  const known = code !== undefined && Object.hasOwn(ERROR_CODES, code);
  return { status, code: known ? (code as ErrorCode) : undefined, detail: optionalString(fields, 'detail', 4096) };
}

function optionalString(fields: JsonFields, name: string, maximum: number): string | undefined {
  try {
    return fields.string(name, maximum);
  } catch {
    return undefined;
  }
}
