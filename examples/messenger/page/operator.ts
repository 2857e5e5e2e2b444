import { acting, byId, el } from './dom.ts';

/** The lies, as buttons. */
const LIES = [
  [
    'swap',
    'Swap a key',
    'The victim’s friends are to encrypt to a key of yours. You change your database, and not the log.',
  ],
  [
    'silent-device',
    'Add a silent device',
    'You are to read along as one more device of the victim. You write your key into the log, which keeps it.',
  ],
  [
    'fork',
    'Fork the log',
    'Everybody, whoever is chosen, gets a false key of yours. You sign another history of the whole log.',
  ],
  ['none', 'Repent', 'You take back what can be taken back.'],
] as const;
const STATES: Readonly<Record<string, string>> = {
  none: 'is honest',
  swap: 'has swapped a key',
  'silent-device': 'has added a silent device',
  fork: 'has forked the log',
};
/** Pause between two looks at the users, ms. */
const PAUSE_MS = 3_000;

const victim = byId('victim') as HTMLSelectElement;
const failure = byId('failure');
/** The buttons that need a victim. */
const attacks: HTMLButtonElement[] = [];

interface Answer {
  readonly names: readonly string[];
  readonly lie: string;
  /** Names that hold a key of the operator for ever. */
  readonly added: readonly string[];
}

function stateText(lie: string, added: readonly string[]): string {
  if (lie !== 'none' || added.length === 0) return STATES[lie] ?? '';
  return `has added a key to ${added.map((name) => `${name}’s`).join(' and ')} name; the log keeps it`;
}

async function ask(order?: { readonly lie: string; readonly name?: string }): Promise<void> {
  if (order !== undefined) {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(order) };
    const response = await fetch('/operator/lies', init);
    if (!response.ok) throw new Error(((await response.json()) as { message: string }).message);
  }
  const { names, lie, added } = (await (await fetch('/operator/lies')).json()) as Answer;
  byId('state').textContent = stateText(lie, added);
  byId('nobody').hidden = names.length > 0;
  if (victim.options.length === 0 && names.length > 0) for (const attack of attacks) attack.disabled = false;
  if (names.join(' ') === [...victim.options].map(({ value }) => value).join(' ')) return;
  const chosen = victim.value;
  victim.replaceChildren(...names.map((name) => el('option', { value: name, selected: name === chosen }, name)));
}

byId('lies').replaceChildren(
  ...LIES.map(([lie, title, text]) => {
    const button = el(
      'button',
      { id: lie, class: lie === 'none' ? 'second' : 'danger', disabled: lie !== 'none' },
      title,
    );
    if (lie !== 'none') attacks.push(button);
    const order = (): { lie: string; name?: string } => (lie === 'none' ? { lie } : { lie, name: victim.value });
    button.addEventListener('click', () => acting(button, failure, () => ask(order())));
    return el('div', { class: 'lie' }, button, el('p', { class: 'quiet' }, text));
  }),
);
void ask().catch(() => undefined);
setInterval(() => void ask().catch(() => undefined), PAUSE_MS);
