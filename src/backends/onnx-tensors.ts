/** Tensors on their way to ONNX Runtime and back. */
import type * as ort from 'onnxruntime-node';
import type { FloatTensor, FloatType, MaskRank, Tensor } from '../../reference/case';
import type { OnnxRuntime } from './onnx-sessions';

/** A tensor of ours as one of theirs. Integers become int64, or int32 where the operator wants that. */
export function toOnnx(
  runtime: OnnxRuntime,
  { dtype, shape, data }: Tensor,
  integers: 'int64' | 'int32' = 'int64',
): ort.Tensor {
  switch (dtype) {
    case 'float32':
      return new runtime.Tensor('float32', new Float32Array(data), shape);
    case 'float64':
      return new runtime.Tensor('float64', new Float64Array(data), shape);
    case 'float16':
      return new runtime.Tensor('float16', halfBits(data), shape);
    case 'bool':
      return new runtime.Tensor('bool', data, shape);
    case 'int64':
      if (integers === 'int32') return new runtime.Tensor('int32', new Int32Array(data), shape);
      return new runtime.Tensor('int64', BigInt64Array.from(data, BigInt), shape);
    case 'bfloat16':
      throw new Error('The JavaScript interface of ONNX Runtime has no bfloat16.');
  }
}

/** One of their tensors as one of ours. */
export function toTensor(result: ort.OnnxValue, dtype: FloatType, shape: readonly number[]): FloatTensor {
  const { data, dims } = result;
  if (dims.join() !== shape.join()) throw new Error(`The answer is [${dims.join(', ')}], not [${shape.join(', ')}].`);
  const numbers = data instanceof Uint16Array ? fromHalfBits(data) : Float64Array.from(data as Float32Array);
  return { dtype, shape, data: numbers };
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** float16 as its bits; every number is one of float16's. */
function halfBits(data: Float64Array): Uint16Array {
  const bits = new Uint16Array(data.length);
  for (let n = 0; n < data.length; n++) {
    single[0] = data[n];
    const [word] = singleBits;
    const exponent = (word >>> 23) & 0xff;
    const fraction = (word >>> 13) & 0x3ff;
    const sign = (word >>> 16) & 0x8000;
    if (exponent === 0xff) bits[n] = sign | 0x7c00 | fraction;
    else if (exponent > 112) bits[n] = sign | ((exponent - 112) << 10) | fraction;
    else bits[n] = sign | (Math.abs(data[n]) * 2 ** 24);
  }
  return bits;
}

/** The number of each of the 65,536 patterns. */
const halves = Float64Array.from({ length: 2 ** 16 }, (_, bits) => {
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits < 0x8000 ? 1 : -1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
});

function fromHalfBits(bits: Uint16Array): Float64Array {
  return Float64Array.from(bits, (pattern) => halves[pattern]);
}

/** Keys `from` up to `to` of a tensor [heads, kv_len, columns]. */
export function keyRange(
  tensor: FloatTensor,
  heads: number,
  kvLen: number,
  columns: number,
  from: number,
  to: number,
  leading: readonly number[],
): FloatTensor {
  if (from === 0 && to === kvLen) return tensor;
  const data = new Float64Array(heads * (to - from) * columns);
  for (let h = 0; h < heads; h++) {
    data.set(tensor.data.subarray((h * kvLen + from) * columns, (h * kvLen + to) * columns), h * (to - from) * columns);
  }
  return { dtype: tensor.dtype, shape: [...leading, to - from, columns], data };
}

/**
 * A mask as [batch or 1, num_heads or 1, q_len, kv_len]. The operators broadcast from the right, where our ranks 2 and 3 are [batch, kv_len] and
 * [batch, q_len, kv_len], and refuse a broadcast query axis. Lengths that do not fit stay as they are: the operators refuse them.
 */
export function expandedMask<T extends Tensor>(rank: MaskRank, tensor: T, qLen: number): T {
  const { shape, data } = tensor;
  const columns = shape[shape.length - 1];
  const leading = rank === 4 ? shape.slice(0, 2) : [shape[0], 1];
  const rows = rank === 2 ? 1 : shape[rank - 2];
  // A row that stands for all queries is repeated for each of them.
  const repeats = rank === 2 || (rank === 4 && rows === 1) ? qLen : 1;
  const expanded =
    data instanceof Uint8Array ? new Uint8Array(data.length * repeats) : new Float64Array(data.length * repeats);
  for (let row = 0; row < data.length / columns; row++) {
    const cells = data.subarray(row * columns, (row + 1) * columns);
    for (let n = 0; n < repeats; n++) expanded.set(cells, (row * repeats + n) * columns);
  }
  return { ...tensor, shape: [...leading, rows * repeats, columns], data: expanded };
}

/** An additive mask [.., q_len, kv_len] that also drops, with `sentinel`, every key after its query: query i stands at i + `offset`. */
export function withCausality(mask: FloatTensor, offset: number, sentinel: number): FloatTensor {
  const [, , rows, columns] = mask.shape;
  const data = mask.data.map((cell, at) =>
    at % columns > (Math.floor(at / columns) % rows) + offset ? sentinel : cell,
  );
  return { ...mask, data };
}

/** [batch, first, second, columns] as [batch, second, first, columns]. */
export function swapped(
  data: Float64Array,
  batch: number,
  first: number,
  second: number,
  columns: number,
): Float64Array {
  const result = new Float64Array(data.length);
  let from = 0;
  for (let b = 0; b < batch; b++) {
    for (let n = 0; n < first; n++) {
      for (let m = 0; m < second; m++) {
        result.set(data.subarray(from, from + columns), ((b * second + m) * first + n) * columns);
        from += columns;
      }
    }
  }
  return result;
}
