import type { SqlParameter } from './sql-driver.ts';

/** A statement whose parameters have names. */
export interface Statement<Name extends string> {
  /** With `$1…` in place of the names. */
  readonly text: string;
  /** The values in the order of `$1…`. */
  bind(values: Readonly<Record<Name, SqlParameter>>): SqlParameter[];
}

/**
 * Compiles a statement in which parameters are written `:name`. For statements with many parameters, where numbers would
 * be counted wrong.
 */
export function statement<Name extends string>(names: readonly Name[], text: string): Statement<Name> {
  const used = new Set<string>();
  const compiled = text.replaceAll(/(?<!:):([a-z]\w*)/gi, (_, name: string) => {
    const index = names.findIndex((known) => known === name);
    if (index < 0) throw new TypeError(`the statement has a parameter without a name: ${name}`);
    used.add(name);
    return `$${index + 1}`;
  });
  if (used.size !== names.length) throw new TypeError('the statement does not use all of its parameters');
  return { text: compiled, bind: (values) => names.map((name) => values[name]) };
}
