/** The values that a mail's template can name. */
export interface MailFacts {
  readonly code: string;
  /** The canonical identity. */
  readonly identity: string;
  /** The log's name. */
  readonly origin: string;
  readonly minutes: string;
}

const NAMES = ['code', 'identity', 'origin', 'minutes'] as const satisfies readonly (keyof MailFacts)[];

/** Fills in `{code}`, `{identity}`, `{origin}` and `{minutes}`. Braces in a value are not expanded again. */
export function mailText(template: string, facts: MailFacts): string {
  return template.replaceAll(/\{(code|identity|origin|minutes)\}/g, (_, name: keyof MailFacts) => facts[name]);
}

/** Returns the problem with an operator's template; undefined if it is valid. */
export function templateProblem(template: string): string | undefined {
  if (!template.includes('{code}')) return 'the text lacks {code}';
  const known: readonly string[] = NAMES;
  const unknown = [...template.matchAll(/\{(\w+)\}/g)].find(([, name]) => !known.includes(name ?? ''));
  return unknown === undefined ? undefined : `the text names ${unknown[0]}, which does not exist`;
}
