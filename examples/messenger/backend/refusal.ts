import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** A request that the backend refuses. Its message is for the user. */
export class Refusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
  }
}

/** Throws a refusal unless a condition holds. */
export function allow(
  condition: boolean,
  status: ContentfulStatusCode,
  code: string,
  message: string,
): asserts condition {
  if (!condition) throw new Refusal(status, code, message);
}
