import type { CredentialFolder } from './credentials.ts';
import { EXIT } from '../exit-code.ts';
import { bindingJson, bindingLines, printJson, printLines } from '../output.ts';

/** Tells of a certificate that was issued and written. */
export function printIssued(
  binding: Parameters<typeof bindingJson>[0],
  folder: CredentialFolder,
  options: { readonly json?: boolean },
): number {
  if (options.json === true) printJson(bindingJson(binding));
  else printLines(`certificate written to ${folder.certificate}`, ...bindingLines(binding));
  return EXIT.fine;
}
