/**
 * What each rounding of a declared precision costs, as plain numbers: `Precision` read once a case.
 * The letters are those of the derivation (docs/numerics.md): u is a relative error, `tiny` (w there) an absolute one.
 */
import type { FloatType, Sizes } from './case';
import { finfo } from './dtype';
import type { Precision, Store } from './precision';

/** A product of k factors (1 + d)^(+-1), |d| <= u, differs from 1 by at most this. */
export function gamma(k: number, u: number): number {
  return k * u < 1 ? (k * u) / (1 - k * u) : Infinity;
}

/** Rounding to a stored type. */
export interface StoreCharge {
  readonly u: number;
  readonly tiny: number;
  readonly max: number;
}

/** Everything that does not depend on the row. */
export interface Charges {
  readonly headDim: number;
  /** Of the accumulator. */
  readonly u: number;
  readonly tiny: number;
  readonly max: number;
  /** |scale|, max(1, |scale|), and sqrt(|scale|) where query and key are each scaled by it (0 otherwise). */
  readonly scale: number;
  readonly one: number;
  readonly rootScale: number;
  /** g: relative error of each term of scale (query . key). */
  readonly score: number;
  /** Of a scale constant that is off by more than u; common to all keys. */
  readonly scaleError: number;
  /** What storing the scaled query may lose to underflow. */
  readonly storedTiny: number;
  /** Inputs of matrix products cut to fewer bits. */
  readonly inputU: number;
  readonly inputTiny: number;
  /** Where query . key and the scaled score are stored, in this order; and the capped one. */
  readonly scoreStores: readonly StoreCharge[];
  readonly cappedStore: StoreCharge | undefined;
  /** Relative error of adding a bias, and of converting the mask to the type that it is added in. */
  readonly bias: number;
  readonly biasTiny: number;
  readonly maskCast: number;
  /** The masked score is rounded to its type even where the bias is 0: nothing before it has been. */
  readonly maskedAlways: boolean;
  /** The largest number that a masked score may be. */
  readonly scoreMax: number;
  /** exp: relative error of one, the same per unit of |argument|, T times what it may cut off. */
  readonly expRelative: number;
  readonly expPerUnit: number;
  readonly expCut: number;
  readonly fusedExp2: number;
  /** A softcap: relative error of the quotient with its constant, and relative and absolute error of tanh. */
  readonly capQuotient: number;
  readonly tanhRelative: number;
  readonly tanhAbsolute: number;
  /** A sentinel swallows a score from this distance on: exp of it is 0. */
  readonly swallow: number;
  readonly tiles: number;
  readonly divide: number;
  /** Weights as stored: relative and absolute error; whether divided by their sum; whether the sum is of the stored ones. */
  readonly weightU: number;
  readonly weightTiny: number;
  readonly weightNormalised: boolean;
  readonly weightInSum: boolean;
  /** Weights as returned: the same, without a last rounding that the answer's type stands for. */
  readonly returnedWeightU: number;
  readonly returnedWeightTiny: number;
  readonly finfoFill: number | undefined;
  /** Relative margin for the float64 arithmetic of oracle and radius. */
  readonly slack: number;
}

