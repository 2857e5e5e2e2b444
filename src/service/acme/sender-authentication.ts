import { ensure } from '../../core/errors.ts';
import type { MailHeader } from './reply-mail.ts';

/** Headers that a signature has to cover, or somebody else could have written them (RFC 8823 §3.2). */
const SIGNED = ['from', 'to', 'subject', 'in-reply-to'];

/** Stands for a tag that occurs twice. */
const REPEATED = 'repeated';

const MAX_DEPTH = 4;

/**
 * Throws `code-refused` unless the operator's mail server says that a mail was signed by this domain (DKIM, RFC 6376).
 * It says so in the first Authentication-Results (RFC 8601) under its own name; it takes away what others have written
 * under that name, and verifies the signature. The signature must cover the whole body and the headers that count.
 */
export function assertSignedBy(headers: readonly MailHeader[], domain: string, authservId: string): void {
  const results = headers.find(({ name }) => name === 'authentication-results')?.value ?? '';
  const [id = '', ...methods] = plainText(results).split(';');
  const isOurs = id.trim().split(/\s/)[0]?.toLowerCase() === authservId.toLowerCase();
  ensure(isOurs, 'code-refused', 'the mail has no results of the mail server at its top');
  const hasPassed = methods.some((one) => /^\s*dkim\s*=\s*pass(?:\s|$)/i.test(one) && domainOf(one) === domain);
  ensure(hasPassed, 'code-refused', 'the mail server has not verified a signature of the sender’s domain');
  const signatures = headers
    .filter(({ name }) => name === 'dkim-signature')
    .map(({ value }) => tagsOf(value))
    .filter((tags) => tags.get('d')?.toLowerCase() === domain);
  // The results do not say which of several signatures has passed, so each must cover everything.
  const covers = signatures.length > 0 && signatures.every(isWhole);
  ensure(covers, 'code-refused', `the sender’s signature has to cover the body and ${SIGNED.join(', ')}`);
}

/** The one domain of a result; undefined for several, since the signer has written other values beside it. */
function domainOf(method: string): string | undefined {
  const [found, another] = [...method.matchAll(/\sheader\.d\s*=\s*([^\s;"]*)/gi)];
  return another === undefined ? found?.[1]?.toLowerCase() : undefined;
}

/** A signature with a length leaves room to append to the body. */
function isWhole(tags: ReadonlyMap<string, string>): boolean {
  const covered = (tags.get('h') ?? '').toLowerCase().split(':');
  return !tags.has('l') && !tags.has(REPEATED) && SIGNED.every((name) => covered.includes(name));
}

/** Reads a tag list (RFC 6376 §3.2), without white space. */
function tagsOf(value: string): ReadonlyMap<string, string> {
  const pairs = value
    .replaceAll(/\s/g, '')
    .split(';')
    .map((tag): [string, string] => {
      const at = tag.indexOf('=');
      return [tag.slice(0, at).toLowerCase(), tag.slice(at + 1)];
    });
  const names = pairs.map(([name]) => name).filter((name) => name !== '');
  // Programs differ about which of two counts.
  return new Map(new Set(names).size === names.length ? pairs : [...pairs, [REPEATED, '']]);
}

/** Returns a header without comments (RFC 5322 §3.2.2) and without the content of quoted strings: others chose them. */
function plainText(value: string): string {
  let text = '';
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const character = value[i] ?? '';
    if (character === '\\' && (quoted || depth > 0)) i++;
    else if (character === '"' && depth === 0) quoted = !quoted;
    else if (quoted) continue;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (depth === 0) text += character;
    ensure(depth >= 0 && depth <= MAX_DEPTH, 'code-refused', 'the results of the mail server cannot be read');
  }
  ensure(depth === 0 && !quoted, 'code-refused', 'the results of the mail server cannot be read');
  return text;
}
