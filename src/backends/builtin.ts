/** The backends that come with the suite, by the name that the command line takes. Their packages are loaded only when one is asked for. */
import type { Backend } from '../backend';
import { onnxruntime } from './onnxruntime';
import { onnxruntimeMha, onnxruntimeWebgpu } from './onnxruntime-mha';
import { oracleBackend } from './oracle';
import { tfjs } from './tfjs';

export interface Builtin {
  /** One line for `maskproof list`. */
  readonly description: string;
  /** Rejects with a BackendError where its packages are not installed. */
  readonly load: () => Backend | Promise<Backend>;
  /** Left out where nobody names a backend: another name for one of the others, or one that loads a driver, which may be one in software. */
  readonly whenNamed?: true;
}

export const builtins: Readonly<Record<string, Builtin>> = {
  oracle: {
    description: 'The definition itself, in float64.',
    load: () => oracleBackend(),
  },
  reference: {
    description:
      'The definition as TensorFlow.js operations, on the engine that needs no set-up: tfjs-wasm by another name.',
    load: () => tfjs('wasm', 'reference'),
    whenNamed: true,
  },
  'tfjs-wasm': {
    description: 'The definition as TensorFlow.js operations, on WebAssembly.',
    load: () => tfjs('wasm'),
  },
  'tfjs-tensorflow': {
    description: 'The definition as TensorFlow.js operations, on TensorFlow: CUDA or the CPU.',
    load: () => tfjs('tensorflow'),
    whenNamed: true,
  },
  'tfjs-webgpu': {
    description: "The definition as TensorFlow.js operations, on WebGPU (Dawn): any vendor's GPU.",
    load: () => tfjs('webgpu'),
    whenNamed: true,
  },
  'tfjs-cpu': {
    description: 'The definition as TensorFlow.js operations, in plain JavaScript.',
    load: () => tfjs('cpu'),
  },
  onnxruntime: {
    description: "ONNX Runtime's Attention operator on the CPU.",
    load: () => onnxruntime(),
  },
  'onnxruntime-mha': {
    description: "ONNX Runtime's contributed MultiHeadAttention operator on the CPU.",
    load: () => onnxruntimeMha(),
  },
  'onnxruntime-webgpu': {
    description: "ONNX Runtime's contributed MultiHeadAttention operator on WebGPU, nothing of it on the CPU.",
    load: () => onnxruntimeWebgpu(),
    whenNamed: true,
  },
};

export const builtinNames: readonly string[] = Object.keys(builtins);

/** What runs where nobody names a backend. */
export const usualBuiltins: readonly string[] = builtinNames.filter((name) => builtins[name].whenNamed === undefined);

/** The built-in backend of that name, one of `builtinNames`. */
export async function builtinBackend(name: string): Promise<Backend> {
  const builtin = builtins[name];
  if (builtin === undefined) throw new Error(`There is no built-in backend ${JSON.stringify(name)}.`);
  return builtin.load();
}
