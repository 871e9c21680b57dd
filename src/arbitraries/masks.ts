import type { FloatType, Mask, MaskForm, MaskRank, Sizes } from '../../reference/case';
import { finfo, round } from '../../reference/dtype';
import { float64Array } from '../../reference/small-arrays';
import { drawCells, paddingKinds } from './cells';
import type { MaskKind } from './constraints';
import type { Dice } from './dice';
import type { Limits } from './limits';
import { wanted } from './sizes';

/** Which mask, before its cells. */
export interface MaskPlan {
  readonly rank: MaskRank;
  readonly form: MaskForm;
  readonly kind: MaskKind;
}

const rankWeights = { none: 1, 2: 3, 3: 2, 4: 4 } as const;

/** The ranks that the constraints leave. */
export function ranksAllowed(limits: Limits): (MaskRank | 'none')[] {
  const masked = [limits.emptyRows, limits.bias, limits.broadcast, limits.overlongKeys, limits.overlongRows].includes(
    'always',
  );
  const own = limits.slidingWindow === 'always' || limits.segments === 'always';
  return limits.maskRanks.filter((rank) => {
    if (rank === 'none') return !masked;
    if (rank === 4 && own) return false;
    if (rank !== 4 && limits.broadcast === 'always') return false;
    if (rank === 2 && limits.overlongRows === 'always') return false;
    return formsAllowed(limits, rank).length > 0 && kindsAllowed(limits, rank).length > 0;
  });
}

/** The forms that the constraints leave a mask of that rank. */
export function formsAllowed(limits: Limits, rank: MaskRank): MaskForm[] {
  return limits.maskForms.filter((form) => {
    if (form === 'additive') return limits.sentinels.length > 0;
    return limits.bias !== 'always' && (form === 'boolean' || rank === 2);
  });
}

/** The kinds of cells that they leave it. */
export function kindsAllowed(limits: Limits, rank: MaskRank): MaskKind[] {
  return limits.kinds.filter((kind) => {
    if (limits.emptyRows === 'never' && (kind === 'empty_rows' || kind === 'all_padding')) return false;
    return rank !== 2 || paddingKinds.includes(kind);
  });
}

/** Rank first, then form and kind: the ranks in fixed shares, the others evenly. Undefined is no mask. */
export function drawPlan(dice: Dice, limits: Limits): MaskPlan | undefined {
  const ranks = ranksOnce(limits);
  const rank = dice.pick(ranks);
  if (rank === 'none') return undefined;
  const kinds = kindsAllowed(limits, rank);
  // Random cells find most, so they are drawn more often than any other kind.
  const kind = kinds.includes('random') && dice.chance(0.15) ? 'random' : dice.pick(kinds);
  return { rank, form: dice.pick(formsAllowed(limits, rank)), kind };
}

const weighted = new WeakMap<Limits, (MaskRank | 'none')[]>();
function ranksOnce(limits: Limits): (MaskRank | 'none')[] {
  let ranks = weighted.get(limits);
  if (ranks === undefined) {
    ranks = ranksAllowed(limits).flatMap((rank) => Array.from({ length: rankWeights[rank] }, () => rank));
    weighted.set(limits, ranks);
  }
  return ranks;
}

/** A mask for these sizes: shape, cells, and in additive masks the numbers. */
export function drawMask(dice: Dice, limits: Limits, plan: MaskPlan, sizes: Sizes, dtype: FloatType): Mask {
  const { rank, form } = plan;
  const shape = drawShape(dice, limits, rank, sizes);
  const [batch, heads, rows, columns] = shape;
  const cells = drawCells(dice, plan.kind, { batch, heads, rows, columns, qLen: sizes.qLen, kvLen: sizes.kvLen });
  const tensorShape = rank === 2 ? [batch, columns] : rank === 3 ? [batch, rows, columns] : shape;
  if (form === 'boolean') return { rank, form, tensor: { dtype: 'bool', shape: tensorShape, data: cells } };
  if (form === 'integer')
    return { rank: 2, form, tensor: { dtype: 'int64', shape: tensorShape, data: Float64Array.from(cells) } };
  const data = addends(dice, limits, cells, dtype);
  return { rank, form, tensor: { dtype, shape: tensorShape, data } };
}

/** [batch, heads, rows, columns]; an axis that the rank has not, or that is broadcast, is 1. */
function drawShape(dice: Dice, limits: Limits, rank: MaskRank, { batch, numHeads, qLen, kvLen }: Sizes): number[] {
  const columns = kvLen + (wanted(dice, limits.overlongKeys, 0.2) ? dice.int(1, 3) : 0);
  if (rank === 2) return [batch, 1, 1, columns];
  // As many rows as keys at least, so that the row at a query's position exists.
  const rows = qLen <= kvLen && wanted(dice, limits.overlongRows, 0.2) ? Math.max(qLen + dice.int(1, 3), kvLen) : qLen;
  const shape = [batch, rank === 3 ? 1 : numHeads, rows, columns];
  if (rank === 3 || limits.broadcast === 'never') return shape;
  const long = [0, 1, 2].filter((axis) => shape[axis] > 1 && (axis !== 2 || rows === qLen));
  const sure = limits.broadcast === 'always' && long.length > 0 ? dice.pick(long) : -1;
  for (const axis of long) {
    // Most 4D masks in use are alike in all heads.
    if (axis === sure || dice.chance(axis === 1 ? 0.5 : 0.15)) shape[axis] = 1;
  }
  return shape;
}

/** Numbers to add for cells: a bias where kept, one sentinel where dropped. */
function addends(dice: Dice, limits: Limits, cells: Uint8Array, dtype: FloatType): Float64Array {
  const dropped = dice.pick(limits.sentinels) === 'inf' ? -Infinity : finfo[dtype].lowest;
  const biased = wanted(dice, limits.bias, 0.5);
  const large = biased && dice.chance(0.15) ? round(dtype === 'float16' || dice.chance(0.5) ? -1e4 : -1e9, dtype) : 0;
  const data = float64Array(cells.length);
  let any = false;
  for (let n = 0; n < data.length; n++) {
    if (cells[n] === 0) data[n] = dropped;
    else if (biased) {
      const bits = dice.bits();
      data[n] = large !== 0 ? (bits & 3 ? 0 : large) : bits & 1 ? 0 : ((bits >> 8) & 31) / 4 - 4;
      any ||= data[n] !== 0;
    }
  }
  if (limits.bias === 'always' && !any) data[Math.max(0, cells.indexOf(1))] = 1;
  return data;
}
