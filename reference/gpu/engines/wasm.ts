/** TensorFlow.js on WebAssembly: the engine that needs no set-up. */
import { dirname } from 'node:path';
import type * as wasmBackend from '@tensorflow/tfjs-backend-wasm';
import { common, unit, type EngineEntry } from '../engine';
import { requirePackage, resolvePackage } from '../packages';
import { loadCore, startBackend, startedEngine, versionsOf } from '../tfjs-core';

const name = 'wasm';
const backend = '@tensorflow/tfjs-backend-wasm';
const packages = ['@tensorflow/tfjs-core', backend];
const purpose = `the engine ${name}`;
// Its softmax is XNNPACK's: exp is cut off below -87.34 and two to three ulp wrong above.
const precision = { ...common, exp: { relative: 6 * unit, tiny: 2 ** -126 } };

export const wasm: EngineEntry = {
  name,
  description: 'TensorFlow.js on WebAssembly (SIMD, one thread): the reference where no GPU is.',
  precision,
  dependsOnDevice: false,
  versions: () => versionsOf(name, packages),
  async load() {
    const tf = loadCore(name);
    const { setWasmPaths } = requirePackage<typeof wasmBackend>(backend, purpose);
    setWasmPaths(`${dirname(resolvePackage(backend, purpose))}/`);
    const env = tf.env();
    env.set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    const simd = await env.getAsync('WASM_HAS_SIMD_SUPPORT');
    await startBackend(tf, name);
    const description = simd === true ? 'WebAssembly with SIMD, one thread' : 'WebAssembly, one thread';
    return {
      ...startedEngine(tf, name, packages, description),
      device: { kind: 'cpu', name: description },
      precision,
      // Its memory may grow to 4 GiB, and where it cannot the module is done for.
      memory: 2 ** 31,
    };
  },
};
