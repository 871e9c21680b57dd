/**
 * The engines that TensorFlow.js can run the reference on. This is the one file that lists them: an engine is an entry in `engines`.
 * Their packages are optional and are loaded only when an engine is asked for.
 */
import type { FloatType } from '../case';
import type { Precision } from '../precision';
import type { Engine, EngineEntry, EngineName } from './engine';
import { cpu } from './engines/cpu';
import { tensorflow } from './engines/tensorflow';
import { wasm } from './engines/wasm';
import { webgpu } from './engines/webgpu';

export {
  DamagedEngineError,
  NoDeviceError,
  type Device,
  type Engine,
  type EngineEntry,
  type EngineName,
} from './engine';
export { MissingPackageError, requirePackage, versionOf } from './packages';

/** In the order in which they are preferred. */
export const engines: readonly EngineEntry[] = [tensorflow, webgpu, wasm, cpu];

/** The entry of that name. */
export function engineEntry(name: EngineName): EngineEntry {
  const entry = engines.find((one) => one.name === name);
  if (entry === undefined)
    throw new Error(
      `There is no engine ${JSON.stringify(name)}; there are ${engines.map((one) => one.name).join(', ')}.`,
    );
  return entry;
}

/** How an engine computes a case of that dtype: the half formats are computed in float32 and rounded once, at the end. */
export function precisionOf({ precision }: Pick<Engine | EngineEntry, 'precision'>, dtype: FloatType): Precision {
  return dtype === 'float32' ? precision : { ...precision, output: dtype };
}
