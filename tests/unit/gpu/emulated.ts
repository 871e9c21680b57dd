import type { Tensor, TensorContainer } from '@tensorflow/tfjs-core';
import type { TensorFlow } from '../../../reference/gpu/attention';
import type { Engine } from '../../../reference/gpu/engines';
import type { Precision } from '../../../reference/precision';

/** What another device does to numbers, done to those of the engine that is here. */
export interface Habits {
  /** Operands of matrix products, before they are multiplied. */
  readonly operand?: (x: number) => number;
  /** Results of every operation, and what operations read. */
  readonly everywhere?: (x: number) => number;
}

/** The engine with other habits, declared or not. */
export function emulated(engine: Engine, { operand, everywhere }: Habits, precision: Precision): Engine {
  const { tf } = engine;
  const changed = (tensor: Tensor, how: ((x: number) => number) | undefined): Tensor =>
    how === undefined || tensor.dtype !== 'float32'
      ? tensor
      : tf.tensor(Float32Array.from(tensor.dataSync(), how), tensor.shape);
  const isTensor = (x: unknown): x is Tensor => x instanceof tf.Tensor;
  const untouched = new Set(['tidy', 'reshape', 'concat1d', 'argMax', 'oneHot', 'Tensor']);
  const handler: ProxyHandler<TensorFlow> = {
    get(target, name, receiver) {
      const own = Reflect.get(target, name, receiver) as unknown;
      if (typeof own !== 'function' || typeof name !== 'string' || untouched.has(name)) return own;
      return (...args: unknown[]): unknown => {
        const read = args.map((arg) => {
          if (!isTensor(arg)) return arg;
          return changed(changed(arg, everywhere), name === 'matMul' ? operand : undefined);
        });
        const result = (own as (...given: unknown[]) => TensorContainer)(...read);
        return isTensor(result) ? changed(result, everywhere) : result;
      };
    },
  };
  return { ...engine, tf: new Proxy(tf, handler), precision };
}

const bits = new Float32Array(1);
const word = new Uint32Array(bits.buffer);

/** To the 10 bits of TF32, ties to even. */
export function toTF32(x: number): number {
  if (!Number.isFinite(x)) return x;
  bits[0] = x;
  word[0] = (word[0] + 0xfff + ((word[0] >>> 13) & 1)) & ~0x1fff;
  return bits[0];
}

/** To the 10 bits of TF32, the rest cut off. */
export function cutToTF32(x: number): number {
  if (!Number.isFinite(x)) return x;
  bits[0] = x;
  word[0] &= ~0x1fff;
  return bits[0];
}

/** Subnormal numbers are zero. */
export const flush = (x: number): number => (Math.abs(x) < 2 ** -126 ? 0 : x);