/** Reads a declaration for cases of these sizes. */
export function chargesOf(
  precision: Precision,
  sizes: Sizes,
  scale: number,
  dtype: FloatType,
  maskDtype: FloatType | undefined,
): Charges {
  const accumulator = finfo[precision.accumulate.type];
  const u = precision.accumulate.unitRoundoff ?? accumulator.u;
  const tiny = tinyOf(precision.accumulate);
  const stored = charge(precision.scale.stored);
  const { dot, scaled, masked, inputs, weights, exp } = precision;
  const inputU = inputs?.relative ?? 0;
  const size = Math.abs(scale);
  const tiles = precision.tile === undefined ? 1 : Math.ceil(sizes.kvLen / precision.tile);
  const scoreType = (masked ?? scaled ?? dot ?? precision.accumulate).type;
  const before = scaled ?? (isScaledFirst(precision) ? dot : undefined);
  const maskedAlways = masked !== undefined && before?.type !== masked.type;
  const weightIsAnswer = weights?.type === dtype && weights.normalised && !weights.inSum;
  return {
    headDim: sizes.headDim,
    u,
    tiny,
    max: accumulator.max,
    scale: size,
    one: Math.max(1, size),
    rootScale: precision.scale.roundings === 4 ? Math.sqrt(size) : 0,
    // d factors of the dot product, those of the scaling, two storages of q a, two cut inputs.
    score:
      (1 + gamma(sizes.headDim + precision.scale.roundings, u)) * (1 + (stored?.u ?? 0)) ** 2 * (1 + inputU) ** 2 - 1,
    scaleError: precision.scale.error ?? 0,
    storedTiny: stored?.tiny ?? 0,
    inputU,
    inputTiny: inputs?.tiny ?? 0,
    scoreStores: [dot, scaled].flatMap((store) => charge(store) ?? []),
    cappedStore: charge(scaled),
    maskedAlways,
    bias: masked ? finfo[masked.type].u + (maskedAlways ? u : 0) : u,
    biasTiny: masked ? tinyOf(masked) : precision.accumulate.flush ? tiny : 0,
    maskCast: maskDtype && finfo[maskDtype].digits > finfo[scoreType].digits ? finfo[scoreType].u : 0,
    scoreMax: Math.min(finfo[scoreType].max, accumulator.max),
    expRelative: exp.relative,
    expPerUnit: exp.perUnit ?? 0,
    expCut: exp.tiny * tiles,
    fusedExp2: precision.fusedExp2 ?? 0,
    capQuotient: Math.max(2, precision.divide) * u,
    tanhRelative: precision.tanh?.relative ?? exp.relative,
    tanhAbsolute: precision.tanh?.absolute ?? 0,
    swallow: precision.accumulate.type === 'float64' ? 750 : 120,
    tiles,
    divide: precision.divide,
    weightU: weights ? finfo[weights.type].u : 0,
    weightTiny: weights ? tinyOf(weights) : tiny,
    weightNormalised: weights?.normalised ?? true,
    weightInSum: weights?.inSum ?? false,
    returnedWeightU: weights && !weightIsAnswer && !weights.inSum ? finfo[weights.type].u : 0,
    returnedWeightTiny: weightIsAnswer ? (weights.flush ? tinyOf(weights) : 0) : weights ? tinyOf(weights) : tiny,
    finfoFill: precision.finfoFill,
    slack: precision.accumulate.type === 'float64' ? 1 + 2 ** -9 : 1 + 2 ** -20,
  };
}

/** Whether query (and key) are scaled before they meet: then query . key is the score already. */
export function isScaledFirst({ scale }: Precision): boolean {
  return scale.roundings === 4 || scale.stored !== undefined;
}

/** What one rounding may lose to underflow: half the smallest subnormal, or under flush to zero the smallest normal number. */
function tinyOf(store: Store): number {
  return store.flush ? finfo[store.type].min : finfo[store.type].tiny;
}

/** What rounding to a stored type costs. */
export function charge(store: Store | undefined): StoreCharge | undefined {
  if (store === undefined) return undefined;
  const { u, max } = finfo[store.type];
  return { u, tiny: tinyOf(store), max };
}

/** How this suite's own oracle computes: its error is added where float64 itself is under test. */
export const oraclePrecision: Precision = {
  accumulate: { type: 'float64' },
  scale: { roundings: 2 },
  exp: { relative: 2 ** -52, tiny: Number.MIN_VALUE },
  divide: 1,
  rotary: { angle: 2 ** -53, trig: 2, pow: 2, table: 'float64', rotated: 'float64' },
  backward: { weights: 'kept', mean: 'weights' },
};
