import { el } from './dom.ts';

/** Creates a button that copies `text`. Where the browser does not let it, it selects `shown`, which holds the text. */
export function copyButton(shown: HTMLElement, text: string, label: string): HTMLElement {
  const button = el('button', { type: 'button', class: 'second copy', 'aria-label': label }, 'Copy');
  const said = el('span', { class: 'quiet', role: 'status' });
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = 'Copied.';
    } catch {
      select(shown);
      said.textContent = 'Selected: copy it with your keyboard or menu.';
    }
  };
  button.addEventListener('click', () => void copy());
  return el('div', { class: 'row' }, button, said);
}

function select(shown: HTMLElement): void {
  if (shown instanceof HTMLTextAreaElement) shown.select();
  else getSelection()?.selectAllChildren(shown);
}
