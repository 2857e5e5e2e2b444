import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltProgram, buildProgram, type Outcome, type ServedExample } from './built-program.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const README = read('README.md');
const TUTORIAL = read('docs/tutorial.md');

/** The contents of a document's fenced blocks whose info string is exactly this. */
function blocks(text: string, info: string): string[] {
  const fences = text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm);
  return [...fences].filter(([, found]) => found === info).map(([, , content]) => content as string);
}

const TESTED = [README, TUTORIAL].flatMap((page) => blocks(page, 'sh tested'));

/** Every line of the blocks that are not run here, from where it names the program. */
function commandsIn(text: string): string[] {
  const code = ['', 'sh'].flatMap((info) => blocks(text, info));
  return code.flatMap((block) => block.match(/(?<=^(?:[A-Z_]+=\S+ )?)glasskey .*$/gm) ?? []);
}

let program: BuiltProgram;
let server: ServedExample;
/** Runs commands where README and tutorial say. */
const inTour = (commands: string): Promise<Outcome> => program.shell(`mkdir -p tour && cd tour\n${commands}`);
beforeAll(async () => {
  program = await buildProgram();
  server = await program.serve(['--dev', '--data', 'certs-dev', '--listen', '127.0.0.1:0']);
}, 120_000);
afterAll(() => program?.remove());

describe('the commands of README and tutorial', () => {
  const outputs: string[] = [];

  it('begin with the command that the server prints', async () => {
    const [command = 'none'] = /glasskey bootstrap \S+ --fingerprint [0-9a-f]{64}/.exec(server.output()) ?? [];
    for (const page of [README, TUTORIAL]) {
      expect(page).toContain('\nglasskey bootstrap http://127.0.0.1:8080 --fingerprint ');
    }
    const { status, stdout, stderr } = await inTour(command);
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
  });

  it.for([...TESTED.entries()])('block %i runs', async ([, commands]) => {
    expect(commands).not.toContain('--server');
    const { status, stdout, stderr } = await inTour(commands);
    expect({ status, stderr }, stdout).toMatchObject({ status: 0 });
    outputs.push(stdout + stderr);
  });

  it('show what the pages say', () => {
    const told = outputs.join('\n');
    expect(outputs.length).toBeGreaterThan(4);
    expect(told).not.toContain('on first use');
    expect(told).toContain('a key that it had before signed each change');
    expect(told).toMatch(/the whole log holds/);
    for (const file of ['alice/key.pem', 'alice/certificate.pem', 'bob-2/certificate.pem', 'trust.json']) {
      expect([file, existsSync(join(program.folder, 'tour', file))]).toEqual([file, true]);
    }
  });

  it('end with the exit codes that are documented', async () => {
    expect((await inTour('glasskey lookup nobody@example.com')).status).toBe(3);
    const gone = await inTour('glasskey verify bob/certificate.pem');
    expect(gone.status).toBe(2);
    expect(gone.stderr).toContain('evidence written to');
    expect((await inTour('glasskey lookup')).status).toBe(1);
    expect(read('.gitignore')).toMatch(/^tour\/$/m);
  });
});

