#!/usr/bin/env node
import { CommanderError } from 'commander';
import { useNativeCrypto } from '../native/native-crypto.ts';
import { ignoreClosedPipe } from './output/print.ts';
import { createProgram } from './program.ts';

ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);
useNativeCrypto();
try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own: help, the version or what is wrong. Loading more would take longer than that.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 1;
  else {
    const { EXIT, reportFailure } = await import('./exit-code.ts');
    reportFailure(error);
    process.exitCode = EXIT.refused;
  }
}
