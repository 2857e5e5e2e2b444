import { byId, el } from './dom.ts';

/** Shows the commands that do the same without this page. `fingerprint`: undefined while the log is not open. */
export function showHome(fingerprint: string | undefined): void {
  const server = location.origin;
  const shown = fingerprint === undefined ? '' : ` This page has seen ${fingerprint.slice(0, 16)}…`;
  const trust = '--trust trust.json';
  byId('home-body').replaceChildren(
    el(
      'p',
      {},
      'A program that you got from elsewhere checks the same, and the operator of this server cannot change it. It keeps evidence that convinces others if the log misbehaves.',
    ),
    command(
      `Fetch what to check against, and compare its fingerprint with one that the operator published elsewhere.${shown}`,
      `glasskey trust --server ${server} --out trust.json`,
    ),
    command('Look a name up.', `glasskey lookup alice@example.com --server ${server} ${trust}`),
    command('Replay the whole log, from its first entry.', `glasskey audit ${server} ${trust}`),
    command('Compare the log with what a friend sees.', `glasskey heads --server ${server} ${trust}`),
  );
}

function command(purpose: string, line: string): HTMLElement {
  return el(
    'div',
    { class: 'command' },
    el('p', {}, purpose),
    el('pre', { tabindex: 0, role: 'region', 'aria-label': `Command: ${purpose}` }, el('code', {}, line)),
  );
}
