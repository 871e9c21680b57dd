import type { AttentionCase, FloatTensor, FloatType, Mask } from '../../../reference/case';
import { finfo, round } from '../../../reference/dtype';

/** The same tensor with every number changed. */
export function mapTensor(tensor: FloatTensor, change: (x: number, n: number) => number): FloatTensor {
  return { ...tensor, data: tensor.data.map(change) };
}

/** The same mask with its cells written over. */
export function editMask(mask: Mask, edit: (data: Float64Array | Uint8Array) => void): Mask {
  const data = mask.tensor.data.slice();
  edit(data);
  return { ...mask, tensor: { ...mask.tensor, data } } as Mask;
}

/** What a kept cell without bias holds. */
export function keptCell(mask: Mask): number {
  return mask.form === 'additive' ? 0 : 1;
}

/** The cells that drop, by index into the tensor. */
export function droppedCells(mask: Mask): number[] {
  const { tensor, form } = mask;
  const lowest = form === 'additive' ? finfo[tensor.dtype].lowest : 0;
  const cells: number[] = [];
  tensor.data.forEach((cell: number, n: number) => {
    if (form === 'additive' ? cell === lowest || cell === -Infinity : cell === 0) cells.push(n);
  });
  return cells;
}

/** The same cells as a boolean mask. */
export function asBoolean(mask: Mask): Mask {
  const { tensor } = mask;
  const data = new Uint8Array(tensor.data.length).fill(1);
  for (const n of droppedCells(mask)) data[n] = 0;
  return { rank: mask.rank, form: 'boolean', tensor: { dtype: 'bool', shape: tensor.shape, data } };
}

/** The same case in another dtype, sentinels and all. */
export function asType(c: AttentionCase, dtype: FloatType): AttentionCase {
  const cast = (tensor: FloatTensor): FloatTensor => ({
    dtype,
    shape: tensor.shape,
    data: tensor.data.map((x) => round(x, dtype)),
  });
  const from = c.query.dtype;
  const mask = c.mask;
  return {
    ...c,
    query: cast(c.query),
    key: cast(c.key),
    value: cast(c.value),
    gradOutput: c.gradOutput && cast(c.gradOutput),
    mask:
      mask?.form === 'additive'
        ? {
            ...mask,
            tensor: {
              dtype,
              shape: mask.tensor.shape,
              data: mask.tensor.data.map((x) => (x === finfo[from].lowest ? finfo[dtype].lowest : round(x, dtype))),
            },
          }
        : mask,
  };
}

/** query and key 0; value 1 for key j and 0 for the others: weights stay visible. */
export function plain(c: AttentionCase, j: number): AttentionCase {
  const [, , kvLen, valueDim] = c.value.shape;
  return {
    ...c,
    query: mapTensor(c.query, () => 0),
    key: mapTensor(c.key, () => 0),
    value: mapTensor(c.value, (_, n) => (Math.floor(n / valueDim) % kvLen === j ? 1 : 0)),
  };
}
