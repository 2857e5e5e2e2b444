import type { Command } from 'commander';
import { ensure } from '../../../core/errors.ts';
import { printJson, printLines } from '../../output/print.ts';
import { printTable } from '../../output/table-output.ts';
import type { RunServer } from '../run-command.ts';
import { administrator, type AdminFlags, adminOptions, readOpenLog, withOpenLog } from './admin-options.ts';

const loadTokens = () => import('../../../service/log/tokens.ts');

/** `admin token create|list|revoke`: the application tokens of a log. */
export function tokenCommands(admin: Command, run: RunServer): void {
  const tokens = admin.command('token').description('manage application tokens');
  const add = (usage: string, summary: string, example: string): Command =>
    adminOptions(tokens.command(usage).description(summary), example);

  add(
    'create <name>',
    'create a token and print it; it cannot be shown again',
    'glasskey admin token create backend --data /srv/glasskey',
  ).action((name: string, flags: AdminFlags) =>
    run(() =>
      withOpenLog(flags, async ({ context }) => {
        const { createToken } = await loadTokens();
        const { token, info } = await createToken(context, name, administrator());
        if (flags.json === true) printJson({ ...info, token });
        else printLines(token);
      }),
    ),
  );
  add('list', 'list all tokens, revoked ones included', 'glasskey admin token list --data /srv/glasskey').action(
    (flags: AdminFlags) =>
      run(() =>
        readOpenLog(flags, async ({ context }) => {
          const { listTokens } = await loadTokens();
          const all = await listTokens(context);
          if (flags.json === true) return printJson(all);
          const rows = all.map(({ id, name, revokedMs }) => {
            return { id, state: revokedMs === undefined ? 'valid' : 'revoked', name };
          });
          printTable(['id', 'state', 'name'], rows);
        }),
      ),
  );
  add('revoke <id>', 'revoke a token', 'glasskey admin token revoke 2 --data /srv/glasskey').action(
    (id: string, flags: AdminFlags) =>
      run(() => {
        ensure(/^\d{1,15}$/.test(id), 'usage', `${id} is not the number of a token: see \`glasskey admin token list\``);
        return withOpenLog(flags, async ({ context }) =>
          (await loadTokens()).revokeToken(context, Number(id), administrator()),
        );
      }),
  );
}
