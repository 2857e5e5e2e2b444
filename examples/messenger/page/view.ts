import type { Messenger, Snapshot } from '../device/messenger.ts';

/** A part of the page. It is made once and updated, so that nobody loses what they type. */
export interface View {
  readonly element: HTMLElement;
  update(snapshot: Snapshot): void;
}

/** Makes a view. */
export type MakeView = (messenger: Messenger) => View;
