/** What a mail tells. */
export interface MailFacts {
  readonly code: string;
  /** The canonical identity. */
  readonly identity: string;
  /** Name of the log. */
  readonly origin: string;
  readonly minutes: string;
}

const NAMES = ['code', 'identity', 'origin', 'minutes'] as const satisfies readonly (keyof MailFacts)[];

/** Fills a template: `{code}`, `{identity}`, `{origin}`, `{minutes}`. What is put in is not looked at again. */
export function mailText(template: string, facts: MailFacts): string {
  return template.replaceAll(/\{(code|identity|origin|minutes)\}/g, (_, name: keyof MailFacts) => facts[name]);
}

/** What is wrong with a template of an operator; undefined where nothing is. */
export function templateProblem(template: string): string | undefined {
  if (!template.includes('{code}')) return 'the text does not say {code}';
  const known: readonly string[] = NAMES;
  const unknown = [...template.matchAll(/\{(\w+)\}/g)].find(([, name]) => !known.includes(name ?? ''));
  return unknown === undefined ? undefined : `the text says ${unknown[0]}, which is nothing`;
}
