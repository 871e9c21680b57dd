import type { FloatType } from './case';
import { finfo } from './dtype';

/** A place where a number is rounded to a type before it is used again. */
export interface Store {
  readonly type: FloatType;
  /** Subnormals become zero there. */
  readonly flush?: boolean;
  /**
   * The rounding does happen, once and to nearest even, not just "at most": it is then followed instead of charged, which
   * makes eager half precision as sharp as float32. Declared and not true, it gives false alarms.
   */
  readonly sure?: boolean;
}

/**
 * How a backend computes in one dtype, point by point: what `radius` needs to know and nothing else.
 * Errors are relative and in absolute terms (not ulps): e ulp are 2 e roundoffs.
 * Source: the derivation in docs/numerics.md.
 */
export interface Precision {
  /** What products and sums are computed in. `unitRoundoff` widens it where the rounding mode is unspecified (WGSL: 2^-23). */
  readonly accumulate: Store & { readonly unitRoundoff?: number };
  /** 2: one constant, one product. 4: query and key each times sqrt(scale). `error` of the constant itself; `stored` type of the scaled query. */
  readonly scale: { readonly roundings: 2 | 4; readonly error?: number; readonly stored?: Store };
  /** Inputs of matrix products cut to fewer bits (TF32: 2^-11, or 2^-10 truncated). */
  readonly inputs?: { readonly relative: number; readonly tiny: number };
  /** Types that query . key, the scaled score and the masked score are stored in, where that is not the accumulator. */
  readonly dot?: Store;
  readonly scaled?: Store;
  readonly masked?: Store;
  /** exp: relative error, relative error per unit of |argument|, and what it may return 0 for, relative to the top weight. */
  readonly exp: { readonly relative: number; readonly perUnit?: number; readonly tiny: number };
  /** Where a softcap's tanh is worse than exp: (1 - e^-2x) / (1 + e^-2x) cancels near 0, and is off by an amount there and not by a share. */
  readonly tanh?: { readonly relative: number; readonly absolute: number };
  /** 1 where exp2(fma(s, c, -fl(m c))) is fused. */
  readonly fusedExp2?: number;
  /** Roundoffs of a division: 1 for IEEE, 2 for reciprocal and product. */
  readonly divide: number;
  /** Keys a tile of an online softmax; absent is one pass. */
  readonly tile?: number;
  /** The type that weights are stored in before they meet the values; whether already divided by their sum; whether the sum is of the stored ones. */
  readonly weights?: Store & { readonly normalised: boolean; readonly inSum: boolean };
  /** The type of the answer where it is not the accumulator's. */
  readonly output?: FloatType;
  /** The finite number that the adapter really puts in dropped scores; absent where dropped keys are left out or get -inf. finfo(mask dtype).min for finfo masks in any case. */
  readonly finfoFill?: number;
  /** Rotary: relative error of an angle, error of sin and cos in roundoffs of it, type that they are stored in, type that the rotated vectors are stored in. */
  readonly rotary?: {
    readonly angle: number;
    readonly trig: number;
    readonly pow: number;
    readonly table?: FloatType;
    readonly rotated?: FloatType;
  };
  /** How gradients are computed. */
  readonly backward?: Backward;
}

/**
 * The backward pass, beyond what follows from the forward one: the gradient of a number that is stored in a type is stored in that
 * type as well, and everything else is computed as declared for the forward pass.
 */
export interface Backward {
  /** Kept from the forward pass, or computed again as exp(score - log of the sum), as fused kernels do; absent is whichever costs more. */
  readonly weights?: 'kept' | 'rebuilt';
  /** Where softmax takes the mean of the weights' gradients from: sum of weight x gradient, or grad_output . output; absent is whichever costs more. */
  readonly mean?: 'weights' | 'output';
  /** The type that rebuilt weights and gradients of scores are stored in before they meet grad_output, keys and queries, where that is not the accumulator. */
  readonly operands?: Store;
  /** The type of a head's gradients before the heads of a group are added, of sums over some of them, and over a tile: the type of the answer where absent. */
  readonly partial?: Store;
  /** Queries a tile, where sums over them are stored in `partial` tile after tile; absent is one pass. */
  readonly tile?: number;
}

/**
 * What is assumed of a backend that declares nothing: float32 inside (float64 for float64), gradual underflow, exp to
 * 2 ulp with a cut-off, a division of 3 roundoffs, nothing stored in between but rotary's tables and vectors.
 */
export function defaultPrecision(dtype: FloatType): Precision {
  const type = dtype === 'float64' ? 'float64' : 'float32';
  const { u, min } = finfo[type];
  return {
    accumulate: { type },
    scale: { roundings: 4 },
    exp: { relative: 4 * u, tiny: 2 * min },
    divide: 3,
    ...(dtype === type ? {} : { output: dtype }),
    rotary: { angle: u, trig: 4, pow: 4, table: dtype, rotated: dtype },
  };
}
