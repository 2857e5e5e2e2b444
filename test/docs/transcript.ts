/** One command of a transcript, and what it printed. */
export interface TypedCommand {
  /** Without the prompt. It may go on over several lines. */
  readonly command: string;
  /** As the page has it, with its last line break. */
  readonly output: string;
}

/** A page with blocks of `console`: lines that begin with `$ ` are commands, the ones below are what they printed. */
export class Transcript {
  readonly #page: string;

  constructor(page: string) {
    this.#page = page;
  }

  /** The commands, in order. */
  get commands(): readonly TypedCommand[] {
    return blocksOf(this.#page).flatMap((block) => commandsOf(block));
  }

  /** The page with `outputs` in place of what the commands printed, one for each. */
  rewritten(outputs: readonly string[]): string {
    const left = [...outputs];
    return this.#page.replace(BLOCK, (_, block: string) => {
      const typed = commandsOf(block).map(({ command }) => `$ ${command}\n${left.shift() ?? ''}`);
      return `\`\`\`console\n${typed.join('')}\`\`\``;
    });
  }
}

const BLOCK = /^```console\n(.*?)^```$/gms;

function blocksOf(page: string): string[] {
  return [...page.matchAll(BLOCK)].map(([, block = '']) => block);
}

function commandsOf(block: string): TypedCommand[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const end = /(?<!\\)\n/.exec(text)?.index ?? text.length;
      return { command: text.slice(0, end), output: text.slice(end + 1) };
    });
}

/** Common to two runs of a command: no numbers, dates, keys, migrations, widths of columns or rates of slow audits. */
export function withoutParticulars(output: string): string {
  return output
    .replace(/\b[0-9a-f]{8,}\b/g, 'HEX')
    .replace(/\b\d{4}_[a-z_]+\b/g, 'MIGRATION')
    .replace(/[\w+/-]{22,}={0,2}/g, 'TEXT')
    .replace(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b/g, 'DAY')
    .replace(/\d+/g, 'N')
    .replaceAll(' (N changes/s)', '')
    .replace(/[ \t]+/g, ' ')
    .replace(/-{2,}|─{2,}/g, '--');
}
