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
  if (!flush) return (x) => round(x, type);
  return (x) => {
    const y = round(x, type);
    return Math.abs(y) < finfo[type].min ? 0 : y;
  };
}

export function sumOf(terms: number[], order: Machine['order'], r: Rounding): number {
  if (order === 'pairs') {
    let level = terms;
    while (level.length > 1) {
      const next: number[] = [];
      for (let n = 0; n < level.length; n += 2) next.push(n + 1 < level.length ? r(level[n] + level[n + 1]) : level[n]);
      level = next;
    }
    return level[0] ?? 0;
  }
  return (order === 'forward' ? terms : [...terms].reverse()).reduce((sum, term) => r(sum + term), 0);
}

/** sum x y */
function productSum(x: readonly number[], y: readonly number[], { order, fused }: Machine, r: Rounding): number {
  if (fused) return x.reduce((sum, value, n) => r(sum + value * y[n]), 0);
  return sumOf(
    x.map((value, n) => r(value * y[n])),
    order,
    r,
  );
}

export interface Emulated {
  readonly output: Float64Array;
  readonly weights: Float64Array;
  readonly scores: Float64Array;
}

/** Attention as a machine would compute it, dropped keys left out; queries that keep no key stay 0. */
export function emulate(c: AttentionCase, keep: Uint8Array, machine: Machine): Emulated {
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const { query, key } = turn(c, machine);
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
    const kept = Array.from({ length: kvLen }, (_, j) => j).filter((j) => keep[at * kvLen + j] === 1);
    if (kept.length === 0) continue;
    const scores = kept.map((j) => {
      const q = query.subarray(at * headDim, (at + 1) * headDim);
      const k = key.subarray((keyStart + j) * headDim, (keyStart + j + 1) * headDim);
      return score(c, q, k, biasAt(c, bottomRight, b, h, i, j), machine);
    });
    const values = kept.map((j) => c.value.data.subarray((keyStart + j) * vHeadDim, (keyStart + j + 1) * vHeadDim));
    const { output, weights } = average(scores, values, kvLen, machine);
    const type = machine.precision.output ?? c.query.dtype;
    output.forEach((x, k) => (result.output[at * vHeadDim + k] = round(x, type)));
    kept.forEach((j, n) => {
      result.weights[at * kvLen + j] = round(weights[n], type);
      result.scores[at * kvLen + j] = round(scores[n], type);
    });
  }
  return result;
}

export function score(c: AttentionCase, q: Float64Array, k: Float64Array, bias: number, machine: Machine): number {
  const { precision } = machine;
  const r = rounding(precision.accumulate);
  const input = (x: number) => (precision.inputs ? Math.fround(x * (1 + precision.inputs.relative * 0.9)) : x);
  const store = (x: number, to: Store | undefined) => (to ? rounding(to)(x) : x);
  const dot = (x: number[], y: number[]) => productSum(x.map(input), y.map(input), machine, r);
  let s: number;
  if (precision.scale.roundings === 4) {
    const root = r(Math.sqrt(c.scale));
    const scaled = (x: Float64Array) => [...x].map((value) => store(r(value * root), precision.scale.stored));
    s = store(store(dot(scaled(q), scaled(k)), precision.dot), precision.scaled);
  } else if (precision.scale.stored) {
    const scaled = [...q].map((value) => store(r(value * r(c.scale)), precision.scale.stored));
    s = store(store(dot(scaled, [...k]), precision.dot), precision.scaled);
  } else {
    s = store(r(store(dot([...q], [...k]), precision.dot) * r(c.scale)), precision.scaled);
  }
  if (c.softcap !== undefined) s = store(r(r(Math.tanh(r(s / c.softcap))) * c.softcap), precision.scaled);
  return bias === 0 ? s : store(r(s + bias), precision.masked);
}

/** One pass, or an online softmax over tiles. */
export function average(scores: number[], values: Float64Array[], kvLen: number, machine: Machine) {
  const { precision, order, reciprocal } = machine;
  const r = rounding(precision.accumulate);
  const { weights: kind } = precision;
  const stored = kind ? rounding(kind) : (x: number) => x;
  const divide = (x: number, y: number) => (reciprocal ? r(x * r(1 / y)) : r(x / y));
  const exp = (x: number, top: number): number => {
    const argument = precision.fusedExp2 ? r(x * r(Math.LOG2E) - r(top * r(Math.LOG2E))) : r(x - top);
    const value = r(precision.fusedExp2 ? 2 ** argument : Math.exp(argument));
    return value < precision.exp.tiny ? 0 : value;
  };
  const features = values[0].length;
  const size = precision.tile ?? kvLen;
  let top = -Infinity;
  let sum = 0;
  let raw: number[] = [];
  let output: number[] = Array<number>(features).fill(0);
  // Tiles hold as many kept keys as they may at most, which makes at most the declared number of tiles.
  for (let start = 0; start < scores.length; start += size) {
    const tile = scores.slice(start, start + size);
    const newTop = Math.max(top, ...tile);
    const rescale = top === -Infinity ? 0 : exp(top, newTop);
    const exps = tile.map((x) => exp(x, newTop));
    const kept = kind && !kind.normalised ? exps.map(stored) : exps;
    sum = r(r(sum * rescale) + sumOf(kind?.inSum ? kept : exps, order, r));
    raw = [...raw.map((x) => r(x * rescale)), ...kept];
    output = output.map((x, k) =>
      r(
        r(x * rescale) +
          productSum(
            kept,
            kept.map((_, n) => values[start + n][k]),
            machine,
            r,
          ),
      ),
    );
    top = newTop;
  }
  const normalised = raw.map((x) => divide(x, sum));
  if (kind && !kind.normalised) return { output: output.map((x) => divide(x, sum)), weights: normalised };
  if (precision.tile !== undefined) return { output: output.map((x) => divide(x, sum)), weights: normalised };
  const weights = normalised.map(stored);
  output = Array.from({ length: features }, (_, k) =>
    productSum(
      weights,
      weights.map((_, n) => values[n][k]),
      machine,
      r,
    ),
  );
  return { output, weights };
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
