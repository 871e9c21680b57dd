import type { AttentionCase, FloatTensor, Mask } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';

/** What to keep of each axis, as rising indices; an axis left out stays whole. */
export interface Selection {
  readonly batch?: readonly number[];
  readonly kvHeads?: readonly number[];
  /** Which heads of each group: 0 .. num_heads / num_kv_heads - 1. */
  readonly inGroup?: readonly number[];
  /** Which heads keys and values have, where the heads of queries stay. */
  readonly ownKvHeads?: readonly number[];
  readonly queries?: readonly number[];
  readonly keys?: readonly number[];
  readonly dims?: readonly number[];
  readonly valueDims?: readonly number[];
}

type Data = Float64Array | Uint8Array;

/** The chosen part of a row-major tensor; an axis without a list stays whole. */
function take<T extends Data>(
  data: T,
  shape: readonly number[],
  lists: readonly (readonly number[] | undefined)[],
): { shape: number[]; data: T } {
  const chosen = shape.map((size, axis) => lists[axis] ?? range(size));
  const taken = chosen.map((list) => list.length);
  const result = (data instanceof Uint8Array ? new Uint8Array(product(taken)) : new Float64Array(product(taken))) as T;
  let at = 0;
  const walk = (axis: number, offset: number): void => {
    if (axis === shape.length) {
      result[at++] = data[offset];
      return;
    }
    for (const n of chosen[axis]) walk(axis + 1, offset * (shape[axis] ?? 1) + n);
  };
  walk(0, 0);
  return { shape: taken, data: result };
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** 0 .. size - 1 */
export const range = (size: number): number[] => Array.from({ length: size }, (_, n) => n);

function takeFloat(tensor: FloatTensor, lists: readonly (readonly number[] | undefined)[]): FloatTensor {
  return { dtype: tensor.dtype, ...take(tensor.data, tensor.shape, lists) };
}

/** The part of a case that a selection leaves, with everything that belongs to it: mask, positions, segments, gradient, scale. */
export function select(c: AttentionCase, s: Selection): AttentionCase {
  const { numHeads, numKvHeads, qLen, kvLen, headDim } = sizesOf(c);
  const group = numHeads / numKvHeads;
  const heads =
    s.kvHeads || s.inGroup
      ? (s.kvHeads ?? range(numKvHeads)).flatMap((k) => (s.inGroup ?? range(group)).map((g) => k * group + g))
      : undefined;
  const dims = s.dims?.length ?? headDim;
  return settle({
    ...c,
    query: takeFloat(c.query, [s.batch, heads, s.queries, s.dims]),
    key: takeFloat(c.key, [s.batch, s.ownKvHeads ?? s.kvHeads, s.keys, s.dims]),
    value: takeFloat(c.value, [s.batch, s.ownKvHeads ?? s.kvHeads, s.keys, s.valueDims]),
    mask: c.mask && selectMask(c.mask, s, heads, qLen, kvLen),
    scale: c.scale === 1 / Math.sqrt(headDim) ? 1 / Math.sqrt(dims) : c.scale,
    rotary: c.rotary && {
      ...c.rotary,
      rotaryDim: Math.min(c.rotary.rotaryDim, 2 * Math.floor(dims / 2)),
      positionIds: {
        dtype: 'int64',
        ...take(c.rotary.positionIds.data, c.rotary.positionIds.shape, [s.batch, s.keys]),
      },
    },
    segments: c.segments && { dtype: 'int64', ...take(c.segments.data, c.segments.shape, [s.batch, s.keys]) },
    gradOutput: c.gradOutput && takeFloat(c.gradOutput, [s.batch, heads, s.queries, s.valueDims]),
  });
}

function selectMask(mask: Mask, s: Selection, heads: readonly number[] | undefined, qLen: number, kvLen: number): Mask {
  const { shape } = mask.tensor;
  const columns = withExtra(s.keys, kvLen, shape[shape.length - 1]);
  if (mask.rank === 2) return retake(mask, [s.batch, columns]);
  const rows = shape[mask.rank - 2];
  const queries = mask.rank === 4 && rows === 1 ? undefined : withExtra(s.queries, qLen, rows);
  if (mask.rank === 3) return retake(mask, [s.batch, queries, columns]);
  return retake(mask, [shape[0] === 1 ? undefined : s.batch, shape[1] === 1 ? undefined : heads, queries, columns]);
}

/** What is chosen of the first `size`, and all that an over-long mask has beyond them. */
function withExtra(list: readonly number[] | undefined, size: number, all: number): readonly number[] | undefined {
  return list && all > size ? [...list, ...range(all - size).map((n) => size + n)] : list;
}

/** The same mask with another part of its tensor. */
function retake(mask: Mask, lists: readonly (readonly number[] | undefined)[]): Mask {
  return { ...mask, tensor: { ...mask.tensor, ...take(mask.tensor.data, mask.tensor.shape, lists) } } as Mask;
}

/** Takes away what cannot stand: causality, windows, segments and positions where q_len > kv_len, a rotary embedding of no feature. */
export function settle(c: AttentionCase): AttentionCase {
  if (c.query.shape[2] > c.key.shape[2]) {
    return { ...c, isCausal: false, slidingWindow: undefined, segments: undefined, bridge: 'base', rotary: undefined };
  }
  return c.rotary && c.rotary.rotaryDim < 2 ? { ...c, bridge: 'base', rotary: undefined } : c;
}
