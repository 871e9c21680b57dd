/** TensorFlow.js in plain JavaScript. */
import { common, unit, type EngineEntry } from '../engine';
import { requirePackage } from '../packages';
import { loadCore, startBackend, startedEngine, versionsOf } from '../tfjs-core';

const name = 'cpu';
const backend = '@tensorflow/tfjs-backend-cpu';
const packages = ['@tensorflow/tfjs-core', backend];
const precision = { ...common, exp: { relative: 2 * unit, tiny: 2 ** -150 } };

export const cpu: EngineEntry = {
  name,
  description: 'TensorFlow.js in plain JavaScript: slow, and runs everywhere.',
  precision,
  dependsOnDevice: false,
  versions: () => versionsOf(name, packages),
  async load() {
    const tf = loadCore(name);
    requirePackage(backend, `the engine ${name}`);
    await startBackend(tf, name);
    return {
      ...startedEngine(tf, name, packages, 'plain JavaScript'),
      device: { kind: 'cpu', name: 'plain JavaScript' },
      precision,
    };
  },
};
