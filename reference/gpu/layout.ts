/**
 * Cases laid out for one launch: padded, head after head. Here positions turn queries and keys, and every rule about masks becomes one number a
 * cell, so that the engine has few and large operations left. Written from the definition and not by calling the oracle's.
 */
import { type AttentionCase, type Conventions, type EmptyRow, type FloatTensor, type Mask, sizesOf } from '../case';
import { finfo } from '../dtype';
import type { Launch } from './attention';

/** The padded sizes of a case; values are padded like keys. */
export interface PaddedSizes {
  readonly qLen: number;
  readonly kvLen: number;
  readonly headDim: number;
}

/** A launch whose lengths are all at most this is a cube: more shapes would cost more launches than they save padding. */
const smallest = [4, 8];

/** Few enough sizes that cases meet, near enough that the padding does not cost. Depends on the case alone. */
export function paddedSizes(c: AttentionCase): PaddedSizes {
  const { qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const features = Math.max(headDim, vHeadDim);
  const longest = Math.max(qLen, kvLen, features);
  const cube = smallest.find((size) => longest <= size);
  if (cube !== undefined) return { qLen: cube, kvLen: cube, headDim: cube };
  return { qLen: paddedSize(qLen), kvLen: paddedSize(kvLen), headDim: paddedSize(features) };
}

/** The size that a single length is padded to: less than twice its size from 8 on, and less than 64 more. */
export function paddedSize(length: number): number {
  if (length <= 4) return 4;
  if (length <= 8) return 8;
  if (length <= 64) return Math.ceil(length / 16) * 16;
  return Math.ceil(length / 64) * 64;
}

/**
 * Problems come in fours, of at least four queries each: TensorFlow computes sixteen rows at a time and what is left over by other instructions,
 * with other bits; wasm multiplies a single pair of matrices by another kernel than several.
 */
const wholeProblems = 4;

/** Cases laid out, and what became of their rows. */
export interface Laid {
  readonly launch: Launch;
  /** How many keys each row keeps: [problems, q_len], 0 in padding. A row that keeps none asks all of its keys alike: zeros for a query, no mask. */
  readonly kept: Int32Array;
}

/** Lays cases of one bucket out, in order. */
export function layOut(cases: readonly AttentionCase[], conventions: Conventions): Laid {
  const sizes = paddedSizes(cases[0]);
  const { qLen, kvLen, headDim } = sizes;
  let own = 0;
  for (const { query } of cases) own += query.shape[0] * query.shape[1];
  const problems = Math.ceil(own / wholeProblems) * wholeProblems;
  const launch: Launch = {
    problems,
    ...sizes,
    query: new Float32Array(problems * qLen * headDim),
    key: new Float32Array(problems * kvLen * headDim),
    value: new Float32Array(problems * kvLen * headDim),
    bias: new Float32Array(problems * qLen * kvLen).fill(-Infinity),
    // Cases of one bucket have a softcap or have none.
    ...(cases[0].softcap === undefined ? {} : { softcap: new Float32Array(problems).fill(1) }),
  };
  const kept = new Int32Array(problems * qLen);
  let problem = 0;
  for (const c of cases) {
    const { batch, numHeads, numKvHeads } = sizesOf(c);
    const { query, key } = turnedByPosition(c);
    place(launch.query, problem, c.query.shape, query, qLen, headDim, 1, c.scale);
    place(launch.key, problem, c.key.shape, key, kvLen, headDim, numHeads / numKvHeads);
    place(launch.value, problem, c.value.shape, c.value.data, kvLen, headDim, numHeads / numKvHeads);
    placeBias(launch, kept, c, conventions, problem);
    const end = problem + batch * numHeads;
    if (c.softcap !== undefined) launch.softcap?.fill(c.softcap, problem, end);
    problem = end;
  }
  // What is padding looks at its first key: a softmax over nothing is NaN.
  for (let row = 0; row < kept.length; row++) if (kept[row] === 0) launch.bias[row * kvLen] = 0;
  return { launch, kept };
}

/** Copies [batch, heads, rows, columns] into padded slots from `slot` on, each head `repeat` times, times `scale`. */
function place(
  into: Float32Array,
  slot: number,
  [batch, heads, rows, columns]: readonly number[],
  data: Float64Array,
  paddedRows: number,
  paddedColumns: number,
  repeat: number,
  scale = 1,
): void {
  for (let h = 0; h < batch * heads; h++) {
    const start = (slot + h * repeat) * paddedRows * paddedColumns;
    for (let i = 0; i < rows; i++) {
      const from = (h * rows + i) * columns;
      const to = start + i * paddedColumns;
      for (let n = 0; n < columns; n++) into[to + n] = scale * data[from + n];
    }
    for (let copy = 1; copy < repeat; copy++) {
      into.copyWithin(start + copy * paddedRows * paddedColumns, start, start + rows * paddedColumns);
    }
  }
}

/**
 * Writes what is added to the scores of a case: the bias of an additive mask, 0 without one, and -Infinity where a rule drops the key. Counts the
 * kept keys of every row.
 */
function placeBias(
  { bias, qLen: paddedRows, kvLen: paddedKeys, query, headDim }: Launch,
  kept: Int32Array,
  c: AttentionCase,
  conventions: Conventions,
  problem: number,
): void {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const { mask } = c;
  const rule = ruleOf(c, conventions);
  const stride = mask === undefined ? nowhere : strides(mask, conventions, qLen, kvLen);
  // Heads differ only where a mask says so.
  const heads = stride.head === 0 ? 1 : numHeads;
  const block = paddedRows * paddedKeys;
  for (let b = 0; b < batch; b++) {
    const first = problem + b * numHeads;
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < qLen; i++) {
        const from = b * stride.batch + h * stride.head + i * stride.row + stride.first;
        const row = (first + h) * paddedRows + i;
        kept[row] = rule(bias, row * paddedKeys, b, i, from);
        if (kept[row] === 0) bias.fill(0, row * paddedKeys, row * paddedKeys + kvLen);
      }
    }
    for (let h = heads; h < numHeads; h++) {
      bias.copyWithin((first + h) * block, first * block, first * block + qLen * paddedKeys);
      kept.copyWithin((first + h) * paddedRows, first * paddedRows, first * paddedRows + qLen);
    }
  }
  for (let row = problem * paddedRows; row < (problem + batch * numHeads) * paddedRows; row++) {
    if (kept[row] === 0) query.fill(0, row * headDim, (row + 1) * headDim);
  }
}

