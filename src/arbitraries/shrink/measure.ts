import type { AttentionCase, FloatType } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { broadcastAxes, extraColumns, extraRows } from '../mask-facts';

const dtypeCost: Readonly<Record<FloatType, number>> = { float32: 0, float64: 1, bfloat16: 2, float16: 3 };

/**
 * How large a case is, most important first: sizes, features, dropped cells, how early they are dropped, numbers that are not 0, how odd
 * these are. Whole numbers from 0 up, compared in order: nothing shrinks for ever.
 */
export function sizeOf(c: AttentionCase): readonly number[] {
  const s = sizesOf(c);
  const sizes = s.batch + s.numHeads + s.qLen + s.kvLen + s.headDim + s.vHeadDim;
  let dropped = 0;
  let early = 0;
  const numbers = [c.query.data, c.key.data, c.value.data, c.gradOutput?.data ?? []];
  let nonzero = 0;
  let oddity = 0;
  const count = (x: number): void => {
    if (x === 0) return;
    nonzero++;
    oddity += oddityOf(x);
  };
  for (const data of numbers) for (const x of data) count(x);
  if (c.mask !== undefined) {
    const { tensor, form } = c.mask;
    const columns = tensor.shape[tensor.shape.length - 1];
    const lowest = form === 'additive' ? finfo[tensor.dtype].lowest : 0;
    tensor.data.forEach((cell: number, n: number) => {
      if (form === 'additive' ? cell === lowest || cell === -Infinity : cell === 0) {
        dropped++;
        early += columns - (n % columns);
      } else if (form === 'additive') count(cell);
    });
  }
  c.rotary?.positionIds.data.forEach((position, n) => count(position - (n % s.kvLen)));
  c.segments?.data.forEach(count);
  return [sizes, featuresOf(c), dropped, early, nonzero, oddity];
}

/** Everything about a case that is neither a size nor a number, weighed. */
function featuresOf(c: AttentionCase): number {
  const { mask, rotary, slidingWindow: window, want } = c;
  const kvHeads = c.key.shape[1];
  let cost = dtypeCost[c.query.dtype] + (c.isCausal ? 1 : 0) + (kvHeads < c.query.shape[1] ? 1 + kvHeads : 0);
  if (mask !== undefined) {
    cost += { 2: 2, 3: 4, 4: 6 }[mask.rank] + { boolean: 0, integer: 1, additive: 3 }[mask.form];
    if (mask.form === 'additive' && mask.tensor.data.includes(-Infinity)) cost++;
    cost += broadcastAxes(c) + extraColumns(c) + extraRows(c);
  }
  if (rotary !== undefined)
    cost += 10 + rotary.rotaryDim + (rotary.layout === 'half' ? 0 : 1) + (rotary.base === 10000 ? 0 : 1);
  if (window !== undefined)
    cost +=
      100 +
      (window.left === undefined ? 0 : 2 + Math.min(window.left, 40)) +
      (window.right === undefined ? 0 : 2 + Math.min(window.right, 40));
  // More than a padding mask, which says the same to one query.
  if (c.segments !== undefined) cost += 3;
  if (c.softcap !== undefined) cost += c.softcap === 1 ? 2 : 3;
  if (c.scale !== 1 / Math.sqrt(c.query.shape[3])) cost += c.scale === 1 ? 1 : 2;
  if (c.maskLayout !== undefined) cost += c.maskLayout === 'contiguous' ? 1 : 2;
  if (c.gradOutput !== undefined) cost++;
  return cost + (want.weights ? 1 : 0) + (want.scores ? 1 : 0) + (want.gradients ? 1 : 0);
}

/** 1 is the plainest number after 0, then whole numbers, quarters, powers of two, and the rest; infinities and NaN last. */
export function oddityOf(x: number): number {
  const size = Math.abs(x);
  const sign = x < 0 ? 1 : 0;
  if (!Number.isFinite(x)) return 100_000;
  if (size <= 1024 && Number.isInteger(size)) return 2 * size - 1 + sign;
  if (size <= 1024 && Number.isInteger(size * 4)) return 5_000 + 2 * Math.ceil(size) + sign;
  const exponent = Math.log2(size);
  return (Number.isInteger(exponent) ? 10_000 : 20_000) + 2 * Math.ceil(Math.abs(exponent)) + sign;
}

/** Whether a measure comes before another. */
export function isSmaller(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((x, n) => x !== b[n]);
  return at >= 0 && a[at] < b[at];
}
