/**
 * TensorFlow itself, through the package @tensorflow/tfjs-node: on CUDA where its libraries and a GPU are, on the CPU otherwise.
 * The package is the user's own, or the one that `npm run setup:tensorflow` made.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import type { Precision } from '../../precision';
import type { TensorFlow } from '../attention';
import { common, DamagedEngineError, unit, type Device, type Engine, type EngineEntry } from '../engine';
import { measure, precisionOn } from '../measure';
import { MissingPackageError } from '../packages';
import { packageIn, storeFolder, storeProblem, type Variant } from './tensorflow-store';

const name = 'tensorflow';
const requireHere = createRequire(__filename);

/** On the CPU (Eigen): subnormals are flushed, and exp with its reciprocal was seen four roundoffs off. */
const onCpu: Precision = {
  ...common,
  accumulate: { type: 'float32', flush: true },
  exp: { relative: 6 * unit, tiny: 2 ** -126 },
  divide: 3,
};

/** On a GPU: fast exponentials, and matrix products of TF32 where the driver will not be told otherwise. */
const onGpu: Precision = {
  ...common,
  accumulate: { type: 'float32', flush: true, unitRoundoff: 2 * unit },
  exp: { relative: 4 * unit, perUnit: 3 * unit, tiny: 2 ** -126 },
  divide: 4,
};

export const tensorflow: EngineEntry = {
  name,
  description: 'TensorFlow through @tensorflow/tfjs-node: CUDA where a GPU is, the CPU otherwise.',
  precision: { ...onGpu, exp: { ...onGpu.exp, relative: 6 * unit } },
  dependsOnDevice: true,
  versions,
  load: () => (current ??= start()),
};

/** One process has one TensorFlow. */
let current: Promise<Engine> | undefined;

/** Where the package may be: the user's own first, that with CUDA before that without. */
interface Candidate {
  readonly label: string;
  /** The package's folder; undefined where it is not installed. */
  readonly folder: string | undefined;
  /** Why it cannot be loaded though it is there. */
  readonly problem?: string;
}

function candidates(): readonly Candidate[] {
  return (['gpu', 'cpu'] as const).flatMap((variant) => [installed(variant), stored(variant)]);
}

function installed(variant: Variant): Candidate {
  const label = variant === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  let folder: string;
  try {
    folder = dirname(requireHere.resolve(`${label}/package.json`));
  } catch {
    return { label, folder: undefined };
  }
  const problem = hasAddon(folder)
    ? undefined
    : 'it is installed without its native addon: its install script did not run';
  return { label, folder, ...(problem !== undefined && { problem }) };
}

function stored(variant: Variant): Candidate {
  const label = `npm run setup:tensorflow${variant === 'gpu' ? ' -- --gpu' : ''}`;
  const store = storeFolder(variant);
  if (!existsSync(store)) return { label, folder: undefined };
  const problem = storeProblem(store);
  return {
    label,
    folder: packageIn(store),
    ...(problem !== undefined && { problem: `its store ${store} is damaged: ${problem}` }),
  };
}

function hasAddon(folder: string): boolean {
  const lib = join(folder, 'lib');
  return existsSync(lib) && readdirSync(lib).some((abi) => existsSync(join(lib, abi, 'tfjs_binding.node')));
}

/** The one that would be loaded here. Throws a MissingPackageError or a DamagedEngineError that says how to get one. */
function chosen(): { readonly label: string; readonly folder: string } {
  const all = candidates();
  const ready = all.find(({ folder, problem }) => folder !== undefined && problem === undefined);
  if (ready?.folder !== undefined) return { label: ready.label, folder: ready.folder };
  const problems = all.flatMap(({ label, problem }) => (problem === undefined ? [] : [`${label}: ${problem}.`]));
  if (problems.length > 0) throw new DamagedEngineError(name, problems, 'Make it again: npm run setup:tensorflow');
  throw new MissingPackageError('@tensorflow/tfjs-node', `the engine ${name}`, {
    mend: 'Install it: npm run setup:tensorflow in a checkout, or npm install --save-dev @tensorflow/tfjs-node',
  });
}

/** The versions of the package that would be loaded. */
function versions(): Readonly<Record<string, string>> {
  const { version, name: label } = requireHere(join(chosen().folder, 'package.json')) as {
    version: string;
    name: string;
  };
  return { [label]: version };
}

type NodePackage = TensorFlow & { readonly version: { readonly 'tfjs-core': string } };
interface NodeBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

async function start(): Promise<Engine> {
  const { folder } = chosen();
  // Read when the libraries are loaded. oneDNN makes small launches six times slower; TF32 would cut the operands of matrix products.
  const settings = {
    TF_CPP_MIN_LOG_LEVEL: '3',
    TF_ENABLE_ONEDNN_OPTS: '0',
    NVIDIA_TF32_OVERRIDE: '0',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  };
  for (const [key, value] of Object.entries(settings)) process.env[key] ??= value;
  // The package asks for it; Node 23 took it away.
  const util = requireHere('node:util') as { isNullOrUndefined?: (x: unknown) => boolean };
  util.isNullOrUndefined ??= (x) => x === null || x === undefined;
  const tf = requireHere(folder) as NodePackage;
  tf.enableProdMode();
  const backend = tf.findBackend(name) as unknown as NodeBackend;
  const use = (): void => {
    if (tf.getBackend() !== name) void tf.setBackend(name);
  };
  const { TF_Version: library } = backend.binding;
  const device: Device = backend.isUsingGpuDevice ? gpu() : { kind: 'cpu', name: cpus()[0]?.model ?? 'CPU' };
  const where =
    device.kind === 'gpu' ? `${device.name}, driver ${device.driver ?? 'unknown'}` : `the CPU (${device.name})`;
  const described = `TensorFlow.js ${tf.version['tfjs-core']}, TensorFlow ${library} on ${where}`;
  const engine = {
    name,
    tf,
    use,
    describe: () => described,
    versions: { ...versions(), TensorFlow: library },
    device,
  } as const;
  if (device.kind === 'cpu') return { ...engine, precision: onCpu };
  const measured = await measure(tf, use);
  return { ...engine, measured, precision: precisionOn(onGpu, measured) };
}

/** TensorFlow's interface for C names no device: the driver's own tool does. */
function gpu(): Device {
  const { stdout, status } = spawnSync('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader'], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  const [model, driver] =
    status === 0
      ? stdout
          .split('\n')[0]
          .split(',')
          .map((word) => word.trim())
      : [];
  return { kind: 'gpu', name: model || 'a CUDA device', ...(driver && { driver }) };
}
