import type { AttentionCase, Conventions, Mask, Rotary } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { plain } from './edit';
import { rowsOfInterest } from './rows-of-interest';
import { select } from './select';

/**
 * The smallest cases there are for a mask of this rank and form: most mistakes show in one of them, and then all is done in one step.
 * Nothing of the contents is left, and no feature.
 */
export function* smallestCases(c: AttentionCase): Iterable<AttentionCase> {
  if (c.rotary) yield onePosition(c, c.rotary);
  if (c.mask === undefined) {
    yield* smallest(c, 1, 1, undefined, c.isCausal);
    if (c.isCausal) yield* smallest(c, 2, 2, undefined, true);
    return;
  }
  const varied = c.mask.tensor.data.some((cell: number, _: number, data: ArrayLike<number>) => cell !== data[0]);
  if (varied) {
    yield* smallest(c, 1, 2, [1, 0], false);
    // Backends without a cache take no fewer queries than keys.
    yield* smallest(c, 2, 2, [1, 0], c.isCausal);
  }
}

function* smallest(
  c: AttentionCase,
  qLen: number,
  kvLen: number,
  row: number[] | undefined,
  isCausal: boolean,
): Iterable<AttentionCase> {
  const { dtype } = c.query;
  const zeros = (shape: number[]) => ({ dtype, shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });
  const small: AttentionCase = {
    bridge: 'base',
    query: zeros([1, 1, qLen, 1]),
    key: zeros([1, 1, kvLen, 1]),
    value: zeros([1, 1, kvLen, 1]),
    mask: row && c.mask && smallMask(c.mask, qLen, row),
    isCausal,
    scale: 1,
    want: c.want,
    gradOutput: c.gradOutput && { ...zeros([1, 1, qLen, 1]), data: new Float64Array(qLen).fill(1) },
  };
  yield plain(small, kvLen - 1);
  if (isCausal) yield plain({ ...small, isCausal: false }, kvLen - 1);
}

/** One query, one key and one pair of features, at a position that is no index. */
function onePosition(c: AttentionCase, rotary: Rotary): AttentionCase {
  const one = select(c, {
    batch: [0],
    kvHeads: [0],
    inGroup: [0],
    queries: [0],
    keys: [0],
    dims: [0, 1],
    valueDims: [0],
  });
  const positionIds = { ...rotary.positionIds, shape: [1, 1], data: Float64Array.of(1) };
  const bare = { ...one, mask: undefined, slidingWindow: undefined, segments: undefined, softcap: undefined };
  return plain({ ...bare, isCausal: false, rotary: { rotaryDim: 2, base: 10000, layout: 'half', positionIds } }, 0);
}

function smallMask({ rank, form, tensor }: Mask, qLen: number, row: readonly number[]): Mask {
  const shape = rank === 2 ? [1, row.length] : rank === 3 ? [1, qLen, row.length] : [1, 1, qLen, row.length];
  const cells = rank === 2 ? row : Array.from({ length: qLen }, () => row).flat();
  if (form === 'boolean') return { rank, form, tensor: { dtype: 'bool', shape, data: Uint8Array.from(cells) } };
  if (form === 'integer') return { rank: 2, form, tensor: { dtype: 'int64', shape, data: Float64Array.from(cells) } };
  const dropped = tensor.data.includes(-Infinity) ? -Infinity : finfo[tensor.dtype as 'float32'].lowest;
  return {
    rank,
    form,
    tensor: {
      dtype: tensor.dtype,
      shape,
      data: Float64Array.from(cells, (cell) => (cell === 1 ? 0 : dropped)),
    },
  };
}

/** One batch row, one head, one query and two of its keys, one kept and one not: first without contents, then with them. */
export function* oneRow(c: AttentionCase, causal: Conventions['causal']): Iterable<AttentionCase> {
  const { numHeads, numKvHeads } = sizesOf(c);
  const group = numHeads / numKvHeads;
  for (const { b, h, i, kept, dropped } of rowsOfInterest(c, causal)) {
    const keys = [kept, dropped].filter((j) => j >= 0).sort((x, y) => x - y);
    const place = { batch: [b], kvHeads: [Math.floor(h / group)], inGroup: [h % group] };
    const row = select(c, { ...place, queries: [i], keys, dims: firstDims(c), valueDims: [0] });
    yield plain(row, Math.max(0, keys.indexOf(dropped)));
    yield row;
    // The same where q_len has to be kv_len.
    if (keys.length === 2)
      yield plain(
        select(c, { ...place, queries: squareRows(c, keys), keys, dims: firstDims(c), valueDims: [0] }),
        keys.indexOf(dropped),
      );
    // All queries and keys of one head.
    yield select(c, { ...place, dims: firstDims(c), valueDims: firstDims(c) });
  }
}

/** One feature, or the two that a rotary embedding turns together. */
function firstDims(c: AttentionCase): number[] {
  if (c.rotary === undefined) return [0];
  return [0, c.rotary.layout === 'half' ? c.rotary.rotaryDim / 2 : 1];
}

/** The queries that stand at these keys. */
function squareRows(c: AttentionCase, keys: readonly number[]): number[] {
  const { qLen, kvLen } = sizesOf(c);
  const rows = keys.map((j) => Math.min(qLen - 1, Math.max(0, j - Math.max(0, kvLen - qLen))));
  return rows[0] === rows[1] ? rows.slice(1) : rows;
}
