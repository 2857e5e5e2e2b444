/**
 * `glasskey/server`: puts a log with its certificate authority into another Node program. {@link startServer} serves a data
 * folder over HTTP; {@link openServer} opens one without serving it, for a program that administers it.
 */
export { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
export { initialise, type InitOptions } from './init.ts';
export { openServer, type OpenServer, type OpenServerOptions } from './open-server.ts';
export type { Logger } from './service-logger.ts';
export { type RunningServer, startServer, type StartServerOptions } from './start-server.ts';
