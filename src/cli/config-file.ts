/** Finds and loads maskproof.config.ts, and lays what it says under the options of the command line. */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { isBuiltinSpec, loadModule } from '../backends/load';
import { configFor, configProblem, type Config, type RunConfig } from '../config';
import { UsageError } from '../errors';
import type { FuzzOptions } from './fuzz';

const names = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `maskproof.config.${extension}`);

/** The options with what the configuration adds. `isGiven` says which of them were on the command line: those stay. */
export async function withConfig(options: FuzzOptions, isGiven: (option: string) => boolean): Promise<FuzzOptions> {
  const file = fileOf(options.config);
  if (file === undefined) return options;
  const config = await loadConfig(file, options.check);
  const mode = options.mode ?? config.mode;
  const { backends, properties, python, ...rest } = placed(configFor(config, mode), dirname(resolve(file)));
  if (python !== undefined && !isGiven('python')) process.env.MASKPROOF_PYTHON = python;
  const added: Partial<FuzzOptions> = {
    ...rest,
    mode,
    ...(backends && { backend: backends }),
    ...(properties && { property: properties }),
  };
  // A budget on the command line is the whole budget.
  const isBudget = isGiven('runs') || isGiven('seconds');
  const kept = Object.entries(added).filter(
    ([name, value]) => value !== undefined && !isGiven(name) && !(isBudget && (name === 'runs' || name === 'seconds')),
  );
  return { ...options, ...(Object.fromEntries(kept) as Partial<FuzzOptions>) };
}

function fileOf(named: string | undefined): string | undefined {
  if (named === 'none') return undefined;
  if (named === undefined) return names.find((name) => existsSync(name));
  if (!existsSync(named))
    throw new UsageError('file_missing', {
      what: `The configuration ${named} does not exist.`,
      mend: 'Check the path; --config none takes none.',
    });
  return named;
}

async function loadConfig(file: string, check: boolean): Promise<Config> {
  let exported: unknown;
  try {
    exported = await loadModule(resolve(file), { check });
  } catch (error) {
    const [first, ...others] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new UsageError(
      'bad_config',
      {
        what: `${file} could not be loaded: ${first}`,
        facts: others.filter((line) => line.trim() !== '').slice(0, 12),
        mend: 'Loading a configuration runs it: mend what it does at its top level.',
      },
      { cause: error },
    );
  }
  const config = defaultOf(exported);
  const problem = config === undefined ? 'it has no default export.' : configProblem(config);
  if (problem !== undefined)
    throw new UsageError('bad_config', {
      what: `${file} is no configuration: ${problem}`,
      mend: "It ends with `export default defineConfig({ backends: ['./my-backend.ts'] })`.",
    });
  return config as Config;
}

/** CommonJS from TypeScript, ES modules and `module.exports = ...` all put it somewhere else. */
function defaultOf(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null) return exported;
  if (!('default' in exported)) return '__esModule' in exported ? undefined : exported;
  const found = exported.default;
  return typeof found === 'object' && found !== null && 'default' in found ? found.default : found;
}

const paths = ['knownFailures', 'corpus', 'json', 'junit', 'sarif', 'html'] as const;

/** Paths as the working directory sees them: the file may lie in another one. */
function placed(config: RunConfig, folder: string): RunConfig {
  const place = (path: string): string =>
    isAbsolute(path) || path === '-' ? path : relative(process.cwd(), join(folder, path)) || '.';
  const moved = paths.flatMap((name) => (config[name] === undefined ? [] : [[name, place(config[name])]]));
  return {
    ...config,
    ...(Object.fromEntries(moved) as RunConfig),
    ...(config.backends && { backends: config.backends.map((spec) => placedSpec(spec, folder, place)) }),
  };
}

/** An adapter or a worker's file beside the configuration. Written so that it still looks like a path. */
function placedSpec(spec: string, folder: string, place: (path: string) => string): string {
  if (resolve(folder) === process.cwd() || isBuiltinSpec(spec) || spec.startsWith('exec:')) return spec;
  if (spec.startsWith('python:')) return `python:${place(spec.slice('python:'.length))}`;
  const path = place(spec);
  return isAbsolute(path) || path.startsWith('.') ? path : `./${path}`;
}
