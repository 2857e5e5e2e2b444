import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Installs what `python/requirements.txt` says in `folder`, and returns the Python that has it. */
export function pythonWithPackages(folder: string): string {
  const place = join(folder, 'python');
  execFileSync('python3', ['-m', 'venv', place], { stdio: 'pipe' });
  const requirements = join(import.meta.dirname, 'python/requirements.txt');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  execFileSync(join(place, 'bin/python'), pip, { stdio: 'pipe' });
  return join(place, 'bin/python');
}

/** Returns the folder of an installed package. */
export function packageFolder(python: string, name: string): string {
  const program = `import os, ${name}; print(os.path.dirname(${name}.__file__))`;
  return execFileSync(python, ['-c', program], { encoding: 'utf8' }).trim();
}
