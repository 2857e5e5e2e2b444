import { ensure, GlasskeyError } from '../core/errors.ts';
import { readInput } from '../server/user-input.ts';

/** The terminal of the process. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WritableStream;
}

/** The options of {@link readPassphrase}. */
export interface PassphraseOptions {
  /** A file whose first line is the passphrase; without it, the user is asked. */
  readonly file?: string | undefined;
  /** Ask twice, because nobody could open what a mistyped passphrase sealed. */
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
 * Reads a passphrase from a file, or from a terminal without echo. Arguments and variables are no source, because other
 * users of the computer can see them. Throws `usage` if there is neither, or if the two passphrases differ.
 */
export async function readPassphrase(options: PassphraseOptions): Promise<string> {
  const { file, confirm, terminal = { input: process.stdin, output: process.stderr } } = options;
  if (file !== undefined) return firstLine(await readInput(file), file);
  ensure(terminal.input.isTTY, 'usage', 'no terminal to ask for the passphrase: name a file with --passphrase-file');
  const typed = await ask(terminal, 'Passphrase: ');
  if (confirm)
    ensure(
      (await ask(terminal, 'Once more: ')) === typed,
      'usage',
      'the two passphrases differ: run the command again',
    );
  return typed;
}

function firstLine(text: string, file: string): string {
  const [line = ''] = text.split(/\r?\n/, 1);
  ensure(
    line !== '' && line.length <= MAX_CHARACTERS,
    'usage',
    `the first line of ${file} is not a passphrase: it must have 1 to ${MAX_CHARACTERS} characters`,
  );
  return line;
}

/** Reads one line without echo. */
async function ask({ input, output }: Terminal, question: string): Promise<string> {
  output.write(question);
  input.setRawMode(true);
  input.setEncoding('utf8');
  const typed: string[] = [];
  try {
    for (;;) {
      const end = takeKeys(await nextChunk(input), typed);
      if (end === INTERRUPT || end === END)
        throw new GlasskeyError('usage', 'no passphrase given: run the command again');
      if (end !== undefined) return typed.join('');
      ensure(typed.length <= MAX_CHARACTERS, 'usage', `the passphrase is longer than ${MAX_CHARACTERS} characters`);
    }
  } finally {
    input.setRawMode(false);
    input.pause();
    output.write('\n');
  }
}

/**
 * Adds the characters of `chunk` to `typed`. Returns the key that ends the line, if there is one, and drops the rest.
 */
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
