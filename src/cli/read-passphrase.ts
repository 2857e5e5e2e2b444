import { ensure, GlasskeyError } from '../core/errors.ts';
import { readInput } from './client-options.ts';

/** Where a passphrase comes from: a terminal, as the process has it. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WritableStream;
}

/** What {@link readPassphrase} takes. */
export interface PassphraseOptions {
  /** A file whose first line is the passphrase; without it a person is asked. */
  readonly file?: string | undefined;
  /** Asks twice: for what cannot be opened again where it was mistyped. */
  readonly confirm: boolean;
  /** Default: standard input, and standard error for the question. */
  readonly terminal?: Terminal | undefined;
}

const MAX_CHARACTERS = 1024;
const INTERRUPT = '\u0003';
const END = '\u0004';
const BACKSPACES: readonly string[] = ['\b', '\u007f'];
const ENDS: readonly string[] = ['\r', '\n', INTERRUPT, END];

/**
 * A passphrase from a file, or typed on a terminal, which does not show it. Never from an argument or a variable: other
 * users of the computer can see those. Throws `usage` where there is neither, and where it was mistyped.
 */
export async function readPassphrase(options: PassphraseOptions): Promise<string> {
  const { file, confirm, terminal = { input: process.stdin, output: process.stderr } } = options;
  if (file !== undefined) return firstLine(await readInput(file), file);
  ensure(terminal.input.isTTY, 'usage', 'no terminal to ask for a passphrase on: name a file with --passphrase-file');
  const typed = await ask(terminal, 'Passphrase: ');
  if (confirm) ensure((await ask(terminal, 'Once more: ')) === typed, 'usage', 'the two passphrases differ');
  return typed;
}

function firstLine(text: string, file: string): string {
  const [line = ''] = text.split(/\r?\n/, 1);
  ensure(line !== '' && line.length <= MAX_CHARACTERS, 'usage', `the first line of ${file} is no passphrase`);
  return line;
}

/** One line, typed unseen. */
async function ask({ input, output }: Terminal, question: string): Promise<string> {
  output.write(question);
  input.setRawMode(true);
  input.setEncoding('utf8');
  const typed: string[] = [];
  try {
    for (;;) {
      const end = takeKeys(await nextChunk(input), typed);
      if (end === INTERRUPT || end === END) throw new GlasskeyError('usage', 'no passphrase was given');
      if (end !== undefined) return typed.join('');
      ensure(typed.length <= MAX_CHARACTERS, 'usage', 'the passphrase is too long');
    }
  } finally {
    input.setRawMode(false);
    input.pause();
    output.write('\n');
  }
}

/** Adds the characters of `chunk` to what was typed. Gives the key that ends it; what comes after that is dropped. */
function takeKeys(chunk: string, typed: string[]): string | undefined {
  for (const key of chunk) {
    if (ENDS.includes(key)) return key;
    if (BACKSPACES.includes(key)) typed.pop();
    else if (key >= ' ') typed.push(key);
  }
  return undefined;
}

function nextChunk(input: NodeJS.ReadStream): Promise<string> {
  return new Promise((resolve) => {
    const done = (chunk: string): void => {
      input.off('data', onData);
      input.off('end', onEnd);
      resolve(chunk);
    };
    const onData = (chunk: string | Buffer): void => done(String(chunk));
    const onEnd = (): void => done(END);
    input.on('data', onData);
    input.on('end', onEnd);
    input.resume();
  });
}
