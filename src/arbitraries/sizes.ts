import type { Sizes } from '../../reference/case';
import type { Presence } from './constraints';
import type { Dice } from './dice';
import type { Limits } from './limits';

/** How q_len and kv_len stand to each other. */
export type Lengths = 'equal' | 'cached' | 'cross';

/** Lengths at which kernels change tile, and their neighbours: the shorter, the more often, for what they cost. */
const edges = [8, 8, 16, 16, 16, 16, 32, 32, 64, 128].flatMap((edge) => [edge - 1, edge, edge + 1]);
const EDGE_SHARE = 0.12;
const COLLISION_SHARE = 0.4;

/** The relations of q_len and kv_len that the constraints leave. */
export function lengthsAllowed(limits: Limits): Lengths[] {
  const { cache, crossLength, minKvLen, maxKvLen, maxQLen } = limits;
  const own = limits.slidingWindow === 'always' || limits.segments === 'always';
  const allowed: Lengths[] = [];
  if (cache !== 'always' && crossLength !== 'always' && minKvLen <= maxQLen) allowed.push('equal');
  if (cache !== 'never' && crossLength !== 'always' && maxKvLen >= 2) allowed.push('cached');
  if (
    crossLength !== 'never' &&
    cache !== 'always' &&
    !own &&
    limits.isCausal.includes(false) &&
    limits.bridges.includes('base') &&
    maxQLen > minKvLen
  )
    allowed.push('cross');
  return allowed;
}

/** Sizes that collide by design in a good share, and that do not; small, but for keys round tile edges now and then. */
export function drawSizes(dice: Dice, limits: Limits, lengths: Lengths, rotary: boolean): Sizes {
  const edge = dice.chance(EDGE_SHARE) ? edges[dice.int(0, edges.length - 1)] : 0;
  const long =
    edge > 0 && edge >= limits.minKvLen && edge <= limits.maxKvLen && (lengths !== 'equal' || edge <= limits.maxQLen);
  const most = long && edge > 33 ? 2 : 4;
  let batch = dice.int(1, most);
  let heads = dice.int(1, most);
  let qLen = dice.chance(0.12) ? 1 : dice.int(1, 8);
  let kvLen = dice.int(1, 8);
  if (!long && dice.chance(COLLISION_SHARE)) {
    const size = dice.int(2, 4);
    // Which of batch, num_heads, q_len and kv_len coincide: all four in a third of these cases.
    const which = dice.chance(0.33) ? 15 : dice.int(3, 15);
    if (which & 1) batch = size;
    if (which & 2) heads = size;
    if (which & 4) qLen = size;
    if (which & 8) kvLen = size;
  }
  if (long) kvLen = edge;
  if (long && lengths !== 'equal' && lengths !== 'cross')
    qLen = dice.chance(0.5) ? dice.int(1, 4) : edge - dice.int(1, 3);
  const [q, k] = fitLengths(limits, lengths, qLen, kvLen, long);
  batch = Math.min(batch, limits.maxBatch);
  const [numHeads, numKvHeads] = drawHeads(dice, limits, Math.min(heads, limits.maxHeads));
  const [headDim, vHeadDim] = drawDims(dice, limits, rotary, long && edge > 33 ? 2 : 8);
  return { batch, numHeads, numKvHeads, qLen: q, kvLen: k, headDim, vHeadDim };
}

function fitLengths(limits: Limits, lengths: Lengths, qLen: number, kvLen: number, long: boolean): [number, number] {
  const { minKvLen, maxKvLen, maxQLen } = limits;
  // A large minimum leaves the small draw as what comes on top of it.
  const k = Math.min(maxKvLen, kvLen < minKvLen ? minKvLen + kvLen - 1 : kvLen);
  if (lengths === 'equal') {
    const n = Math.min(maxQLen, long ? k : Math.max(qLen, minKvLen === 1 ? 1 : k), maxKvLen);
    return [n, n];
  }
  if (lengths === 'cached') {
    const keys = Math.min(maxKvLen, Math.max(k, 2, qLen < k ? k : Math.min(qLen + 1, 9)));
    return [Math.max(1, Math.min(qLen, maxQLen, keys - 1)), keys];
  }
  const keys = Math.min(k, maxQLen - 1);
  return [Math.min(maxQLen, Math.max(qLen, keys + 1 + (qLen % 3))), keys];
}

function drawHeads(dice: Dice, limits: Limits, drawn: number): [number, number] {
  if (!wanted(dice, limits.groupedHeads, 0.35) || limits.maxHeads < 2) return [drawn, drawn];
  const heads = dice.chance(0.15) && limits.maxHeads >= 6 ? 6 : Math.max(2, drawn);
  const divisors = [1, 2, 3].filter((n) => n < heads && heads % n === 0);
  return [heads, dice.pick(divisors)];
}

function drawDims(dice: Dice, limits: Limits, rotary: boolean, most: number): [number, number] {
  const top = Math.min(most, limits.maxHeadDim);
  const headDim = rotary ? 2 * dice.int(1, Math.floor(Math.max(2, top) / 2)) : dice.int(1, top);
  if (!wanted(dice, limits.valueDim, 0.25)) return [headDim, headDim];
  const other = dice.int(1, Math.min(most, limits.maxHeadDim));
  return [headDim, other !== headDim ? other : headDim > 1 ? headDim - 1 : headDim + 1];
}

/** Whether something is drawn: as ordered, else in a share of cases. */
export function wanted(dice: Dice, presence: Presence, share: number): boolean {
  return presence === 'always' || (presence === 'allow' && dice.chance(share));
}
