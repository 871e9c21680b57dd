/** What an engine is: something that TensorFlow.js can run the reference on. */
import type { Precision } from '../precision';
import type { TensorFlow } from './attention';
import type { Measured } from './measure';

/** A loaded engine. */
export interface Engine {
  readonly name: EngineName;
  readonly tf: TensorFlow;
  /** Makes this engine the one that the next operations run on; operations must follow in the same turn of the event loop. */
  readonly use: () => void;
  /** One line for reports: what computes here. */
  readonly describe: () => string;
  readonly versions: Readonly<Record<string, string>>;
  readonly device: Device;
  /** How it computes in float32 on this device, point by point. */
  readonly precision: Precision;
  /** What was measured when it was loaded, where its precision depends on the device. */
  readonly measured?: Measured;
  /** How many problems one launch may hold; any number where absent. */
  readonly mostProblems?: number;
  /** How many bytes one tensor may have, and all of a launch; whatever the device has where absent. */
  readonly largestTensor?: number;
  readonly memory?: number;
  /** Begins to listen for what the driver refuses; what it returns ends that, and rejects where something was refused. */
  readonly watch?: () => () => Promise<void>;
  /** Why it answers no more: the driver took the device away. An engine that is loaded again is a new one. */
  readonly lost?: () => string | undefined;
}

/** What an engine computes on. */
export interface Device {
  /** `software`: a driver that says it is a GPU and computes on the CPU. */
  readonly kind: 'gpu' | 'software' | 'cpu';
  readonly name: string;
  readonly driver?: string;
}

/** An engine that may be loaded. */
export interface EngineEntry {
  readonly name: EngineName;
  /** One line for `maskproof list`. */
  readonly description: string;
  /** How it computes in float32 at worst: on some device. */
  readonly precision: Precision;
  /** Whether what computes is known only when it is loaded: then so is its precision. */
  readonly dependsOnDevice: boolean;
  /** Rejects with a MissingPackageError or a NoDeviceError where it cannot run here. */
  readonly load: () => Promise<Engine>;
  /** The versions of what would be loaded, without loading it; throws a MissingPackageError. */
  readonly versions: () => Readonly<Record<string, string>>;
}

export type EngineName = 'tensorflow' | 'webgpu' | 'wasm' | 'cpu';

/** The engine's packages are there, and nothing that it could run on. */
export class NoDeviceError extends Error {
  readonly code = 'NO_DEVICE';
  constructor(what: string, mend: string, options?: ErrorOptions) {
    super(`${what}\n  ${mend}`, options);
    this.name = 'NoDeviceError';
  }
}

/** The engine was installed, and is not what was installed any more, or not all of it. */
export class DamagedEngineError extends Error {
  readonly code = 'DAMAGED_ENGINE';
  constructor(engine: EngineName, facts: readonly string[], mend: string) {
    super([`What the engine ${engine} loads is damaged.`, ...facts, mend].join('\n  '));
    this.name = 'DamagedEngineError';
  }
}

/** The driver took the device away: what was asked has no answer, and an engine that is loaded again may have one. */
export class DeviceLostError extends Error {
  readonly code = 'DEVICE_LOST';
  constructor(engine: EngineName, how: string, options?: ErrorOptions) {
    super(`The device of the engine ${engine} did not stay: ${how}.`, options);
    this.name = 'DeviceLostError';
  }
}

/** There is no room for a launch; a smaller one may have it. */
export class OutOfMemoryError extends Error {
  readonly code = 'OUT_OF_MEMORY';
  constructor(engine: EngineName, what: string, options?: ErrorOptions) {
    super(`The engine ${engine} has no room for a launch: ${what}.`, options);
    this.name = 'OutOfMemoryError';
  }
}

/** The unit roundoff of float32. */
export const unit = 2 ** -24;

/** What every engine does alike: float32 throughout, one product for the scale, angles from the host in float64 stored as float32. */
export const common = {
  accumulate: { type: 'float32' },
  scale: { roundings: 2 },
  divide: 2,
  rotary: { angle: 2 ** -53, trig: 2, pow: 2, table: 'float32' },
} satisfies Partial<Precision>;
