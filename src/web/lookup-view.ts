import type { BoundCertificate, VerifiedBinding } from '../client/binding/binding.ts';
import type { ExplainedLookup } from '../client/explore/explorer.ts';
import type { Alert } from '../client/state/client-state.ts';
import { byId, el } from './dom.ts';
import { failureView } from './failure-view.ts';
import { countText, dayText, grouped, numberText, timeText } from './format.ts';
import { historyView } from './history-view.ts';
import { proofView } from './proof-view.ts';
import type { Session } from './session.ts';
import { changeVerdict, firstLookVerdicts, pendingVerdict, type Verdict } from './words.ts';

/** The names of kinds of identities, for people. */
const KINDS: Readonly<Record<string, string>> = {
  email: 'e-mail addresses',
  acct: 'account names',
  tel: 'telephone numbers',
  uri: 'web addresses',
};

/**
 * Shows the form to look a name up, or why there is none. `privateKinds`: kinds that only apps may look up. `onLookup`
 * gets the name in its canonical form, or nothing after a failure.
 */
export function lookupForm(
  session: Session,
  privateKinds: readonly string[],
  onLookup: (identity: string | undefined) => void,
): void {
  const place = byId('lookup');
  if (Object.keys(KINDS).every((kind) => privateKinds.includes(kind))) {
    place.replaceChildren(privateNote('This directory is private'));
    return;
  }
  const input = el('input', {
    id: 'name',
    name: 'name',
    type: 'text',
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
    maxlength: 255,
    required: true,
    placeholder: 'alice@example.com',
    'aria-describedby': 'name-hint',
  });
  const button = el('button', { type: 'submit' }, 'Look up and check');
  const form = el(
    'form',
    {
      class: 'lookup',
      onsubmit: (event) => {
        event.preventDefault();
        void showLookup(session, input.value.trim(), button).then(onLookup);
      },
    },
    el('label', { for: 'name' }, 'Whose key do you want to see?'),
    el('div', { class: 'row' }, input, button),
    el(
      'p',
      { id: 'name-hint', class: 'quiet' },
      'An e-mail address, a telephone number such as +15551234567, or an account such as acct:name@host.',
    ),
  );
  const some = privateKinds.map((kind) => KINDS[kind] ?? kind).join(' and ');
  place.replaceChildren(form, ...(some === '' ? [] : [privateNote(`Here, ${some} are private`)]));
}

function privateNote(title: string): HTMLElement {
  return el(
    'div',
    { class: 'card' },
    el('h2', {}, title),
    el(
      'p',
      {},
      'Its operator lets only the users of its application ask who is registered, so that strangers cannot try out names. A page cannot tell who you are, so it shows no lookup of them.',
    ),
    el('p', {}, 'Everybody can still check the log itself, below: hidden keys and changes are public, names are not.'),
  );
}

async function showLookup(session: Session, name: string, button: HTMLButtonElement): Promise<string | undefined> {
  const place = byId('result');
  if (name === '') return undefined;
  button.disabled = true;
  place.setAttribute('aria-busy', 'true');
  place.replaceChildren(el('p', { class: 'quiet' }, `Asking for ${name}, and checking the proof…`));
  try {
    const start = performance.now();
    const found = await session.explorer.lookup(name);
    session.state = await session.explorer.state();
    place.replaceChildren(resultView(session, name, found, performance.now() - start));
    return identityOf(found);
  } catch (error) {
    place.replaceChildren(failureView(error, name, 'h2'));
    return undefined;
  } finally {
    button.disabled = false;
    place.removeAttribute('aria-busy');
    showOnPhone(place);
  }
}

/** On a small screen the result is below the window: brings it there, and begins to read at its headline. */
function showOnPhone(place: HTMLElement): void {
  if (!matchMedia('(max-width: 34rem)').matches) return;
  const headline = place.querySelector('h2');
  headline?.setAttribute('tabindex', '-1');
  headline?.focus({ preventScroll: true });
  place.scrollIntoView();
}

/** Returns the name in its canonical form. */
function identityOf({ result }: ExplainedLookup): string {
  return result.found ? result.binding.identity : result.identity;
}

