import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';
import { JsonFields } from './json-fields.ts';

/**
 * A server's problem as a client understands it. The server wrote the text: attribute it to the server, and escape it.
 */
export interface ReceivedProblem {
  readonly status: number;
  /** undefined if the code is missing or unknown to this version. */
  readonly code: ErrorCode | undefined;
  readonly detail: string | undefined;
}

/**
 * Reads untrusted problem details (RFC 9457), already parsed from JSON. Throws `bad-response` if they are not an
 * object.
 */
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
