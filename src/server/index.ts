/**
 * `glasskey/server`: embeds a log with its certificate authority in another Node program. {@link initialise} creates a
 * data folder. {@link startServer} serves it over HTTP. {@link openServer} opens it without serving it, for a program
 * that administers the log. All of them throw {@link GlasskeyError}, whose `code` is stable.
 */
export { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
export { initialise, type InitOptions } from './init.ts';
export { openServer, type OpenServer, type OpenServerOptions } from './open-server.ts';
export type { Logger } from './service-logger.ts';
export { type RunningServer, startServer, type StartServerOptions } from './start-server.ts';
