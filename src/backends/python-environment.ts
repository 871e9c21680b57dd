/** Which Python runs a worker: the user's own environment, where the library under test is installed. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { packageRoot } from '../version';

export interface Interpreter {
  /** The program and what comes before the script. */
  readonly command: readonly string[];
  /** Why this one, for messages. */
  readonly because: string;
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

const isWindows = process.platform === 'win32';

/**
 * The first of: `--python` (or MASKPROOF_PYTHON), `uv run --active` where TL_UV_ACTIVE asks for it, VIRTUAL_ENV, a .venv in this folder or one above
 * it, `uv run --active` in a project with a uv.lock, what `npm run setup:python` made, and python3.
 */
export function findPython(
  asked: string | undefined,
  { env, cwd }: Surroundings = { env: process.env, cwd: process.cwd() },
): Interpreter {
  if (asked !== undefined)
    return { command: [asked.includes('/') ? resolve(cwd, asked) : asked], because: 'given with --python' };
  const told = env.MASKPROOF_PYTHON;
  if (told) return { command: [told.includes('/') ? resolve(cwd, told) : told], because: 'MASKPROOF_PYTHON is set' };
  const uv = { command: ['uv', 'run', '--active', 'python'] };
  const hasUv = isOnPath('uv', env);
  if (env.TL_UV_ACTIVE && hasUv) return { ...uv, because: 'TL_UV_ACTIVE is set' };
  if (env.VIRTUAL_ENV) {
    const python = pythonOf(env.VIRTUAL_ENV);
    if (existsSync(python)) return { command: [python], because: 'VIRTUAL_ENV is set' };
  }
  for (const folder of upwards(cwd)) {
    const python = pythonOf(join(folder, '.venv'));
    if (existsSync(python)) return { command: [python], because: `of ${join(folder, '.venv')}` };
    if (hasUv && existsSync(join(folder, 'uv.lock')))
      return { ...uv, because: `${join(folder, 'uv.lock')} makes this a project of uv` };
  }
  const ours = pythonOf(setupFolder());
  if (existsSync(ours)) return { command: [ours], because: 'made by npm run setup:python' };
  return { command: [isWindows ? 'python' : 'python3'], because: 'found on PATH' };
}

/** Where `npm run setup:python` puts its environment. */
export function setupFolder(): string {
  return join(packageRoot(), '.cache', 'python', 'venv');
}

const pythonOf = (environment: string): string =>
  isWindows ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python');

function upwards(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...upwards(above)];
}

function isOnPath(program: string, env: NodeJS.ProcessEnv): boolean {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .some((folder) => isExecutable(join(folder, isWindows ? `${program}.exe` : program)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
