import type { Command } from 'commander';
import { serverBase } from '../client/transport.ts';
import { ensure } from '../core/errors.ts';
import { readRemembered } from './remembered-server.ts';
import { defaultStateFolder } from './user-folder.ts';

/** The options of every client command. */
export interface ClientOptions {
  readonly server: string;
  readonly trust?: string;
  readonly state?: string;
}

/** Options as typed: `glasskey bootstrap` and the environment fill in what is missing. */
type GivenOptions = { readonly [Name in keyof ClientOptions]?: ClientOptions[Name] | undefined };

/** Help of `--server`. */
const SERVER_HELP = 'URL of the server; default: $GLASSKEY_SERVER, else the one of `glasskey bootstrap`';

/** Help of `--trust`. */
const TRUST_HELP = 'trust bundle to hold the server to; default: the pinned one, else the first one that it shows';

/** Help of `--state`. */
const STATE_HELP = 'folder for the state of this client; default: $GLASSKEY_STATE, else one for each server';

/** Adds `--server`, which a command finds settled when it runs. */
export function serverOption(command: Command): Command {
  return command.option('--server <url>', SERVER_HELP).hook('preAction', async (_, acting) => {
    const { server, state } = await settleOptions(acting.opts<GivenOptions>());
    acting.setOptionValue('server', server);
    if (state !== undefined) acting.setOptionValue('state', state);
  });
}

/** Adds the options of a command that keeps a client's state: `--server`, `--trust` and `--state`. */
export function clientOptions(command: Command): Command {
  return serverOption(command).option('--trust <file>', TRUST_HELP).option('--state <dir>', STATE_HELP);
}

/**
 * Settles server and state: what was typed comes before the environment, and that before what `glasskey bootstrap`
 * remembers. The remembered state is that of the remembered server only. Throws `usage` if there is no server.
 */
export async function settleOptions({ trust, ...given }: GivenOptions): Promise<ClientOptions> {
  const remembered = await readRemembered();
  const server = given.server ?? variable('GLASSKEY_SERVER') ?? remembered?.server;
  ensure(
    server !== undefined,
    'usage',
    'no server named: give it with --server or in GLASSKEY_SERVER, or once with `glasskey bootstrap <url>`',
  );
  const own = remembered !== undefined && serverBase(server) === remembered.server ? remembered.state : undefined;
  const state = settledState(given.state) ?? own;
  return { server, ...(trust === undefined ? {} : { trust }), ...(state === undefined ? {} : { state }) };
}

/** Returns the folder for a command's state, and for evidence if something does not verify. */
export function stateFolder(options: ClientOptions): string {
  return options.state ?? defaultStateFolder(options.server);
}

/** Returns the state folder that was typed, else that of the environment. */
export function settledState(given: string | undefined): string | undefined {
  return given ?? variable('GLASSKEY_STATE');
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}
