import { sizesOf } from '../../../reference/case';
import type { AttentionCase, FloatType } from '../../../reference/case';
import { finfo, round } from '../../../reference/dtype';
import { biasAt } from '../../../reference/masks';
import type { Precision, Store } from '../../../reference/precision';
import { frequencyOf, pairOf } from '../../../reference/rotary';
import { bottomRight } from './random-case';

/** A way to compute attention within a declared precision. */
export interface Machine {
  readonly precision: Precision;
  readonly order: 'forward' | 'backward' | 'pairs';
  /** Divides by multiplying with the reciprocal. */
  readonly reciprocal: boolean;
  /** Products are added without a rounding of their own, first to last. */
  readonly fused?: true;
}

export type Rounding = (x: number) => number;

export function rounding({ type, flush }: Store): Rounding {
  const nearest = type === 'float32' ? Math.fround : (x: number) => round(x, type);
  if (!flush) return nearest;
  return (x) => {
    const y = nearest(x);
    return Math.abs(y) < finfo[type].min ? 0 : y;
  };
}

/** Rounds where a number is stored, and nothing where it is not. */
export const storing = (to: Store | undefined): Rounding => (to ? rounding(to) : (x) => x);

/** A few numbers in a row of a larger array; `step` from one to the next. */
interface Slice {
  readonly data: Numbers;
  readonly at: number;
  readonly step?: number;
}
type Numbers = Float64Array | readonly number[];

/** Terms of the sum at hand. */
let scratch = new Float64Array(256);

function scratchFor(count: number): Float64Array {
  if (scratch.length < count) scratch = new Float64Array(2 * count);
  return scratch;
}

export function sumOf(terms: Numbers, order: Machine['order'], r: Rounding): number {
  const count = terms.length;
  let sum = 0;
  if (order === 'forward') for (let n = 0; n < count; n++) sum = r(sum + terms[n]);
  else if (order === 'backward') for (let n = count - 1; n >= 0; n--) sum = r(sum + terms[n]);
  else {
    const level = scratchFor(count);
    for (let n = 0; n < count; n++) level[n] = terms[n];
    sum = byPairs(level, count, r);
  }
  return sum;
}

/** Neighbours are added until one number is left; an odd one waits. */
function byPairs(level: Float64Array, count: number, r: Rounding): number {
  if (count === 0) return 0;
  for (let left = count; left > 1; left = (left + 1) >> 1) {
    for (let n = 0; n < left >> 1; n++) level[n] = r(level[2 * n] + level[2 * n + 1]);
    if (left % 2 === 1) level[left >> 1] = level[left - 1];
  }
  return level[0];
}

/** sum x y */
export function productSum(x: Slice, y: Slice, count: number, { order, fused }: Machine, r: Rounding): number {
  const [xs, ys, dx, dy] = [x.data, y.data, x.step ?? 1, y.step ?? 1];
  let a = x.at;
  let b = y.at;
  let sum = 0;
  if (fused) for (let n = 0; n < count; n++, a += dx, b += dy) sum = r(sum + xs[a] * ys[b]);
  else if (order === 'forward') for (let n = 0; n < count; n++, a += dx, b += dy) sum = r(sum + r(xs[a] * ys[b]));
  else if (order === 'backward') {
    a += (count - 1) * dx;
    b += (count - 1) * dy;
    for (let n = 0; n < count; n++, a -= dx, b -= dy) sum = r(sum + r(xs[a] * ys[b]));
  } else {
    const level = scratchFor(count);
    for (let n = 0; n < count; n++, a += dx, b += dy) level[n] = r(xs[a] * ys[b]);
    sum = byPairs(level, count, r);
  }
  return sum;
}

export interface Emulated {
  readonly output: Float64Array;
  readonly weights: Float64Array;
  readonly scores: Float64Array;
}