/** The largest |bias| that a mask adds anywhere. */
export function largestBias({ mask }: AttentionCase): number {
  if (mask?.form !== 'additive') return 0;
  const { data, dtype } = mask.tensor;
  const sentinel = finfo[dtype].lowest;
  let largest = 0;
  for (let n = 0; n < data.length; n++) {
    const size = Math.abs(data[n]);
    if (size > largest && size < Infinity && data[n] !== sentinel) largest = size;
  }
  return largest;
}

/** Writes the cells of query i of batch row b from `to` on, its mask beginning at `from`; returns how many keys it keeps. */
type RowRule = (bias: Float32Array, to: number, b: number, i: number, from: number) => number;

/** Everything that a case says about which keys a query may see. A mask of rank 4 says it all by itself. */
function ruleOf(c: AttentionCase, { causal }: Conventions): RowRule {
  const { qLen, kvLen } = sizesOf(c);
  const { mask } = c;
  const alone = mask?.rank === 4;
  const left = (alone ? undefined : c.slidingWindow?.left) ?? Infinity;
  const right = (alone ? undefined : c.slidingWindow?.right) ?? Infinity;
  const isCausal = !alone && c.isCausal;
  const documents = alone ? undefined : c.segments?.data;
  const offset = causal === 'top_left' ? 0 : kvLen - qLen;
  const cells = mask?.tensor.data;
  const isAdditive = mask?.form === 'additive';
  const sentinel = mask?.form === 'additive' ? finfo[mask.tensor.dtype].lowest : NaN;
  return (bias, to, b, i, from) => {
    const here = i + offset;
    const first = Math.max(here - left, 0);
    const end = Math.min(isCausal ? here : Infinity, here + right, kvLen - 1) + 1;
    let count = 0;
    for (let j = first; j < end; j++) {
      if (documents !== undefined && documents[b * kvLen + j] !== documents[b * kvLen + here]) continue;
      if (cells === undefined) bias[to + j] = 0;
      else if (isAdditive) {
        const cell = cells[from + j];
        if (cell === sentinel || cell === -Infinity) continue;
        bias[to + j] = cell;
      } else {
        if (cells[from + j] === 0) continue;
        bias[to + j] = 0;
      }
      count++;
    }
    return count;
  };
}

