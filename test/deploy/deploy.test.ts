import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/http/metrics.ts';
import { PROGRAM } from '../support/cli.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const read = (name: string): string => readFileSync(join(DEPLOY, name), 'utf8');
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

/** Flags of a command, from its help. */
function flagsOf(...command: string[]): string[] {
  const help = execFileSync(process.execPath, [PROGRAM, ...command, '--help'], { encoding: 'utf8' });
  return [...help.matchAll(/--[a-z-]+/g)].map(([flag]) => flag);
}

describe('the dashboard', () => {
  it('shows metrics that exist', async () => {
    const { panels } = JSON.parse(read('grafana/glasskey.json')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    const text = await new Metrics().format(undefined, 0);
    const known = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name = '', type]) => {
        return type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name];
      }),
    );
    const used = panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => expr.match(/\b(?:glasskey|process)_[a-z_]+/g) ?? []),
    );
    expect(used.length).toBeGreaterThan(15);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('the files of a deployment', () => {
  it('use flags that the program has', () => {
    const files = [
      'Dockerfile',
      'compose.yaml',
      'glasskey.service',
      'glasskey-watch.service',
      'kubernetes/glasskey.yaml',
    ];
    const texts = files.map(read).join('\n');
    const known = new Set(
      [['init'], ['serve'], ['witness', 'init'], ['witness', 'serve'], ['audit'], ['watch']].flatMap((one) =>
        flagsOf(...one),
      ),
    );
    const used = [
      ...texts.matchAll(
        /(?<![\w-])--(?:data|listen|admin-listen|database|public-url|name|state|watch|trust|server|url|smtp|mail-from)\b/g,
      ),
    ];
    expect(used.length).toBeGreaterThan(12);
    expect(used.map(([flag]) => flag).filter((flag) => !known.has(flag))).toEqual([]);
  }, 240_000);

  it('run the image as nobody special, with nothing to write to but the data', () => {
    expect(read('Dockerfile')).toMatch(/^USER 10001:10001$/m);
    expect(read('compose.yaml')).toMatch(/^ {2}read_only: true$/m);
    expect(read('compose.yaml')).toContain('cap_drop: [ALL]');
    expect(read('kubernetes/glasskey.yaml')).toContain('readOnlyRootFilesystem: true');
    expect(read('kubernetes/glasskey.yaml')).toContain('runAsNonRoot: true');
  });

  const canAnalyze = has('systemd-analyze', '--version');
  it.skipIf(!canAnalyze).each(['glasskey', 'glasskey-watch'])(
    'are a unit that systemd understands, and calls safe: %s',
    (name) => {
      const folder = mkdtempSync(join(tmpdir(), 'glasskey-unit-'));
      try {
        const unit = join(folder, `${name}.service`);
        // It looks for the program, which is not installed here.
        writeFileSync(unit, read(`${name}.service`).replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'));
        const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
        const complaints = verified.stderr.split('\n').filter((line) => line.includes(`${name}.service`));
        expect(complaints).toEqual([]);
        const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
          encoding: 'utf8',
        });
        const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(judged.stdout) ?? [];
        if (exposure !== undefined) expect(Number(exposure)).toBeLessThan(2);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
