import type { AttentionCase, Conventions } from './case';
import type { Precision } from './precision';

/** What is known about a row before it is compared. */
export const RowState = {
  /** Within range; the radius says something. */
  ok: 0,
  /** Keeps no key: the declared contract is in `output` and `radius`. */
  empty: 1,
  /** Keeps no key and the contract says nothing. */
  unspecified: 2,
  /** An intermediate may overflow, or the sentinel may not swallow the score: no claim. */
  outOfRange: 3,
} as const;
export type RowState = (typeof RowState)[keyof typeof RowState];

/** Numbers and how far a correct implementation may be from them. */
export interface Interval {
  /** The float64 answer; NaN where NaN is due, -Infinity and finfo.min where a sentinel is due. */
  readonly centre: Float64Array;
  /** What may come out is [low, high]; equal where it is exact; both NaN where NaN is due. Rounded to the output's dtype where the backend rounds there. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** The same as one number, half an ulp of the output's dtype included: radii of two roundings of the same centre add. */
  readonly radius: Float64Array;
}

/** The definition's answer to one case for one backend. */
export interface Expectation {
  /** [batch, num_heads, q_len, v_head_dim] */
  readonly output: Interval;
  /** [batch, num_heads, q_len, kv_len]; dropped cells exactly 0 */
  readonly weights: Interval;
  /** [batch, num_heads, q_len, kv_len]; dropped cells NaN in every array when no sentinel is declared */
  readonly scores: Interval;
  /** [batch, num_heads, q_len]: a RowState each */
  readonly rows: Uint8Array;
  /** [batch, num_heads, q_len]: 1 where the radius of every feature is as wide as the spread of the kept values, so that the check says nothing */
  readonly blind: Uint8Array;
  /** [batch, num_heads, q_len, kv_len]: 1 where the key is kept */
  readonly keep: Uint8Array;
}

export type Expect = (c: AttentionCase, conventions: Conventions, precision: Precision) => Expectation;
