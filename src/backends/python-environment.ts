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

/** The first of `findPythons`. */
export function findPython(asked: string | undefined, surroundings?: Surroundings): Interpreter {
  return findPythons(asked, surroundings)[0];
}

/**
 * In this order: `--python` (or MASKPROOF_PYTHON), `uv run --active` where TL_UV_ACTIVE asks for it, VIRTUAL_ENV, a .venv in this folder or one above
 * it, `uv run --active` in a project with a uv.lock, what `npm run setup:python` made, and python3.
 */
export function findPythons(
  asked: string | undefined,
  { env, cwd }: Surroundings = { env: process.env, cwd: process.cwd() },
): readonly [Interpreter, ...Interpreter[]] {
  const found: Interpreter[] = [];
  const named = (python: string, because: string) =>
    found.push({ command: [python.includes('/') ? resolve(cwd, python) : python], because });
  if (asked !== undefined) named(asked, 'given with --python');
  if (env.MASKPROOF_PYTHON && env.MASKPROOF_PYTHON !== asked) named(env.MASKPROOF_PYTHON, 'MASKPROOF_PYTHON is set');
  const uv = { command: ['uv', 'run', '--active', 'python'] };
  const hasUv = isOnPath('uv', env);
  if (env.TL_UV_ACTIVE && hasUv) found.push({ ...uv, because: 'TL_UV_ACTIVE is set' });
  if (env.VIRTUAL_ENV) {
    const python = pythonOf(env.VIRTUAL_ENV);
    if (existsSync(python)) found.push({ command: [python], because: 'VIRTUAL_ENV is set' });
  }
  for (const folder of upwards(cwd)) {
    const python = pythonOf(join(folder, '.venv'));
    if (existsSync(python)) found.push({ command: [python], because: `of ${join(folder, '.venv')}` });
    else if (hasUv && existsSync(join(folder, 'uv.lock')))
      found.push({ ...uv, because: `${join(folder, 'uv.lock')} makes this a project of uv` });
  }
  const ours = pythonOf(setupFolder());
  if (existsSync(ours)) found.push({ command: [ours], because: 'made by npm run setup:python' });
  const [first = onPath, ...rest] = found;
  return found.length === 0 ? [onPath] : [first, ...rest, onPath];
}

const onPath: Interpreter = { command: [isWindows ? 'python' : 'python3'], because: 'found on PATH' };

/** Where `npm run setup:python` puts its environment. */
export function setupFolder(): string {
  return join(packageRoot(), '.cache', 'python', 'venv');
}

/** The last release of TransformerLens that has HookedTransformer, as `npm run setup:python` puts it beside its environment. */
export const oldTransformerLens = join('transformer-lens-releases', '3.9.0');

/** The environment variables with which a worker finds a release beside the environment, after what PYTHONPATH names already; unchanged where there is none. */
export function withReleaseBeside(env: NodeJS.ProcessEnv = process.env, beside?: string): NodeJS.ProcessEnv {
  if (beside === undefined) return env;
  const folder = join(dirname(setupFolder()), beside);
  if (!existsSync(folder)) return env;
  return { ...env, PYTHONPATH: [env.PYTHONPATH, folder].filter(Boolean).join(delimiter) };
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
