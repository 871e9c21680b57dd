/** From what the user wrote to a backend: a built-in name, the path of an adapter in TypeScript or JavaScript, or a worker. */
import { existsSync } from 'node:fs';
import { basename, extname, isAbsolute, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Backend } from '../backend';
import { BackendError, UsageError, type ErrorText } from '../errors';
import { didYouMean } from '../nearest';
import { describe } from '../cases/read-tensor';
import { supportsProblem } from '../supports';
import { builtinBackend, builtinNames } from './builtin';
import { identityProblem } from './identity';
import { pythonBuiltin, pythonBuiltinNames } from './python-builtin';
import { isModelSpec, modelBuiltin, modelBuiltins } from './model-builtin';
import { rememberSpec } from './spec';
import { takeTypeScript } from './typescript';
import { isWorkerSpec, workerBackend } from './worker';

export interface LoadOptions {
  /** Whether adapters in TypeScript are type-checked. */
  readonly check: boolean;
  /** The interpreter that workers in Python run in. */
  readonly python?: string;
}

/** Throws a UsageError for an unknown name and a BackendError of stage 'load' for a file that makes no backend. */
export async function loadBackend(spec: string, options: LoadOptions): Promise<Backend> {
  if (builtinNames.includes(spec)) return rememberSpec(await builtinBackend(spec), spec);
  if (pythonBuiltinNames.includes(spec)) return rememberSpec(await pythonBuiltin(spec, options), spec);
  if (isModelSpec(spec)) return rememberSpec(await modelBuiltin(spec, options), spec);
  if (isWorkerSpec(spec)) return rememberSpec(await workerBackend(spec, options), spec);
  if (!looksLikePath(spec))
    throw new UsageError('unknown_backend', {
      what: `There is no backend ${JSON.stringify(spec)}.${didYouMean(spec, everyName)}`,
      facts: [`Built in: ${everyName.join(', ')}.`],
      mend: 'An adapter of your own is given by its path: --backend ./my-backend.ts.',
    });
  const file = resolve(spec);
  if (!existsSync(file))
    throw cannotLoad(spec, 'BackendMissingError', 'file_missing', {
      what: `There is no file ${spec}.`,
      facts: [`Looked for ${file}.`],
      mend: 'Give the path of an adapter, or run "maskproof init" to get one to start from.',
    });
  return rememberSpec(shaped(spec, await exportsOf(spec, file, options)), spec);
}

/** Whether a --backend is the name of one that comes with the suite, and no path. */
export function isBuiltinSpec(spec: string): boolean {
  return builtinNames.includes(spec) || pythonBuiltinNames.includes(spec) || isModelSpec(spec);
}

const everyName = [...builtinNames, ...pythonBuiltinNames, ...Object.keys(modelBuiltins)];

const looksLikePath = (spec: string): boolean =>
  isAbsolute(spec) || spec.includes('/') || spec.includes(sep) || /\.[cm]?[jt]sx?$/.test(spec);

async function exportsOf(spec: string, file: string, options: LoadOptions): Promise<unknown> {
  try {
    return await loadModule(file, options);
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const typed = name === 'TSError';
    throw cannotLoad(
      spec,
      typed ? 'BackendTypeError' : 'BackendLoadError',
      typed ? 'does_not_compile' : 'load_threw',
      {
        what: `${spec} could not be loaded: ${typed ? 'it does not compile.' : `${name}: ${message.split('\n')[0]}`}`,
        facts: message
          .split('\n')
          .slice(1)
          .filter((line) => line.trim() !== '')
          .slice(0, 12),
        mend: typed
          ? 'Mend the types, or load it unchecked with --no-check.'
          : 'Loading an adapter runs it: mend what it does at its top level.',
      },
      error,
    );
  }
}

/** What a file of the user's exports; TypeScript is compiled on the way. */
export async function loadModule(file: string, options: LoadOptions): Promise<unknown> {
  if (/\.[cm]?tsx?$/.test(extname(file))) takeTypeScript(options);
  return requireOrImport(file);
}

/** CommonJS, and what can be required of ES modules; an ES module with a top-level await is imported. */
async function requireOrImport(file: string): Promise<unknown> {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- whatever the user's file is, CommonJS is tried first
    return require(file) as unknown;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_REQUIRE_ASYNC_MODULE' || code === 'ERR_REQUIRE_ESM') return import(pathToFileURL(file).href);
    throw error;
  }
}

/** The default export, if it is shaped like a backend. */
function shaped(spec: string, exported: unknown): Backend {
  const found = defaultOf(exported);
  const wrong = (what: string, facts: string[] = []) =>
    cannotLoad(spec, 'BackendShapeError', 'not_a_backend', {
      what: `${spec} does not export a backend: ${what}`,
      facts,
      mend: `${basename(spec)} ends with \`export default defineBackend({ name, supports, open })\`. See docs/backends.md.`,
    });
  if (found === undefined) throw wrong('it has no default export.', [`Found: ${describe(exported)}`]);
  if (typeof found !== 'object' || found === null) throw wrong(`its default export is ${describe(found)}.`);
  const { name, versions, supports, open } = found as Partial<Record<keyof Backend, unknown>>;
  const facts = [`Found: ${describe(found)}`];
  const unnamed = identityProblem(name, versions);
  if (unnamed !== undefined) throw wrong(unnamed, facts);
  if (supports === undefined) throw wrong('supports is missing.', facts);
  const problem = supportsProblem(supports);
  if (problem !== undefined) throw wrong(problem);
  if (typeof open !== 'function') throw wrong('open is missing.', facts);
  return found as Backend;
}

/** CommonJS from TypeScript, ES modules and `module.exports = ...` all put it somewhere else. */
function defaultOf(exported: unknown): unknown {
  let found = exported;
  for (let depth = 0; depth < 2 && typeof found === 'object' && found !== null && 'default' in found; depth++)
    found = found.default;
  return found === exported && !isBackendLike(found) ? undefined : found;
}

const isBackendLike = (x: unknown): boolean => typeof x === 'object' && x !== null && ('open' in x || 'supports' in x);

function cannotLoad(spec: string, type: string, code: string, text: ErrorText, cause?: unknown): BackendError {
  return new BackendError({ type, code, stage: 'load', backend: spec }, text, { cause });
}
