/**
 * TensorFlow.js' WebGPU backend on Dawn, the package `webgpu`: any vendor's GPU through Vulkan, Metal or Direct3D 12, without a browser.
 * A driver that computes in software (SwiftShader, lavapipe, WARP) is taken too, and says so.
 */
import type { KernelBackend } from '@tensorflow/tfjs-core';
import type { Precision } from '../../precision';
import { common, NoDeviceError, OutOfMemoryError, unit, type Device, type Engine, type EngineEntry } from '../engine';
import { measure, precisionOn } from '../measure';
import { requirePackage } from '../packages';
import { loadCore, startBackend, startedEngine, versionsOf } from '../tfjs-core';

const name = 'webgpu';
const dawn = 'webgpu';
const backend = '@tensorflow/tfjs-backend-webgpu';
const packages = ['@tensorflow/tfjs-core', backend, dawn];
const purpose = `the engine ${name}`;

/** MatMulProgramType.MatMulPackedProgram */
const matMulPacked = 3;

/** By the text of WGSL: exp to 3 + 2 |x| ulp, a division to 2.5 ulp, any rounding mode, and subnormals may become zero. */
const precision: Precision = {
  ...common,
  accumulate: { type: 'float32', flush: true, unitRoundoff: 2 * unit },
  exp: { relative: 6 * unit, perUnit: 4 * unit, tiny: 2 ** -126 },
  divide: 6,
  // (1 - e) / (1 + e) with e = exp(-2 |x|).
  tanh: { relative: 8 * unit, absolute: 5 * unit },
};

export const webgpu: EngineEntry = {
  name,
  description: "TensorFlow.js on WebGPU (Dawn): any vendor's GPU through Vulkan, Metal or Direct3D 12.",
  precision,
  dependsOnDevice: true,
  versions: () => versionsOf(name, packages),
  load: async () => {
    const previous = current;
    if (previous !== undefined && (await previous).lost?.() !== undefined && current === previous) current = undefined;
    current ??= start();
    try {
      return await current;
    } catch (error) {
      // What failed once may be mended: the next one tries again.
      current = undefined;
      throw error;
    }
  },
};

/** Devices are dear, and one serves all until it is lost. */
let current: Promise<Engine> | undefined;

async function start(): Promise<Engine> {
  const tf = loadCore(name);
  const { WebGPUBackend } = requirePackage<BackendPackage>(backend, purpose);
  const { create, globals } = requirePackage<DawnPackage>(dawn, purpose);
  defineMissing(globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null)
    throw new NoDeviceError(
      'WebGPU finds no adapter: no driver for Vulkan, Metal or Direct3D 12 is to be found here.',
      'Install the driver of the GPU; without a GPU, docs/gpu.md says how to use a driver in software.',
    );
  const { device, info } = await openDevice(adapter);
  let lost: string | undefined;
  void device.lost.then(({ reason, message }) => {
    lost = `${info.name} was lost (${reason}${message === '' ? '' : `: ${message}`})`;
  });
  // Small launches are computed there no less than large ones, and by one program whatever else is packed with them: others add in another order.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', matMulPacked);
  if (tf.findBackend(name) !== null) tf.removeBackend(name);
  tf.registerBackend(name, () => withNavigator(gpu, () => new WebGPUBackend(device, adapter.info)));
  await startBackend(tf, name);

  const about = [
    ...(info.driver === undefined ? [] : [info.driver]),
    ...(info.kind === 'software' ? ['in software'] : []),
  ];
  const described = `WebGPU on ${info.name}${about.length > 0 ? ` (${about.join(', ')})` : ''}`;
  const started = startedEngine(tf, name, packages, described);
  const measured = await measure(tf, started.use);
  return {
    ...started,
    device: info,
    measured,
    precision: precisionOn(precision, measured),
    mostProblems: device.limits.maxComputeWorkgroupsPerDimension,
    largestTensor: Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize),
    watch: () => watch(device),
    lost: () => lost,
  };
}

/** A driver that refuses a buffer goes on, and what depends on it holds zeros. */
function watch(device: GpuDevice): () => Promise<void> {
  const scopes = ['out-of-memory', 'validation', 'internal'];
  for (const scope of scopes) device.pushErrorScope(scope);
  return async () => {
    const errors = await Promise.all(
      scopes.toReversed().map(async (scope) => ({ scope, error: await device.popErrorScope() })),
    );
    const first = errors.toReversed().find(({ error }) => error !== null);
    if (first?.error === undefined || first.error === null) return;
    const what = first.error.message.trim().split('\n')[0];
    if (first.scope === 'out-of-memory') throw new OutOfMemoryError(name, what);
    throw new Error(`The driver refused a launch: ${what}`);
  };
}

/** With the limits that the adapter has, where the backend would ask for those. */
async function openDevice(adapter: Adapter): Promise<{ device: GpuDevice; info: Device }> {
  const info = describeAdapter(adapter);
  const features = ['timestamp-query', 'bgra8unorm-storage'].filter((feature) => adapter.features.has(feature));
  const limits = [
    'maxComputeWorkgroupStorageSize',
    'maxComputeWorkgroupsPerDimension',
    'maxStorageBufferBindingSize',
    'maxBufferSize',
    'maxComputeWorkgroupSizeX',
    'maxComputeInvocationsPerWorkgroup',
  ];
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: features,
      requiredLimits: Object.fromEntries(limits.map((limit) => [limit, adapter.limits[limit]])),
    });
    return { device, info };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NoDeviceError(
      `The driver of ${info.name} made no device: ${reason}`,
      'Update the driver, or run with another reference.',
      { cause },
    );
  }
}

/** Drivers in software, by what they call themselves. */
const software = /swiftshader|llvmpipe|lavapipe|softpipe|\bwarp\b|basic render/i;

/** What an adapter says of itself, and whether it is hardware. */
export function describeAdapter({ info }: Pick<Adapter, 'info'>): Device {
  const { vendor, architecture, device, description, isFallbackAdapter } = info;
  const words = [vendor, architecture, device, description].filter((word) => word !== '');
  const isSoftware = isFallbackAdapter === true || words.some((word) => software.test(word));
  const named = (device !== '' ? device : words.join(' ')).replace(/-+$/, '');
  return {
    kind: isSoftware ? 'software' : 'gpu',
    name: named === '' ? 'an adapter without a name' : named,
    ...(description !== '' && description !== named && { driver: description }),
  };
}

/** Constants and classes of WebGPU that the backend finds among the globals. */
function defineMissing(globals: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(globals)) {
    if (!(key in globalThis)) Object.defineProperty(globalThis, key, { value, configurable: true, writable: true });
  }
}

/** The backend looks for navigator.gpu while it is made, and only then: other libraries take a navigator for a browser. */
function withNavigator<T>(gpu: unknown, make: () => T): T {
  const was = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  try {
    return make();
  } finally {
    if (was === undefined) delete (globalThis as { navigator?: unknown }).navigator;
    else Object.defineProperty(globalThis, 'navigator', was);
  }
}

interface BackendPackage {
  readonly WebGPUBackend: new (device: GpuDevice, info: AdapterInfo) => KernelBackend;
}

interface DawnPackage {
  readonly create: (options: readonly string[]) => {
    requestAdapter(options: { powerPreference: string }): Promise<Adapter | null>;
  };
  readonly globals: Readonly<Record<string, unknown>>;
}

interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

interface Adapter {
  readonly info: AdapterInfo;
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  requestDevice(descriptor: object): Promise<GpuDevice>;
}

interface GpuDevice {
  readonly limits: Readonly<Record<string, number>>;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  pushErrorScope(filter: string): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  destroy(): void;
}
