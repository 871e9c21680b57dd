/** The reference as a backend: attention as TensorFlow.js operations, many cases a launch. */
import { setImmediate } from 'node:timers/promises';
import type { AttentionCase } from '../../reference/case';
import {
  DeviceLostError,
  engineEntry,
  MissingPackageError,
  NoDeviceError,
  precisionOf,
  type Engine,
  type EngineEntry,
  type EngineName,
} from '../../reference/gpu/engines';
import { attendPacked, referenceConventions, type ReferenceAnswer } from '../../reference/gpu/packing';
import { defineBackend, type Backend } from '../backend';
import { asLoadError, loadError } from './optional';

/** The backend `tfjs-NAME`, on the engine of that name, or under another name. What depends on the device is known once the engine is loaded. */
export async function tfjs(engine: EngineName, name = `tfjs-${engine}`): Promise<Backend> {
  const entry = engineEntry(engine);
  const { precision, versions } = entry.dependsOnDevice
    ? await loadEngine(entry, name)
    : { ...entry, versions: asLoadError(name, () => entry.versions()) };
  return defineBackend({
    name,
    versions,
    supports: {
      bridges: ['base', 'rotary'],
      // float64 is not among TensorFlow.js' types; the half formats are computed in float32 and rounded once, at the end.
      dtypes: ['float32', 'float16', 'bfloat16'],
      maskRanks: [2, 3, 4],
      maskForms: ['boolean', 'additive', 'integer'],
      ...referenceConventions,
      bidirectional: true,
      groupedHeads: true,
      cache: true,
      crossLength: true,
      valueDim: true,
      scale: true,
      slidingWindow: true,
      segments: true,
      softcap: true,
      returns: ['output', 'weights', 'scores'],
      // A case's padded shape is its own, whatever it is packed with, and an engine computes every problem of a launch alike.
      bitwise: 'same_shape',
      precision: {
        float32: precisionOf({ precision }, 'float32'),
        float16: precisionOf({ precision }, 'float16'),
        bfloat16: precisionOf({ precision }, 'bfloat16'),
      },
    },
    async open() {
      const loaded = await loadEngine(entry, name);
      return { attend: (cases) => attend(loaded, cases) };
    },
  });
}

/** Loads an engine; whatever keeps it from loading is an error of the backend that asks for it. */
export async function loadEngine(entry: EngineEntry, backend: string): Promise<Engine> {
  try {
    return await entry.load();
  } catch (error) {
    if (error instanceof MissingPackageError || error instanceof NoDeviceError)
      throw loadError(error, error.code.toLowerCase(), backend, error.message);
    const reason = error instanceof Error ? error.message : String(error);
    throw loadError(error, 'engine_failed', backend, `The engine ${entry.name} did not start: ${reason}`);
  }
}

/** Whatever becomes of a launch whose device is gone, that it is gone is the reason. */
async function attend(engine: Engine, cases: readonly AttentionCase[]): Promise<readonly ReferenceAnswer[]> {
  try {
    return await attendPacked(engine, cases);
  } catch (cause) {
    // The driver's word that it took the device away may come after the error that this caused.
    await setImmediate();
    const how = engine.lost?.();
    if (how === undefined) throw cause;
    throw new DeviceLostError(engine.name, how, { cause });
  }
}
