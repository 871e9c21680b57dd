/** What a maskproof.config.ts may say. */
import type { Budget } from './engine/events';
import { maxSeed } from './engine/seed';
import { didYouMean } from './nearest';

/** Everything is optional, and a flag of the same name wins. Paths are relative to the file. */
export interface RunConfig {
  /** What --backend takes: built-in names, paths of adapters, python:FILE.py, exec:COMMAND. */
  readonly backends?: readonly string[];
  /** Ids, or patterns such as 'forms/*'. */
  readonly properties?: readonly string[];
  /** Cases a property. */
  readonly runs?: number;
  /** Time for the whole run. */
  readonly seconds?: number;
  /** 0 .. 2^31 - 1; at night a fresh one is taken all the same. */
  readonly seed?: number;
  /** Threads. */
  readonly jobs?: number;
  /** 'auto', 'oracle', 'wasm', 'cpu', ... */
  readonly reference?: string;
  readonly failFast?: boolean;
  /** Seconds that one call may take. */
  readonly timeout?: number;
  /** A file of known failures. */
  readonly knownFailures?: string;
  /** The folder of counterexamples. */
  readonly corpus?: string;
  /** Reports: the files to write. */
  readonly json?: string;
  readonly junit?: string;
  readonly sarif?: string;
  readonly html?: string;
  /** The interpreter of workers in Python. */
  readonly python?: string;
  /** Draw with # . X o. */
  readonly ascii?: boolean;
}

export interface Config extends RunConfig {
  readonly mode?: NonNullable<Budget['mode']>;
  /** What is otherwise with --mode pr. */
  readonly pr?: RunConfig;
  /** What is otherwise with --mode nightly. */
  readonly nightly?: RunConfig;
}

/** Gives a configuration its types: `export default defineConfig({ backends: ['./my-backend.ts'] })`. */
export function defineConfig(config: Config): Config {
  return config;
}

/** What may stand in a field, in words, and whether a value is that. */
interface Kind {
  readonly due: string;
  readonly accepts: (value: unknown) => boolean;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const text: Kind = { due: 'text', accepts: isText };
const texts: Kind = { due: 'a list of texts', accepts: (value) => Array.isArray(value) && value.every(isText) };
const flag: Kind = { due: 'true or false', accepts: (value) => typeof value === 'boolean' };
const seconds: Kind = {
  due: 'a number of seconds above 0',
  accepts: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
};
const whole = (min: number, max: number): Kind => ({
  due: `a whole number from ${min} to ${max}`,
  accepts: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
});

const runFields: Readonly<Record<keyof RunConfig, Kind>> = {
  backends: texts,
  properties: texts,
  runs: whole(1, 1_000_000_000),
  seconds,
  seed: whole(0, maxSeed),
  jobs: whole(1, 256),
  reference: text,
  failFast: flag,
  timeout: seconds,
  knownFailures: text,
  corpus: text,
  json: text,
  junit: text,
  sarif: text,
  html: text,
  python: text,
  ascii: flag,
};

const mode: Kind = { due: '"pr" or "nightly"', accepts: (value) => value === 'pr' || value === 'nightly' };

/** The first thing that is wrong with a configuration, as a sentence with the path of the field; undefined where nothing is. */
export function configProblem(config: unknown): string | undefined {
  return (
    problemIn(config, '', { ...runFields, mode }) ??
    problemIn(at(config, 'pr'), 'pr', runFields) ??
    problemIn(at(config, 'nightly'), 'nightly', runFields)
  );
}

function problemIn(value: unknown, path: string, fields: Readonly<Record<string, Kind>>): string | undefined {
  if (value === undefined && path !== '') return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${path === '' ? 'the configuration' : path} is ${show(value)}; it is an object.`;
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined || (path === '' && (name === 'pr' || name === 'nightly'))) continue;
    const field = path === '' ? name : `${path}.${name}`;
    if (!Object.hasOwn(fields, name))
      return `${field} is not a field.${didYouMean(name, [...Object.keys(fields), ...(path === '' ? ['pr', 'nightly'] : [])])}`;
    const { due, accepts } = fields[name];
    if (accepts(given)) continue;
    const items: readonly unknown[] = Array.isArray(given) ? given : [];
    const odd = items.findIndex((item) => !isText(item));
    return fields[name] === texts && odd >= 0
      ? `${field}[${odd}] is ${show(items[odd])}; it is text.`
      : `${field} is ${show(given)}; it is ${due}.`;
  }
  return undefined;
}

const at = (value: unknown, name: 'pr' | 'nightly'): unknown =>
  typeof value === 'object' && value !== null ? (value as Config)[name] : undefined;

function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const shown = typeof value === 'number' || typeof value === 'undefined' ? String(value) : JSON.stringify(value);
  return shown.length <= 80 ? shown : `${shown.slice(0, 77)}...`;
}

/** What holds in a mode: what the file says of it, then what it says of every run. A night takes no seed that is there for all. */
export function configFor(config: Config, mode: Config['mode']): RunConfig {
  const every = Object.fromEntries(
    Object.entries(config).filter(([name]) => Object.hasOwn(runFields, name)),
  ) as RunConfig;
  if (mode === 'pr') return { ...every, ...config.pr };
  return mode === 'nightly' ? { ...every, seed: undefined, ...config.nightly } : every;
}
