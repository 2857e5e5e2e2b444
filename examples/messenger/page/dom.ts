import { failureText } from '../device/words.ts';

/** Attributes of an element, and listeners under `on` and the name of an event. Undefined and false are left out. */
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;
/** A child of an element; undefined is left out. */
export type Child = Node | string | undefined;

const SVG = 'http://www.w3.org/2000/svg';

/** Creates an HTML element. Text is text: nothing is parsed. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(name), attributes, children);
}

/** Creates an SVG element. */
export function svgEl(name: string, attributes: Attributes = {}, ...children: readonly Child[]): SVGElement {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** Returns the element of the page with this id, which the HTML has. */
export function byId(id: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`#${id}`);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

function filled<T extends Element>(element: T, attributes: Attributes, children: readonly Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Runs an action of a button or form: shows that it runs, and says why it failed. */
export function acting(button: HTMLButtonElement, failure: HTMLElement, action: () => Promise<unknown>): void {
  button.disabled = true;
  failure.textContent = '';
  action()
    .catch((error: unknown) => {
      failure.textContent = failureText(error);
    })
    .finally(() => {
      button.disabled = false;
    });
}

/** Creates a place for the words of a failure, which screen readers read out. */
export function failurePlace(): HTMLElement {
  return el('p', { class: 'failure', role: 'alert' });
}

/** Writes a time of day; of another day also the day. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(undefined, { ...(isToday ? {} : { dateStyle: 'medium' }), timeStyle: 'short' });
}

/** Writes the id of a device so that people can compare it. */
export function deviceText(id: string): string {
  return (id.slice(0, 16).match(/.{4}/g) ?? []).join(' ');
}
