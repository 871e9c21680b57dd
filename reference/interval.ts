import type { FloatType } from './case';
import { finfo, halfUlp, round, roundDown, roundUp } from './dtype';
import type { Interval } from './expectation';
import type { Precision } from './precision';

/** An interval of zeros, exactly. */
export function intervalOf(length: number): Interval {
  const bytes = length * Float64Array.BYTES_PER_ELEMENT;
  const room = new ArrayBuffer(4 * bytes);
  return {
    centre: new Float64Array(room, 0, length),
    low: new Float64Array(room, bytes, length),
    high: new Float64Array(room, 2 * bytes, length),
    radius: new Float64Array(room, 3 * bytes, length),
  };
}

/** How the answer's type enters: rounding is monotone, so what may come out is [RN(o - r), RN(o + r)]. */
export interface LastRounding {
  /** Absent where the accumulator's own numbers come out. */
  readonly type: FloatType | undefined;
  /** The direction is not specified, so both are allowed. */
  readonly directed: boolean;
  /** The largest number that can come out. */
  readonly max: number;
}

/** Answers come in the case's dtype, unless the backend rounds them to another type first. */
export function lastRoundingOf(precision: Precision, dtype: FloatType): LastRounding {
  const { type, unitRoundoff } = precision.accumulate;
  const output = precision.output ?? dtype;
  return {
    type: output === type ? undefined : output,
    directed: unitRoundoff !== undefined && unitRoundoff > finfo[type].u,
    max: Math.min(finfo[output].max, finfo[type].max),
  };
}

/** Half an ulp (an ulp where directed) of the answer's type at a size; 0 where there is no further rounding. */
export function lastUlp(size: number, { type, directed }: LastRounding): number {
  if (type === undefined) return 0;
  return directed ? 2 * halfUlp(size, type) : halfUlp(size, type);
}

/** Writes [RN(centre - r), RN(centre + r)]. */
export function writeAround(to: Interval, at: number, centre: number, r: number, rounding: LastRounding): void {
  const { type } = rounding;
  to.centre[at] = centre;
  to.radius[at] = r + lastUlp(Math.abs(centre) + r, rounding);
  if (type === undefined) {
    to.low[at] = centre - r;
    to.high[at] = centre + r;
  } else {
    to.low[at] = rounding.directed ? roundDown(centre - r, type) : round(centre - r, type);
    to.high[at] = rounding.directed ? roundUp(centre + r, type) : round(centre + r, type);
  }
}

/** Leaves what lies in [RN(centre - r), RN(centre + r)] too: both intervals hold, and rounding is monotone. */
export function narrow(to: Interval, at: number, centre: number, r: number, { type, directed }: LastRounding): void {
  let low = centre - r;
  let high = centre + r;
  if (type !== undefined) {
    low = directed ? roundDown(low, type) : round(low, type);
    high = directed ? roundUp(high, type) : round(high, type);
  }
  low = Math.max(low, to.low[at]);
  high = Math.min(high, to.high[at]);
  if (!(low <= high)) return;
  to.low[at] = low;
  to.high[at] = high;
  to.radius[at] = Math.min(to.radius[at], Math.max(high - to.centre[at], to.centre[at] - low));
}

/** No claim: any number may come out. */
export function writeAnything(to: Interval, at: number, centre: number): void {
  to.centre[at] = centre;
  to.low[at] = -Infinity;
  to.high[at] = Infinity;
  to.radius[at] = Infinity;
}

/** Exactly this, NaN included. */
export function writeExactly(to: Interval, at: number, value: number): void {
  to.centre[at] = value;
  to.low[at] = value;
  to.high[at] = value;
  to.radius[at] = Number.isNaN(value) ? NaN : 0;
}
