import { copyButton } from './copy-button.ts';
import { byId, el } from './dom.ts';

const EXAMPLE = 'alice@example.com';

/** Facts that the commands mention. */
export interface HomeFacts {
  /** Undefined while the log is not open. */
  readonly fingerprint?: string;
  /** The name that was looked up last. */
  readonly name?: string | undefined;
}

/** Shows the commands that do the same without this page. */
export function showHome({ fingerprint, name }: HomeFacts): void {
  const server = location.origin;
  const shown = fingerprint === undefined ? '' : ` This page has seen ${fingerprint.slice(0, 16)}…`;
  const trust = '--trust trust.json';
  byId('home-body').replaceChildren(
    el(
      'p',
      {},
      'A program that you got from elsewhere checks the same, and the operator of this server cannot change it. It keeps evidence that convinces others if the log misbehaves. It is called ',
      el('code', {}, 'glasskey'),
      '. Get it from its makers or from somebody you trust, never from this server.',
    ),
    command(
      `Fetch what to check against, and compare its fingerprint with one that the operator published elsewhere.${shown}`,
      `glasskey trust --server ${server} --out trust.json`,
    ),
    command('Look a name up.', `glasskey lookup ${argumentOf(name)} --server ${server} ${trust}`),
    command('Replay the whole log, from its first entry.', `glasskey audit ${server} ${trust}`),
    command('Compare the log with what a friend sees.', `glasskey heads --server ${server} ${trust}`),
  );
}

/** Writes a name so that a shell takes it as it is. One that begins like an option is left out. */
function argumentOf(name: string = EXAMPLE): string {
  if (name.startsWith('-')) return EXAMPLE;
  return /^[\w.+:@-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

function command(purpose: string, line: string): HTMLElement {
  // A line breaks between words, not at a hyphen.
  const words = line.split(' ').flatMap((word) => [' ', el('span', {}, word)]);
  const code = el('code', {}, ...words.slice(1));
  return el(
    'div',
    { class: 'command' },
    el('p', {}, purpose),
    el('div', { class: 'copied' }, el('pre', {}, code), copyButton(code, line, `Copy: ${purpose}`)),
  );
}
