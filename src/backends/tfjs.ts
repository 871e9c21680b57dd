/** The reference as a backend: attention as TensorFlow.js operations, many cases a launch. */
import { engineEntry, engineVersions, precisionOf, type EngineName } from '../../reference/gpu/engines';
import { attendPacked, referenceConventions } from '../../reference/gpu/packing';
import { defineBackend, type Backend } from '../backend';
import { asLoadError } from './optional';

/** The backend `tfjs-NAME`, on the engine of that name, or under another name. */
export function tfjs(engine: EngineName, name = `tfjs-${engine}`): Backend {
  const entry = engineEntry(engine);
  return defineBackend({
    name,
    versions: asLoadError(name, () => engineVersions(entry)),
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
        float32: precisionOf(entry, 'float32'),
        float16: precisionOf(entry, 'float16'),
        bfloat16: precisionOf(entry, 'bfloat16'),
      },
    },
    async open() {
      const loaded = await entry.load();
      return { attend: (cases) => attendPacked(loaded, cases) };
    },
  });
}
