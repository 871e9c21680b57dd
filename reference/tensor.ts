import type { BoolTensor, FloatTensor, FloatType, IntTensor, Tensor } from './case';
import { roundAll } from './dtype';

/** How many numbers a tensor of `shape` holds. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

function checkLength(shape: readonly number[], length: number): void {
  if (length !== sizeOf(shape)) {
    throw new RangeError(`A tensor of shape [${shape.join(', ')}] holds ${sizeOf(shape)} numbers, not ${length}.`);
  }
}

/** A copy of `values`, row-major, each rounded to `dtype`. */
export function floatTensor(dtype: FloatType, shape: readonly number[], values: ArrayLike<number>): FloatTensor {
  checkLength(shape, values.length);
  return { dtype, shape, data: roundAll(Float64Array.from(values), dtype) };
}

/** Row-major truth values, 0 and 1 or false and true. */
export function boolTensor(shape: readonly number[], values: ArrayLike<number | boolean>): BoolTensor {
  checkLength(shape, values.length);
  return { dtype: 'bool', shape, data: Uint8Array.from(values, (value) => (value ? 1 : 0)) };
}

/** A copy of `values`, row-major whole numbers. */
export function intTensor(shape: readonly number[], values: ArrayLike<number>): IntTensor {
  checkLength(shape, values.length);
  return { dtype: 'int64', shape, data: Float64Array.from(values) };
}

/** A floating tensor of zeros. */
export function zeros(dtype: FloatType, shape: readonly number[]): FloatTensor {
  return { dtype, shape, data: new Float64Array(sizeOf(shape)) };
}

/** The number at `indices`, one an axis; throws where one is out of bounds. */
export function at(tensor: Tensor, ...indices: readonly number[]): number {
  const { shape } = tensor;
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const index = indices[axis];
    if (!(index >= 0 && index < shape[axis])) outOfBounds(shape, indices);
    offset = offset * shape[axis] + index;
  }
  if (indices.length !== shape.length) outOfBounds(shape, indices);
  return tensor.data[offset];
}

function outOfBounds(shape: readonly number[], indices: readonly number[]): never {
  throw new RangeError(`There is no [${indices.join(', ')}] in a tensor of shape [${shape.join(', ')}].`);
}

/** Whether dtype, shape and every number agree; NaN equals NaN, and -0 is not 0. */
export function sameBytes(one: Tensor, other: Tensor): boolean {
  return (
    one.dtype === other.dtype &&
    one.shape.length === other.shape.length &&
    one.shape.every((length, axis) => length === other.shape[axis]) &&
    one.data.length === other.data.length &&
    one.data.every((value: number, n: number) => Object.is(value, other.data[n]))
  );
}
