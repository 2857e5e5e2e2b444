#!/usr/bin/env node
import { CommanderError } from 'commander';
import { installNativeSha256 } from '../service/threads/native-sha256.ts';
import { EXIT, reportFailure } from './exit-code.ts';
import { ignoreClosedPipe } from './output/print.ts';
import { createProgram } from './program.ts';

ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);
installNativeSha256();
try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) reportFailure(error);
  process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? EXIT.fine : EXIT.refused;
}
