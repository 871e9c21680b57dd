/** The same mask said in another form, rank or shape; the other masks of a case built cell by cell. */
import type {
  AttentionCase,
  Conventions,
  FloatTensor,
  FloatType,
  Mask,
  MaskForm,
  MaskRank,
  Tensor,
} from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { keepGrid } from '../../../reference/masks';
import { float64Array, uint8Array } from '../../../reference/small-arrays';
import type { Sentinel } from '../constraints';
import { gather, range, withTensor } from './gather';

/** Whether a number in an additive mask of `dtype` drops its key. */
export function drops(number: number, dtype: FloatType): boolean {
  return number === -Infinity || number === finfo[dtype].lowest;
}

/** What an additive mask of `dtype` holds in a dropped cell. */
export function sentinelNumber(sentinel: Sentinel, dtype: FloatType): number {
  return sentinel === 'inf' ? -Infinity : finfo[dtype].lowest;
}

/** What each entry of a mask's tensor adds to a score: 0 or a bias where it keeps, undefined where it drops. */
export function entries({ form, tensor }: Mask): (number | undefined)[] {
  const { data, dtype } = tensor;
  const adds = new Array<number | undefined>(data.length);
  const additive = form === 'additive';
  for (let n = 0; n < data.length; n += 1) {
    const dropped = additive ? drops(data[n], dtype as FloatType) : data[n] === 0;
    adds[n] = dropped ? undefined : additive ? data[n] : 0;
  }
  return adds;
}

/** A mask of a form from what its entries add. Biases are lost in forms that have none. */
function maskOf(
  rank: MaskRank,
  form: MaskForm,
  shape: readonly number[],
  adds: readonly (number | undefined)[],
  dtype: FloatType,
  sentinel: Sentinel,
): Mask {
  if (form === 'integer' && rank !== 2) throw new RangeError(`An integer mask has rank 2, not ${rank}.`);
  const additive = form === 'additive';
  const drop = additive ? sentinelNumber(sentinel, dtype) : 0;
  const data = form === 'boolean' ? uint8Array(adds.length) : float64Array(adds.length);
  for (let n = 0; n < adds.length; n += 1)
    data[n] = (additive ? adds[n] : adds[n] === undefined ? undefined : 1) ?? drop;
  const tensor = { dtype: additive ? dtype : form === 'boolean' ? 'bool' : 'int64', shape, data } as Tensor;
  return { rank, form, tensor } as Mask;
}

/** An additive mask from cells that are 0 where they drop: the common case, without a list in between. */
function additiveOf(rank: MaskRank, { shape, data: cells }: Tensor, dtype: FloatType, sentinel: Sentinel): Mask {
  const drop = sentinelNumber(sentinel, dtype);
  const data = float64Array(cells.length);
  for (let n = 0; n < data.length; n += 1) if (cells[n] === 0) data[n] = drop;
  return { rank, form: 'additive', tensor: { dtype, shape, data } };
}

/** The same mask in another form: additive masks in the query's dtype. Biases survive from additive to additive only. */
export function withForm(c: AttentionCase, form: MaskForm, sentinel: Sentinel = 'finfo'): AttentionCase {
  if (c.mask === undefined) return c;
  const { rank, tensor } = c.mask;
  const { dtype } = c.query;
  const mask =
    form === 'additive' && c.mask.form !== 'additive'
      ? additiveOf(rank, tensor, dtype, sentinel)
      : maskOf(rank, form, tensor.shape, entries(c.mask), dtype, sentinel);
  return { ...c, mask };
}

/** Which sentinel an additive mask uses; finfo where it drops nothing. */
export function sentinelIn(mask: Mask): Sentinel {
  return mask.form === 'additive' && mask.tensor.data.includes(-Infinity) ? 'inf' : 'finfo';
}

/** Whether an additive mask holds a finite number other than 0 that keeps. */
export function hasBias(mask: Mask | undefined): boolean {
  return mask?.form === 'additive' && entries(mask).some((add) => add !== undefined && add !== 0);
}

/** No mask at all. */
export function withoutMask(c: AttentionCase): AttentionCase {
  return { ...c, mask: undefined, maskLayout: undefined };
}

/** A mask that keeps every key, of the shape that its rank is made in; zeros where it is additive. */
export function withFullMask(c: AttentionCase, rank: MaskRank, form: MaskForm): AttentionCase {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const shape = { 2: [batch, kvLen], 3: [batch, qLen, kvLen], 4: [batch, numHeads, qLen, kvLen] }[rank];
  const all = new Array<number>(shape.reduce((n, size) => n * size, 1)).fill(0);
  return { ...c, mask: maskOf(rank, form, shape, all, c.query.dtype, 'finfo') };
}

/** A rank-4 mask with its broadcast axes written out: [batch, num_heads, q_len, kv_len]. */
export function withMaskWrittenOut(c: AttentionCase): AttentionCase {
  if (c.mask?.rank !== 4) return c;
  const { batch, numHeads, qLen } = sizesOf(c);
  const { mask } = c;
  const tensor = [batch, numHeads, qLen].reduce(
    (written, size, axis) =>
      written.shape[axis] === 1 && size > 1 ? gather(written, axis, new Array<number>(size).fill(0)) : written,
    mask.tensor as FloatTensor,
  );
  return { ...c, mask: withTensor(mask, tensor) };
}

/** Whether a rank-4 mask has an axis of one where the case has more. */
export function maskBroadcasts(c: AttentionCase): boolean {
  const { batch, numHeads, qLen } = sizesOf(c);
  return (
    c.mask?.rank === 4 && [batch, numHeads, qLen].some((size, axis) => size > 1 && c.mask?.tensor.shape[axis] === 1)
  );
}

