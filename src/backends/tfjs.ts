/** The reference as a backend: attention as TensorFlow.js operations, many cases a launch. */
import { isMainThread } from 'node:worker_threads';
import {
  DamagedEngineError,
  engineEntry,
  MissingPackageError,
  NoDeviceError,
  precisionOf,
  type Engine,
  type EngineEntry,
  type EngineName,
} from '../../reference/gpu/engines';
import { onEngine } from '../../reference/gpu/on-engine';
import { attendPacked, referenceConventions } from '../../reference/gpu/packing';
import { defineBackend, type Backend } from '../backend';
import { probeEngine, type ProbeAnswer } from '../engine/probe';
import { BackendError } from '../errors';
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
      await loadEngine(entry, name);
      return { attend: (cases) => onEngine(entry, (loaded) => attendPacked(loaded, cases)) };
    },
  });
}

const tried = new Map<EngineName, Promise<ProbeAnswer>>();

/**
 * Loads an engine; whatever keeps it from loading is an error of the backend that asks for it. One that loads a driver is tried in another
 * process first, once: what falls over there is a sentence, and not the end of the run. Threads come after the thread that tried.
 */
export async function loadEngine(entry: EngineEntry, backend: string): Promise<Engine> {
  try {
    if (entry.dependsOnDevice && isMainThread) {
      entry.versions();
      if (!tried.has(entry.name)) tried.set(entry.name, probeEngine(entry.name, 'load'));
      const probed = await tried.get(entry.name);
      if (probed !== undefined && 'error' in probed && probed.error.type === 'EngineCrashedError')
        throw loadError(undefined, 'engine_crashed', backend, probed.error.message);
    }
    return await entry.load();
  } catch (error) {
    if (error instanceof BackendError) throw error;
    if (error instanceof MissingPackageError || error instanceof NoDeviceError || error instanceof DamagedEngineError)
      throw loadError(error, error.code.toLowerCase(), backend, error.message);
    const reason = error instanceof Error ? error.message : String(error);
    throw loadError(error, 'engine_failed', backend, `The engine ${entry.name} did not start: ${reason}`);
  }
}
