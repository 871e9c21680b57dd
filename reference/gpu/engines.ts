/**
 * The engines that TensorFlow.js can run the reference on. This is the one file that lists them: an engine is an entry in `engines`.
 * Their packages are optional and are loaded only when an engine is asked for.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type * as wasm from '@tensorflow/tfjs-backend-wasm';
import type { FloatType } from '../case';
import type { Precision } from '../precision';
import type { TensorFlow } from './attention';

/** A loaded engine. */
export interface Engine {
  readonly name: EngineName;
  readonly tf: TensorFlow;
  /** Makes this engine the one that the next operations run on; operations must follow in the same turn of the event loop. */
  readonly use: () => void;
  /** One line for reports: what computes here. */
  readonly describe: () => string;
  readonly versions: Readonly<Record<string, string>>;
}

/** An engine that may be loaded. */
export interface EngineEntry {
  readonly name: EngineName;
  /** One line for `maskproof list`. */
  readonly description: string;
  /** What has to be installed. */
  readonly packages: readonly string[];
  /** How it computes in float32, point by point. */
  readonly precision: Precision;
  readonly load: () => Promise<Engine>;
}

export type EngineName = 'wasm' | 'cpu';

const requireHere = createRequire(__filename);
const unit = 2 ** -24;

/** What every engine does alike: float32 throughout, one product for the scale, angles from the host in float64 stored as float32. */
const common = {
  accumulate: { type: 'float32' },
  scale: { roundings: 2 },
  divide: 2,
  rotary: { angle: 2 ** -53, trig: 2, pow: 2, table: 'float32' },
} satisfies Partial<Precision>;

export const engines: readonly EngineEntry[] = [
  {
    name: 'wasm',
    description: 'TensorFlow.js on WebAssembly (SIMD, one thread): the reference where no GPU is.',
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'],
    // Its softmax is XNNPACK's: exp is cut off below -87.34 and two to three ulp wrong above.
    precision: { ...common, exp: { relative: 6 * unit, tiny: 2 ** -126 } },
    load: () =>
      loadEngine('wasm', async (tf) => {
        const backend = requirePackage<typeof wasm>('@tensorflow/tfjs-backend-wasm', 'the engine wasm');
        backend.setWasmPaths(`${dirname(requireHere.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
        const env = tf.env();
        env.set('WASM_HAS_MULTITHREAD_SUPPORT', false);
        const simd = await env.getAsync('WASM_HAS_SIMD_SUPPORT');
        return simd === true ? 'WebAssembly with SIMD, one thread' : 'WebAssembly, one thread';
      }),
  },
  {
    name: 'cpu',
    description: 'TensorFlow.js in plain JavaScript: slow, and runs everywhere.',
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu'],
    precision: { ...common, exp: { relative: 2 * unit, tiny: 2 ** -150 } },
    load: () =>
      loadEngine('cpu', () => {
        requirePackage('@tensorflow/tfjs-backend-cpu', 'the engine cpu');
        return 'plain JavaScript';
      }),
  },
];

/** The entry of that name. */
export function engineEntry(name: EngineName): EngineEntry {
  const entry = engines.find((one) => one.name === name);
  if (entry === undefined)
    throw new Error(
      `There is no engine ${JSON.stringify(name)}; there are ${engines.map((one) => one.name).join(', ')}.`,
    );
  return entry;
}

/** The versions of an engine's packages, without loading them. */
export function engineVersions({ name, packages }: EngineEntry): Readonly<Record<string, string>> {
  return Object.fromEntries(packages.map((one) => [one, versionOf(one, `the engine ${name}`)]));
}

/** How an engine computes a case of that dtype: the half formats are computed in float32 and rounded once, at the end. */
export function precisionOf(entry: EngineEntry, dtype: FloatType): Precision {
  return dtype === 'float32' ? entry.precision : { ...entry.precision, output: dtype };
}

/** A package that is optional and not installed. */
export class MissingPackageError extends Error {
  readonly code = 'MISSING_PACKAGE';
  constructor(name: string, purpose: string, options?: ErrorOptions) {
    super(
      `The package ${name} is not installed; ${purpose} needs it.\n  Install it: npm install --save-dev ${name}`,
      options,
    );
    this.name = 'MissingPackageError';
  }
}

/** Loads an optional package; where it is missing, says which, what for, and how to install it. Any other error of loading is its own. */
export function requirePackage<T>(name: string, purpose: string): T {
  return orMissing(name, purpose, () => requireHere(name) as T);
}

/** The version in an optional package's own package.json. */
export function versionOf(name: string, purpose: string): string {
  return orMissing(name, purpose, () => (requireHere(`${name}/package.json`) as { version: string }).version);
}

function orMissing<T>(name: string, purpose: string, load: () => T): T {
  try {
    return load();
  } catch (cause) {
    // A package that is there but lacks one of its own dependencies is another story: that error names what is missing.
    if (isNotFound(cause) && cause.message.startsWith(`Cannot find module '${name}`))
      throw new MissingPackageError(name, purpose, { cause });
    throw cause;
  }
}

function isNotFound(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
}

/** Emscripten's modules listen to every uncaught exception and rejection of the process, and throw it again: what they add is taken away. */
async function withoutListeners<T>(start: () => Promise<T>): Promise<T> {
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = events.map((event) => process.rawListeners(event));
  const started = await start();
  events.forEach((event, n) => {
    const added = process.rawListeners(event).filter((listener) => !before[n].includes(listener));
    for (const listener of added) process.removeListener(event, listener as (...args: unknown[]) => void);
  });
  return started;
}

async function loadEngine(name: EngineName, register: (tf: TensorFlow) => string | Promise<string>): Promise<Engine> {
  const tf = requirePackage<TensorFlow>('@tensorflow/tfjs-core', `the engine ${name}`);
  // Production mode silences the advice to install another backend; it changes no number.
  tf.enableProdMode();
  const description = await register(tf);
  const started = await withoutListeners(() => tf.setBackend(name));
  if (!started) throw new Error(`TensorFlow.js could not start its engine ${name}.`);
  const versions = engineVersions(engineEntry(name));
  return {
    name,
    tf,
    // For an engine that has started, setBackend does its work before it returns its promise.
    use: () => {
      if (tf.getBackend() !== name) void tf.setBackend(name);
    },
    describe: () => `TensorFlow.js ${versions['@tensorflow/tfjs-core']}, ${description}`,
    versions,
  };
}
