#!/usr/bin/env node
import { CommanderError } from 'commander';
import { installNativeSha256 } from '../service/threads/native-sha256.ts';
import { ignoreClosedPipe } from './output/print.ts';
import { createProgram } from './program.ts';

ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);
installNativeSha256();
try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  const { EXIT, reportFailure } = await import('./exit-code.ts');
  if (!(error instanceof CommanderError)) reportFailure(error);
  process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? EXIT.fine : EXIT.refused;
}