/** Attention as a machine would compute it, dropped keys left out; queries that keep no key stay 0. */
export function emulate(c: AttentionCase, keep: Uint8Array, machine: Machine): Emulated {
  const { batch, numHeads, numKvHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const score = scoring(c, turn(c, machine), machine);
  const store = rounding({ type: machine.precision.output ?? c.query.dtype });
  const result: Emulated = {
    output: new Float64Array(batch * numHeads * qLen * vHeadDim),
    weights: new Float64Array(batch * numHeads * qLen * kvLen),
    scores: new Float64Array(batch * numHeads * qLen * kvLen),
  };
  for (let at = 0; at < batch * numHeads * qLen; at++) {
    const i = at % qLen;
    const h = Math.floor(at / qLen) % numHeads;
    const b = Math.floor(at / qLen / numHeads);
    const keyStart = (b * numKvHeads + Math.floor(h / (numHeads / numKvHeads))) * kvLen;
    const kept: number[] = [];
    for (let j = 0; j < kvLen; j++) if (keep[at * kvLen + j] === 1) kept.push(j);
    if (kept.length === 0) continue;
    const scores = kept.map((j) => score(at, keyStart + j, biasAt(c, bottomRight, b, h, i, j)));
    const { output, weights } = average(scores, valuesOf(c, keyStart, kept), kvLen, machine);
    for (let k = 0; k < vHeadDim; k++) result.output[at * vHeadDim + k] = store(output[k]);
    for (let n = 0; n < kept.length; n++) {
      result.weights[at * kvLen + kept[n]] = store(weights[n]);
      result.scores[at * kvLen + kept[n]] = store(scores[n]);
    }
  }
  return result;
}

/** The values of some keys: [kept, v_head_dim]. */
export function valuesOf(c: AttentionCase, keyStart: number, kept: readonly number[]): Float64Array {
  const size = c.value.shape[3];
  const values = new Float64Array(kept.length * size);
  for (let n = 0; n < kept.length; n++)
    for (let k = 0; k < size; k++) values[n * size + k] = c.value.data[(keyStart + kept[n]) * size + k];
  return values;
}

/** The score of the query and the key that stand at these places of [batch x heads x tokens], turned already. */
export function scoring(
  { scale, softcap, query: { shape } }: Pick<AttentionCase, 'scale' | 'softcap' | 'query'>,
  { query, key }: { readonly query: Float64Array; readonly key: Float64Array },
  machine: Machine,
): (query: number, key: number, bias: number) => number {
  const { precision } = machine;
  const headDim = shape[3];
  const r = rounding(precision.accumulate);
  const storedDot = storing(precision.dot);
  const storedScaled = storing(precision.scaled);
  const storedMasked = storing(precision.masked);
  const input = inputOf(precision);
  const stored = storing(precision.scale.stored);
  const once = r(scale);
  const root = r(Math.sqrt(scale));
  const isBoth = precision.scale.roundings === 4;
  const isQuery = !isBoth && precision.scale.stored !== undefined;
  // What meets in the product: each number comes to it scaled, stored and cut in the same way, whatever it meets.
  const both = (x: number) => input(stored(r(x * root)));
  const queries = query.map(isBoth ? both : isQuery ? (x) => input(stored(r(x * once))) : input);
  const keys = key.map(isBoth ? both : input);
  return (q, k, bias) => {
    const [x, y] = [
      { data: queries, at: q * headDim },
      { data: keys, at: k * headDim },
    ];
    let s = storedDot(productSum(x, y, headDim, machine, r));
    s = storedScaled(isBoth || isQuery ? s : r(s * once));
    if (softcap !== undefined) s = storedScaled(r(r(Math.tanh(r(s / softcap))) * softcap));
    return bias === 0 ? s : storedMasked(r(s + bias));
  };
}

/** What an input of a matrix product is cut to. */
export function inputOf({ inputs }: Precision): Rounding {
  return inputs ? (x) => Math.fround(x * (1 + inputs.relative * 0.9)) : (x) => x;
}

/** One pass, or an online softmax over tiles. `values` is [kept, v_head_dim]. */
export function average(scores: readonly number[], values: Float64Array, kvLen: number, machine: Machine) {
  const { precision, order, reciprocal } = machine;
  const r = rounding(precision.accumulate);
  const { weights: kind } = precision;
  const stored = storing(kind);
  const divide = (x: number, y: number) => (reciprocal ? r(x * r(1 / y)) : r(x / y));
  const exp = (x: number, top: number): number => {
    const argument = precision.fusedExp2 ? r(x * r(Math.LOG2E) - r(top * r(Math.LOG2E))) : r(x - top);
    const value = r(precision.fusedExp2 ? 2 ** argument : Math.exp(argument));
    return value < precision.exp.tiny ? 0 : value;
  };
  const features = values.length / scores.length;
  const size = precision.tile ?? kvLen;
  const raw = new Float64Array(scores.length);
  const output = new Float64Array(features);
  /** Weights times one feature of the values, from one key on. */
  const combined = (start: number, end: number, k: number) =>
    productSum(
      { data: raw, at: start },
      { data: values, at: start * features + k, step: features },
      end - start,
      machine,
      r,
    );
  let top = -Infinity;
  let sum = 0;
  // Tiles hold as many kept keys as they may at most, which makes at most the declared number of tiles.
  for (let start = 0; start < scores.length; start += size) {
    const end = Math.min(start + size, scores.length);
    let newTop = top;
    for (let n = start; n < end; n++) newTop = Math.max(newTop, scores[n]);
    const rescale = top === -Infinity ? 0 : exp(top, newTop);
    const exps = scores.slice(start, end).map((x) => exp(x, newTop));
    const kept = kind && !kind.normalised ? exps.map(stored) : exps;
    sum = r(r(sum * rescale) + sumOf(kind?.inSum ? kept : exps, order, r));
    for (let n = 0; n < start; n++) raw[n] = r(raw[n] * rescale);
    raw.set(kept, start);
    for (let k = 0; k < features; k++) output[k] = r(r(output[k] * rescale) + combined(start, end, k));
    top = newTop;
  }
  const isLate = kind?.normalised === false || precision.tile !== undefined;
  for (let n = 0; n < raw.length; n++) raw[n] = divide(raw[n], sum);
  if (isLate) {
    for (let k = 0; k < features; k++) output[k] = divide(output[k], sum);
    return { output, weights: raw };
  }
  for (let n = 0; n < raw.length; n++) raw[n] = stored(raw[n]);
  for (let k = 0; k < features; k++) output[k] = combined(0, raw.length, k);
  return { output, weights: raw };
}

/** The rotary embedding with a float32 table (float64 for float64), every operation rounded to the type that it is stored in. */
export function turn(c: AttentionCase, machine: Machine): { query: Float64Array; key: Float64Array } {
  const { rotary } = c;
  const query = c.query.data.slice();
  const key = c.key.data.slice();
  if (rotary === undefined) return { query, key };
  const { numHeads, numKvHeads, qLen, kvLen, headDim } = sizesOf(c);
  const wide: FloatType = c.query.dtype === 'float64' ? 'float64' : 'float32';
  const dtype = machine.precision.rotary?.rotated ?? c.query.dtype;
  const r = (x: number) => round(x, dtype);
  const turnAll = (data: Float64Array, heads: number, length: number) => {
    for (let v = 0; v < data.length / headDim; v++) {
      const b = Math.floor(v / length / heads);
      const position = rotary.positionIds.data[b * kvLen + (v % length) + kvLen - length];
      for (let n = 0; n < rotary.rotaryDim / 2; n++) {
        const angle = round(position * round(frequencyOf(rotary, n), wide), wide);
        const cos = r(round(Math.cos(angle), wide));
        const sin = r(round(Math.sin(angle), wide));
        const [first, second] = pairOf(rotary, n);
        const [x, y] = [data[v * headDim + first], data[v * headDim + second]];
        data[v * headDim + first] = r(r(x * cos) - r(y * sin));
        data[v * headDim + second] = r(r(y * cos) + r(x * sin));
      }
    }
  };
  turnAll(query, numHeads, qLen);
  turnAll(key, numKvHeads, kvLen);
  return { query, key };
}
