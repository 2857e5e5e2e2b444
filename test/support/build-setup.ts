import { buildProgram } from './cli.ts';

/** Builds the program once for each run of the tests: those of the command line run what users run. */
export default function setup(): void {
  buildProgram();
}
