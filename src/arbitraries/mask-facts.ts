import type { AttentionCase } from '../../reference/case';
import { finfo } from '../../reference/dtype';

/** Columns beyond the keys; 0 without a mask. */
export function extraColumns(c: AttentionCase): number {
  const shape = c.mask?.tensor.shape;
  return shape === undefined ? 0 : shape[shape.length - 1] - c.key.shape[2];
}

/** Rows beyond the queries; 0 where rows are broadcast or the rank has none. */
export function extraRows(c: AttentionCase): number {
  if (c.mask === undefined || c.mask.rank === 2) return 0;
  const rows = c.mask.tensor.shape[c.mask.rank - 2];
  return c.mask.rank === 4 && rows === 1 ? 0 : rows - c.query.shape[2];
}

/** How many axes of a 4D mask stand for more than one row, head or batch row. */
export function broadcastAxes(c: AttentionCase): number {
  if (c.mask?.rank !== 4) return 0;
  const { shape } = c.mask.tensor;
  return [0, 1, 2].filter((axis) => shape[axis] === 1 && c.query.shape[axis] > 1).length;
}

/** Whether an additive mask holds a number that neither drops nor is 0. */
export function biasOf(c: AttentionCase): boolean {
  return c.mask?.form === 'additive' && c.mask.tensor.data.some((x) => isBias(x, finfo[c.query.dtype].lowest));
}

function isBias(x: number, lowest: number): boolean {
  return x !== 0 && x !== lowest && x !== -Infinity;
}