/** How many numbers apart a mask's neighbours lie along each axis of the scores, 0 where it broadcasts, and where query 0 begins. */
interface Strides {
  readonly batch: number;
  readonly head: number;
  readonly row: number;
  readonly first: number;
}

const nowhere: Strides = { batch: 0, head: 0, row: 0, first: 0 };

function strides(mask: Mask, conventions: Conventions, qLen: number, kvLen: number): Strides {
  const { shape } = mask.tensor;
  const columns = shape[shape.length - 1];
  if (mask.rank === 2) return { ...nowhere, batch: columns };
  const rows = shape[shape.length - 2];
  if (mask.rank === 3) {
    return { batch: rows * columns, head: 0, row: columns, first: firstRow(rows, conventions, qLen, kvLen) * columns };
  }
  const [batch, heads] = shape;
  return {
    batch: batch === 1 ? 0 : heads * rows * columns,
    head: heads === 1 ? 0 : rows * columns,
    row: rows === 1 ? 0 : columns,
    first: rows === 1 ? 0 : firstRow(rows, conventions, qLen, kvLen) * columns,
  };
}

/** Where the cells of every row [batch, num_heads, q_len] begin in the data of a case's mask. */
export function cellStarts(c: AttentionCase, conventions: Conventions): Int32Array {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const stride = c.mask === undefined ? nowhere : strides(c.mask, conventions, qLen, kvLen);
  return Int32Array.from({ length: batch * numHeads * qLen }, (_, at) => {
    const head = Math.floor(at / qLen);
    const b = Math.floor(head / numHeads);
    return b * stride.batch + (head % numHeads) * stride.head + (at % qLen) * stride.row + stride.first;
  });
}

/** The row of query 0 in a mask that may have more rows than queries. */
function firstRow(rows: number, { overlongRows }: Conventions, qLen: number, kvLen: number): number {
  if (rows === qLen || overlongRows === 'first') return 0;
  return overlongRows === 'last' ? rows - qLen : kvLen - qLen;
}

/** What is due in a row that keeps nothing, by what the mask drops with; nothing in particular where it drops in two ways. */
export function dueOfEmpty(c: AttentionCase, { fullyMaskedRow }: Conventions): EmptyRow {
  if (c.mask?.form !== 'additive') return fullyMaskedRow.boolean;
  const { data, dtype } = c.mask.tensor;
  const infinite = data.includes(-Infinity);
  if (infinite && data.includes(finfo[dtype].lowest)) return 'unspecified';
  if (infinite) return fullyMaskedRow.inf;
  return data.includes(finfo[dtype].lowest) ? fullyMaskedRow.finfo : fullyMaskedRow.boolean;
}

/** Query and key of the rotary bridge, pairs of features turned by the positions in float64; as they are on the base bridge. */
function turnedByPosition(c: AttentionCase): { readonly query: Float64Array; readonly key: Float64Array } {
  const { rotary } = c;
  const query = c.query.data;
  const key = c.key.data;
  if (c.bridge !== 'rotary' || rotary === undefined) return { query, key };
  const { kvLen, qLen } = sizesOf(c);
  const pairs = rotary.rotaryDim / 2;
  const turns = Float64Array.from({ length: pairs }, (_, n) => rotary.base ** ((-2 * n) / rotary.rotaryDim));
  const [apart, step] = rotary.layout === 'half' ? [pairs, 1] : [1, 2];
  const turn = ({ shape, data }: FloatTensor, before: number): Float64Array => {
    const [batch, heads, length, features] = shape;
    const turned = data.slice();
    for (let row = 0; row < batch * heads * length; row++) {
      const b = Math.floor(row / (heads * length));
      const position = rotary.positionIds.data[b * kvLen + before + (row % length)];
      for (let n = 0; n < pairs; n++) {
        const cos = Math.cos(position * turns[n]);
        const sin = Math.sin(position * turns[n]);
        const one = row * features + n * step;
        turned[one] = data[one] * cos - data[one + apart] * sin;
        turned[one + apart] = data[one + apart] * cos + data[one] * sin;
      }
    }
    return turned;
  };
  // Query i stands where key i + kv_len - q_len does.
  return { query: turn(c.query, kvLen - qLen), key: turn(c.key, 0) };
}
