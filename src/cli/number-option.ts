import { InvalidArgumentError } from 'commander';

/** Returns a parser for a whole number from `minimum` to `maximum`; `what` names the number in the refusal. */
export function wholeNumber(what: string, minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const isInRange = /^\d{1,10}$/.test(text) && value >= minimum && value <= maximum;
    if (!isInRange) throw new InvalidArgumentError(`give ${what} from ${minimum} to ${maximum}`);
    return value;
  };
}

/** Parses a pause in whole seconds. */
export const parseSeconds = wholeNumber('a number of seconds', 1, 999_999);

/** Parses the validity of a CA certificate in whole years. */
export const parseYears = wholeNumber('a number of years', 1, 99);
