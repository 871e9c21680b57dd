import type { AttentionCase, FloatTensor, FloatType } from '../../reference/case';
import { finfo, round } from '../../reference/dtype';
import { float64Array } from '../../reference/small-arrays';
import type { ContentKind } from './constraints';
import { Dice } from './dice';

/** Scores that the kind `large` aims at; the sentinels -1e4 and -1e9 of other people's code are too small for them. */
const largeScores = [30, 300, 1e4, 3e4, 1e5];

/** Quarters in [-2, 2], four a draw: so few bits that every sum of products is exact, even in float16. */
function fillExact(dice: Dice, data: Float64Array, start: number, end: number): void {
  for (let n = start, bits = 0, left = 0; n < end; n++, left--) {
    if (left === 0) {
      bits = dice.bits();
      left = 4;
    }
    data[n] = (((bits & 255) * 17) >> 8) / 4 - 2;
    bits >>>= 8;
  }
}

/** Three uniforms added: as good as normal here, with deviation 1, never beyond 3, and 0 rather than subnormal. */
function fillNormal(dice: Dice, data: Float64Array, type: FloatType): void {
  for (let n = 0; n < data.length; n++) {
    const x = (dice.unit() + dice.unit() + dice.unit() - 1.5) * 2;
    data[n] = Math.abs(x) < 2 ** -13 ? 0 : round(x, type);
  }
}

/** Signed numbers of about one size. */
function fillSized(dice: Dice, data: Float64Array, size: number, type: FloatType): void {
  for (let n = 0; n < data.length; n++) {
    const bits = dice.bits();
    data[n] = round((bits < 0 ? -size : size) * (0.5 + (bits & 0xffff) / 0x20000), type);
  }
}

/** Subnormal numbers, with ordinary ones between them. */
function fillDenormal(dice: Dice, data: Float64Array, type: FloatType): void {
  const { min, u } = finfo[type];
  const smallest = 2 * min * u;
  for (let n = 0; n < data.length; n++) {
    const bits = dice.bits();
    const subnormal = (1 + ((bits >>> 8) & 127)) * smallest;
    data[n] = (bits & 3) === 0 ? ((bits >>> 4) & 15) / 4 - 2 : bits < 0 ? -subnormal : subnormal;
  }
}

/** Runs of `length` numbers that repeat two or three vectors of two or three values. */
function fillTies(dice: Dice, data: Float64Array, length: number): void {
  const few = dice.int(1, 3);
  const values = Float64Array.from({ length: 3 }, () => 0);
  fillExact(dice, values, 0, 3);
  for (let start = 0; start < data.length; start += length) {
    const from = start >= few * length && dice.chance(0.6) ? dice.int(0, few - 1) * length : -1;
    for (let d = 0; d < length; d++) data[start + d] = from >= 0 ? data[from + d] : values[dice.int(0, 2)];
  }
}

/** The shapes of the tensors to fill, and what a score is multiplied by. */
export interface ContentShape {
  readonly dtype: FloatType;
  readonly query: readonly number[];
  readonly key: readonly number[];
  readonly value: readonly number[];
  readonly scale: number;
}

/**
 * Query, key and value, filled in bulk, every number representable in the dtype.
 * |query|.|key| stays below finfo.max / 4, so that no score overflows in any order of summation.
 */
export function drawContents(
  dice: Dice,
  kind: ContentKind,
  shape: ContentShape,
): { query: FloatTensor; key: FloatTensor; value: FloatTensor } {
  const { dtype } = shape;
  const [query, key, value] = [shape.query, shape.key, shape.value].map((s) => float64Array(s[0] * s[1] * s[2] * s[3]));
  const dim = shape.query[3];
  switch (kind) {
    case 'exact':
      for (const data of [query, key, value]) fillExact(dice, data, 0, data.length);
      break;
    case 'normal':
      for (const data of [query, key, value]) fillNormal(dice, data, dtype);
      break;
    case 'ties':
      fillTies(dice, query, dim);
      fillTies(dice, key, dim);
      // Values stay apart, or a leak between equal keys could not be seen.
      fillExact(dice, value, 0, value.length);
      break;
    case 'large': {
      const room = (finfo[dtype].max / 4) * 0.9;
      const score = Math.min(dice.pick(largeScores), room / Math.max(1, shape.scale));
      const size = Math.sqrt(score / dim);
      fillSized(dice, query, size, dtype);
      fillSized(dice, key, size, dtype);
      fillExact(dice, value, 0, value.length);
      break;
    }
    case 'denormal':
      fillDenormal(dice, query, dtype);
      fillExact(dice, key, 0, key.length);
      fillDenormal(dice, value, dtype);
      break;
  }
  return {
    query: { dtype, shape: shape.query, data: query },
    key: { dtype, shape: shape.key, data: key },
    value: { dtype, shape: shape.value, data: value },
  };
}

/** Quarters in [-2, 2] of any shape. */
export function drawExact(dice: Dice, dtype: FloatType, shape: readonly number[]): FloatTensor {
  const data = float64Array(shape.reduce((a, b) => a * b, 1));
  fillExact(dice, data, 0, data.length);
  return { dtype, shape, data };
}

/** Quarters in [-2, 2] without 0, so that every number of an output counts in a loss. */
export function drawGradOutput(dice: Dice, dtype: FloatType, shape: readonly number[]): FloatTensor {
  const drawn = drawExact(dice, dtype, shape);
  return { ...drawn, data: drawn.data.map((x) => (x === 0 ? 1 : x)) };
}

/** The same sizes, mask and features with other exact contents, which `number` chooses. */
export function withOtherContents(c: AttentionCase, number: number): AttentionCase {
  const dice = new Dice(number, 0, 0);
  const other = (tensor: FloatTensor): FloatTensor => drawExact(dice, tensor.dtype, tensor.shape);
  return { ...c, query: other(c.query), key: other(c.key), value: other(c.value) };
}

/** The plainest kind of contents that may hold the number. */
export function contentOf(x: number, type: FloatType): 'exact' | 'normal' | 'large' | 'denormal' {
  const size = Math.abs(x);
  if (size <= 2 && Number.isInteger(4 * x)) return 'exact';
  if (size < finfo[type].min) return 'denormal';
  return size <= 3 ? 'normal' : 'large';
}