describe('the programs in the pages', () => {
  it('are in examples/, word for word', () => {
    const lookUp = read('examples/look-up.mjs');
    expect(blocks(README, 'js')).toEqual([lookUp]);
    expect(blocks(read('docs/library.md'), 'js')).toEqual(
      expect.arrayContaining([lookUp, read('examples/embedded-server.mjs')]),
    );
  });

  it('are in examples/messenger-keys/, where the guide for messengers shows them', () => {
    const files = ['backend.mjs', 'device.mjs', 'story.mjs'].map((file) => read(`examples/messenger-keys/${file}`));
    const shown = blocks(read('docs/integrate.md'), 'js');
    expect(shown.length).toBeGreaterThan(8);
    expect(shown.filter((block) => !files.some((file) => file.includes(block)))).toEqual([]);
    const lines = files.slice(0, 2).flatMap((file) => file.split('\n').filter((line) => /^[^/\s]|^ +[^/ ]/.test(line)));
    expect(lines.length).toBeLessThanOrEqual(130);
  });

  it('tell the story of the guide for messengers', async () => {
    const data = join(program.folder, 'certs-dev');
    const files = `TOKEN_FILE=${data}/registration.token TRUST_FILE=${data}/trust.json`;
    const told = await program.shell(
      `GLASSKEY_SERVER=${server.url} ${files} node ../examples/messenger-keys/story.mjs`,
    );
    expect({ ...told, stdout: '' }, told.stdout).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(told.stdout.replaceAll(/-\d{13}@chat\.example/g, '').replaceAll(/[0-9a-f]{16}…/g, 'KEY'))
      .toMatchInlineSnapshot(`
      "Alice looks her address book up:
        acct:bob: 1 keys. 
        acct:carol: 1 keys. 
        acct:nobody: 0 keys. 
        Carol’s Signal identity key is the one in the log
      Bob has added a tablet, and changed the key of his phone. His tablet is alarmed, until the phone explains:
        version 2 was signed by the key KEY, which the identity had, but not with this state. If you made it on another device, or restored this state from an older copy, acknowledge it. Otherwise somebody has that key: revoke its certificate
      0 alarms are left. Alice sees a change by Bob’s own key:
        acct:bob: 2 keys. 
      Somebody else asks for Bob’s name. Alice reads:
        acct:bob: 2 keys. Somebody asks to take acct:bob over. Ask acct:bob in another way if that is right.
      Bob’s phone says no, and Alice reads:
        acct:bob: 2 keys. 
      Carol lost her only phone. Her new one waits: pending. Alice reads:
        acct:carol: 1 keys. Somebody asks to take acct:carol over. Ask acct:carol in another way if that is right.
      Alice closes her account. Bob sees:
        acct:alice: 0 keys. acct:alice has no valid keys now. Nothing was sent.
      Her phone is told, since its key did not sign that:
        version 1 removed a key whose certificate is valid; certificates left: none. The service did it, perhaps for your application; no key signed it, and none was added. If you did not ask for it, ask the operator, and acknowledge it
      "
    `);
  });

  it('embed a server, which issues, is looked into and stops', async () => {
    const { url, stop } = await program.serveExample('embedded-server.mjs', ['embedded']);
    const to = `--server ${url} --state embedded-state`;
    const token = '--token-file embedded/registration.token';
    const run = await program.shell(`glasskey register carol@example.com ${to} ${token} --out carol
glasskey lookup carol@example.com ${to}`);
    expect([run.status, run.stderr.includes('error')]).toEqual([0, false]);
    expect(await stop()).toBe(0);
  });

  it('has ten lines where a key is looked up', () => {
    const lines = read('examples/look-up.mjs')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('import '));
    expect(lines.length).toBeLessThanOrEqual(10);
  });

  it('look a key up as they stand', async () => {
    const found = await program.example('look-up.mjs', [server.url, 'alice@example.com']);
    expect({ ...found, stdout: '' }, found.stdout).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(found.stdout).toMatch(/^first-use: [0-9a-f]{64}\n[0-9a-f]{32} [0-9a-f]{64}\n$/);
    const absent = await program.example('look-up.mjs', [server.url, 'nobody@example.com']);
    expect(absent.status).toBe(1);
    // One line for people, and no stack trace.
    expect(absent.stderr).toMatch(/^nobody@example\.com has no keys: proved by the log of \d+ entries\n$/);
  });
});

describe('the README', () => {
  it('is read in a few minutes', () => {
    expect(Buffer.byteLength(README)).toBeLessThan(8 * 1024);
  });
});

describe('commands in the documents', () => {
  it('are scripts of package.json', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...README.matchAll(/npm (?:run )?(start|test|demo|bench)\b/g)].map(([, name]) => name as string);
    expect(new Set(named)).toEqual(new Set(['start', 'test', 'demo', 'bench']));
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
    expect(scripts['start']).toMatch(/--data certs-dev --listen 127\.0\.0\.1:8080/);
  });

  it('that are not run are of the program, with flags that it has', async () => {
    const lines = ['docs/program.md', 'docs/operations.md'].flatMap((page) => commandsIn(read(page)));
    expect(lines.length).toBeGreaterThan(5);
    const helps = new Map<string, string>();
    for (const line of lines) {
      const words = line.split(/\s+/);
      const command = words.slice(0, depthOf(words)).join(' ');
      if (!helps.has(command)) helps.set(command, (await program.shell(`${command} --help`)).stdout);
      const flags = words.filter((word) => word.startsWith('--'));
      expect(flags.length).toBeGreaterThan(0);
      const unknown = flags.filter((flag) => !new RegExp(`^ +${flag}(?: |$)`, 'm').test(helps.get(command) as string));
      expect([line, unknown]).toEqual([line, []]);
    }
  });
});

/** How many words of a line name the command. */
function depthOf([, name = '', below = '']: readonly string[]): number {
  if (below.startsWith('-')) return 2;
  if (name === 'admin') return ['log', 'token'].includes(below) ? 4 : 3;
  return ['auditor', 'ca', 'config', 'evidence', 'state', 'witness'].includes(name) ? 3 : 2;
}
