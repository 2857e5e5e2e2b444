import { acting, byId, el } from './dom.ts';

/** The lies, as buttons. */
const LIES = [
  ['swap', 'Swap a key', 'In the database, the victim’s certificate becomes one for a key of yours.'],
  [
    'silent-device',
    'Add a silent device',
    'You publish one more device of the victim, with a key of yours. The log keeps it.',
  ],
  [
    'fork',
    'Fork the log',
    'You rewind the log to its start, and sign another history with keys of yours for everybody.',
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

interface Answer {
  readonly names: readonly string[];
  readonly lie: string;
}

async function ask(order?: { readonly lie: string; readonly name?: string }): Promise<void> {
  if (order !== undefined) {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(order) };
    const response = await fetch('/operator/lies', init);
    if (!response.ok) throw new Error(((await response.json()) as { message: string }).message);
  }
  const { names, lie } = (await (await fetch('/operator/lies')).json()) as Answer;
  byId('state').textContent = STATES[lie] ?? '';
  if (names.join(' ') === [...victim.options].map(({ value }) => value).join(' ')) return;
  const chosen = victim.value;
  victim.replaceChildren(...names.map((name) => el('option', { value: name, selected: name === chosen }, name)));
}

byId('lies').replaceChildren(
  ...LIES.map(([lie, title, text]) => {
    const button = el('button', { id: lie, class: lie === 'none' ? 'second' : 'danger' }, title);
    const order = (): { lie: string; name?: string } => (lie === 'none' ? { lie } : { lie, name: victim.value });
    button.addEventListener('click', () => acting(button, failure, () => ask(order())));
    return el('div', { class: 'lie' }, button, el('p', { class: 'quiet' }, text));
  }),
);
void ask().catch(() => undefined);
setInterval(() => void ask().catch(() => undefined), PAUSE_MS);