function resultView(session: Session, name: string, found: ExplainedLookup, ms: number): HTMLElement {
  const { result, explanation } = found;
  const { explorer } = session;
  const binding = result.found ? result.binding : undefined;
  const identity = identityOf(found);
  const verdicts = binding === undefined ? [] : verdictsOf(binding);
  const context = {
    name: identity,
    nowMs: Date.now(),
    witnesses: explorer.directory.trust.policy.witnesses.length,
    certificates: binding && binding.certificates.length + binding.expired.length,
  };
  const isAlarm = verdicts.some(({ tone }) => tone === 'alarm') || (binding?.alerts.length ?? 0) > 0;
  return el(
    'article',
    { class: isAlarm ? 'card alarm' : 'card proved', 'aria-label': `Result for ${name}` },
    el('p', { class: 'stamp' }, isAlarm ? 'Proved, but look closely' : 'Proved'),
    el('h2', { class: 'headline' }, headline(identity, binding)),
    el(
      'p',
      {},
      `The log of ${countText(explanation.treeSize, 'entry', 'entries')} proves it. Your browser checked the proof in ${numberText(Math.max(1, Math.round(ms)))} ms.`,
    ),
    binding === undefined ? el('p', {}, 'Is it spelled right? The proof is about exactly this spelling.') : undefined,
    ...verdicts.map(verdictView),
    ...(binding === undefined ? [] : [alertsView(session, binding.alerts), keysView(binding)]),
    limitsNote(),
    ...proofView(explanation, context),
    binding === undefined ? undefined : historyView(explorer, identity),
  );
}

function verdictsOf(binding: VerifiedBinding): readonly Verdict[] {
  const pending = pendingVerdict(binding);
  return [
    changeVerdict(binding.change),
    ...firstLookVerdicts(binding.change),
    ...(pending === undefined ? [] : [pending]),
  ];
}

function headline(identity: string, binding: VerifiedBinding | undefined): string {
  if (binding === undefined) return `Nobody is registered as ${identity}`;
  const { length } = binding.certificates;
  return length === 0 ? `${identity} has no valid key now` : `${identity} has ${countText(length, 'key')}`;
}

function verdictView({ tone, text }: Verdict): HTMLElement {
  return el('p', { class: `verdict ${tone}` }, text);
}

function alertsView({ explorer }: Session, alerts: readonly Alert[]): HTMLElement | undefined {
  if (alerts.length === 0) return undefined;
  const box = el(
    'div',
    { class: 'alerts' },
    el('p', { class: 'verdict alarm' }, 'Warning. Ask the owner, by another way, before you use these keys.'),
    el('ul', {}, ...alerts.map(({ reason, seenAtMs }) => el('li', {}, `${reason} (noticed ${timeText(seenAtMs)})`))),
  );
  const seen = async (): Promise<void> => {
    await explorer.directory.acknowledge(alerts.map(({ identity }) => identity));
    box.remove();
  };
  box.append(el('button', { type: 'button', class: 'second', onclick: () => void seen() }, 'I have seen this'));
  return box;
}

function keysView({ certificates, version }: VerifiedBinding): HTMLElement {
  const item = ({ spkiSha256, notBeforeMs, notAfterMs }: BoundCertificate): HTMLElement =>
    el(
      'li',
      {},
      el('code', { class: 'key' }, grouped(spkiSha256)),
      el(
        'span',
        { class: 'quiet' },
        ` certified from ${dayText(notBeforeMs)} to ${dayText(notAfterMs)} ${new Date(notAfterMs).getUTCFullYear()}`,
      ),
    );
  const about = `(Version ${version} of the name.)`;
  if (certificates.length === 0) return el('p', { class: 'quiet' }, about);
  return el(
    'div',
    {},
    el('ul', { class: 'keys' }, ...certificates.map(item)),
    el('p', {}, `${fingerprintWords(certificates.length)} ${about}`),
  );
}

function fingerprintWords(count: number): string {
  const compare =
    count === 1
      ? 'This is the fingerprint of the key. Compare it with the one in the app of the owner.'
      : 'These are the fingerprints of the keys, one for each device, for example. Compare them with those in the app of the owner.';
  return `${compare} The log shows what everybody is given for this name, not who holds it.`;
}

/** Says what a page cannot do. It stands by every result. */
export function limitsNote(): HTMLElement {
  return el(
    'aside',
    { class: 'note', 'aria-label': 'What this page cannot do' },
    el('strong', {}, 'What this page cannot do. '),
    'It comes from the server that it checks. An operator who wants to deceive you can send you another page, which says “proved” to everything. So this page can show you an honest log, and cannot convict a dishonest one. For that, ',
    el('a', { href: '#home' }, 'take the checks home'),
    '.',
  );
}
