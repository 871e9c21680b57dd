/** Taking slices of tensors and of whole cases; everything else in this folder is made of it. */
import type { AttentionCase, Mask, Tensor } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { float64Array, uint8Array } from '../../../reference/small-arrays';

/** 0, 1, ... n - 1 */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index);
}

/** The slices of `tensor` along `axis` at `indices`, in their order; an index may come twice. */
export function gather<T extends Tensor>(tensor: T, axis: number, indices: readonly number[]): T {
  const { shape, data } = tensor;
  const outer = shape.slice(0, axis).reduce((n, size) => n * size, 1);
  const inner = shape.slice(axis + 1).reduce((n, size) => n * size, 1);
  const size = shape[axis];
  const length = outer * indices.length * inner;
  const taken = data instanceof Uint8Array ? uint8Array(length) : float64Array(length);
  let to = 0;
  for (let o = 0; o < outer; o += 1) {
    for (const index of indices) {
      if (index < 0 || index >= size) throw new RangeError(`Index ${index} is outside axis ${axis} of size ${size}.`);
      const from = (o * size + index) * inner;
      for (let n = 0; n < inner; n += 1) taken[to + n] = data[from + n];
      to += inner;
    }
  }
  const resized = [...shape];
  resized[axis] = indices.length;
  return { ...tensor, shape: resized, data: taken };
}

/** The mask with another tensor of the same dtype. */
export function withTensor(mask: Mask, tensor: Tensor): Mask {
  return { ...mask, tensor } as Mask;
}

/** A change of the mask's tensor along an axis, unless the axis broadcasts. */
export function gatherMask(mask: Mask | undefined, axis: number, indices: readonly number[]): Mask | undefined {
  if (mask === undefined) return undefined;
  const broadcasts = mask.rank === 4 && axis < 3 && mask.tensor.shape[axis] === 1;
  return broadcasts ? mask : withTensor(mask, gather(mask.tensor, axis, indices));
}

/** The axis of a mask's tensor that runs over queries; a rank-2 mask has none. */
export function queryAxis(mask: Mask): number | undefined {
  return mask.rank === 2 ? undefined : mask.rank - 2;
}

/** Only these rows of the batch, in this order. */
export function takeBatch(c: AttentionCase, batch: readonly number[]): AttentionCase {
  return {
    ...c,
    query: gather(c.query, 0, batch),
    key: gather(c.key, 0, batch),
    value: gather(c.value, 0, batch),
    mask: gatherMask(c.mask, 0, batch),
    rotary: c.rotary && { ...c.rotary, positionIds: gather(c.rotary.positionIds, 0, batch) },
    segments: c.segments && gather(c.segments, 0, batch),
    gradOutput: c.gradOutput && gather(c.gradOutput, 0, batch),
  };
}

/** Only these query heads and these key/value heads, in this order. The caller keeps floor(h / group) right. */
export function takeHeads(c: AttentionCase, heads: readonly number[], kvHeads: readonly number[]): AttentionCase {
  return {
    ...c,
    query: gather(c.query, 1, heads),
    key: gather(c.key, 1, kvHeads),
    value: gather(c.value, 1, kvHeads),
    mask: c.mask?.rank === 4 ? gatherMask(c.mask, 1, heads) : c.mask,
    gradOutput: c.gradOutput && gather(c.gradOutput, 1, heads),
  };
}

/** Grouped heads written out: each key/value head once for every query head that reads it. */
export function withRepeatedHeads(c: AttentionCase): AttentionCase {
  const { numHeads, numKvHeads } = sizesOf(c);
  const read = range(numHeads).map((h) => Math.floor(h / (numHeads / numKvHeads)));
  return { ...c, key: gather(c.key, 1, read), value: gather(c.value, 1, read) };
}

/** Only these queries, in this order. Positions follow q_len and kv_len, so the caller sees to it that they still fit. */
export function takeQueries(c: AttentionCase, queries: readonly number[]): AttentionCase {
  const axis = c.mask && queryAxis(c.mask);
  return {
    ...c,
    query: gather(c.query, 2, queries),
    mask: axis === undefined ? c.mask : gatherMask(c.mask, axis, queries),
    gradOutput: c.gradOutput && gather(c.gradOutput, 2, queries),
  };
}

/** Only these keys, in this order, with their columns of the mask, their positions and segments. */
export function takeKeys(c: AttentionCase, keys: readonly number[]): AttentionCase {
  return {
    ...c,
    key: gather(c.key, 2, keys),
    value: gather(c.value, 2, keys),
    mask: c.mask && gatherMask(c.mask, c.mask.rank - 1, keys),
    rotary: c.rotary && { ...c.rotary, positionIds: gather(c.rotary.positionIds, 1, keys) },
    segments: c.segments && gather(c.segments, 1, keys),
  };
}