/** What the mask of a case adds to the score of a cell; 0 without a mask, undefined where it drops. Over-long masks are not read. */
export function maskReader(c: AttentionCase): (b: number, h: number, i: number, j: number) => number | undefined {
  const { mask } = c;
  if (mask === undefined) return () => 0;
  const adds = entries(mask);
  const { shape } = mask.tensor;
  const kvLen = shape[shape.length - 1];
  if (mask.rank === 2) return (b, _h, _i, j) => adds[b * kvLen + j];
  if (mask.rank === 3) return (b, _h, i, j) => adds[(b * shape[1] + i) * kvLen + j];
  const one = (axis: number, index: number) => (shape[axis] === 1 ? 0 : index);
  return (b, h, i, j) => adds[((one(0, b) * shape[1] + one(1, h)) * shape[2] + one(2, i)) * kvLen + j];
}

/**
 * Everything that drops a key, as one explicit [batch, num_heads, q_len, kv_len] mask; window and segments are gone, isCausal stays and is ignored.
 * Boolean, unless biases have to be carried or the backend reads no boolean mask.
 */
export function asExplicit4d(
  c: AttentionCase,
  conventions: Conventions,
  forms: readonly MaskForm[] = ['boolean', 'additive'],
): AttentionCase {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const keep = keepGrid(c, conventions);
  const read = maskReader(c);
  const adds: (number | undefined)[] = [];
  for (let b = 0; b < batch; b += 1) {
    for (let h = 0; h < numHeads; h += 1) {
      for (let i = 0; i < qLen; i += 1) {
        for (let j = 0; j < kvLen; j += 1) adds.push(keep[adds.length] === 1 ? read(b, h, i, j) : undefined);
      }
    }
  }
  const form = hasBias(c.mask) || !forms.includes('boolean') ? 'additive' : 'boolean';
  const sentinel = c.mask === undefined ? 'finfo' : sentinelIn(c.mask);
  const mask = maskOf(4, form, [batch, numHeads, qLen, kvLen], adds, c.query.dtype, sentinel);
  return { ...c, mask, slidingWindow: undefined, segments: undefined, maskLayout: undefined };
}

/** More columns than keys; the new ones keep, so that reading them shows. */
export function withExtraColumns(c: AttentionCase, extra: number): AttentionCase {
  return withMaskColumns(c, (kvLen) => [...range(kvLen), ...new Array<undefined>(extra).fill(undefined)]);
}

/** Only the first columns of the mask; the keys stay. */
export function withColumnsCut(c: AttentionCase, left: number): AttentionCase {
  return withMaskColumns(c, () => range(left));
}

/** More rows than queries, before and after them; the new ones are the queries' rows turned round, so that reading them shows. */
export function withExtraRows(c: AttentionCase, before: number, after: number): AttentionCase {
  const { mask } = c;
  if (mask === undefined || mask.rank === 2) return c;
  const axis = mask.rank - 2;
  const rows = mask.tensor.shape[axis];
  const kvLen = mask.tensor.shape[axis + 1];
  const adds = entries(mask);
  const outer = adds.length / (rows * kvLen);
  const longer: (number | undefined)[] = [];
  for (let o = 0; o < outer; o += 1) {
    for (let n = -before; n < rows + after; n += 1) {
      const inside = n >= 0 && n < rows;
      const row = inside ? n : ((n % rows) + rows) % rows;
      for (let j = 0; j < kvLen; j += 1) {
        const add = adds[(o * rows + row) * kvLen + j];
        longer.push(inside ? add : add === undefined ? 0 : undefined);
      }
    }
  }
  const shape = mask.tensor.shape.map((size, a) => (a === axis ? before + rows + after : size));
  return { ...c, mask: maskOf(mask.rank, mask.form, shape, longer, maskDType(c, mask), sentinelIn(mask)) };
}

/** The mask with columns by index; an undefined index is a new column that keeps. */
function withMaskColumns(c: AttentionCase, columns: (kvLen: number) => readonly (number | undefined)[]): AttentionCase {
  const { mask } = c;
  if (mask === undefined) return c;
  const kvLen = mask.tensor.shape[mask.rank - 1];
  const adds = entries(mask);
  const taken = columns(kvLen);
  const lines = adds.length / kvLen;
  const cut = range(lines).flatMap((line) => taken.map((j) => (j === undefined ? 0 : adds[line * kvLen + j])));
  const shape = [...mask.tensor.shape.slice(0, -1), taken.length];
  return { ...c, mask: maskOf(mask.rank, mask.form, shape, cut, maskDType(c, mask), sentinelIn(mask)) };
}

function maskDType(c: AttentionCase, mask: Mask): FloatType {
  return mask.form === 'additive' ? mask.tensor.dtype : c.query.dtype;
}

/** The mask with other additions: `change` sees what each entry adds and its index in the tensor. What stays dropped keeps its sentinel. */
export function withEntries(
  c: AttentionCase,
  change: (add: number | undefined, index: number) => number | undefined,
): AttentionCase {
  const { mask } = c;
  if (mask === undefined) return c;
  const drop = mask.form === 'additive' ? sentinelNumber(sentinelIn(mask), mask.tensor.dtype) : 0;
  const data = mask.tensor.data.slice();
  entries(mask).forEach((add, index) => {
    const changed = change(add, index);
    if (changed === undefined && add === undefined) return;
    data[index] = mask.form === 'additive' ? (changed ?? drop) : changed === undefined ? 0 : 1;
  });
  return { ...c, mask: withTensor(mask, { ...mask.tensor, data } as Tensor) };
}
