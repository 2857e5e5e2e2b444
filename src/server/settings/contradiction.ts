import type { SettingPath } from './toml-lines.ts';

/** Returns the text of a file that the settings name; undefined if it cannot be read. */
export type ReadSettingFile = (name: string) => string | undefined;

/** A setting that contradicts another one, or a file that it names. */
export interface Contradiction {
  readonly path: SettingPath;
  readonly reason: string;
}
