/**
 * How far a correct implementation may be from the answer: derived, never chosen. Sections 2 to 4 of docs/numerics.md.
 *
 * Everything that happens before the weights are divided by their sum perturbs the logarithm of a weight, the same in
 * numerator and denominator: the computed output is still a convex combination of the values, off by at most
 * C = sum p (e^lambda - 1) |v - o| / sum p e^-lambda, and never by more than the spread of the values.
 */
import { gamma } from './charges';
import type { Charges } from './charges';
import type { Row } from './row';

/** Roundoff of the float64 that the oracle itself computes in. */
const ORACLE_U = 2 ** -53;
/** Beyond this an error of a logarithm says nothing, and its exponential still is a number. */
const LAMBDA_MAX = 300;

/** What became of a row. */
export interface RowCharge {
  readonly inRange: boolean;
  /** In no feature with more than one value is the radius narrower than the spread of the values. */
  readonly blind: boolean;
  /** What the sum of the perturbed weights is at least, over the true one. */
  readonly den: number;
}

/**
 * Adds to `row.outputRadius` and `row.weightRadius` what one precision may be off, before the last rounding. The values
 * of the row's keys begin at `valueStart`.
 */
export function chargeRow(
  row: Row,
  charges: Charges,
  values: Float64Array,
  valueStart: number,
  vHeadDim: number,
): RowCharge {
  const { kept, keys, output, valueMax, valueSum, spread, rise, raised } = row;
  const { u, tiny, tiles, slack } = charges;
  const den = perturbWeights(row, charges);
  // The oracle's own error of o matters only where e^lambda is huge.
  const own = (kept + 8) * ORACLE_U;
  // The sum of the weights: one number a row, so it multiplies the whole answer.
  const sumGamma = gamma(kept - 1 + 2 * (tiles - 1), u);
  const ofSum = (sumGamma < 1 ? sumGamma / (1 - sumGamma) : Infinity) + tiles * tiny;
  // Storage and division of each weight, the value product, inputs cut to fewer bits.
  const weightU = charges.weightInSum ? 0 : charges.weightU;
  const ofEach =
    (1 + weightU) *
      (1 + gamma(charges.divide, u)) *
      (1 + gamma(kept + 2 * (tiles - 1), u)) *
      (1 + charges.inputU) ** 2 -
    1;
  const perValue = (charges.weightTiny + charges.inputTiny) / (charges.weightNormalised ? 1 : row.sum);
  const floor = tiny * (2 * kept + 2 * tiles + 2) + charges.inputTiny;
  let inRange = true;
  let narrow = false;
  let varied = false;
  for (let k = 0; k < vHeadDim; k++) {
    const o = output[k];
    const largest = valueMax[k];
    const ownError = own * largest;
    const widest = spread[k] + ownError;
    let centred = widest;
    let reach = largest;
    if (den > 0) {
      let moved = 0;
      let raisedSum = 0;
      for (let n = 0; n < kept; n++) {
        const j = keys[n];
        const v = values[valueStart + j * vHeadDim + k];
        moved += rise[j] * (Math.abs(v - o) + ownError);
        raisedSum += raised[j] * Math.abs(v);
      }
      centred = Math.min(moved / den, widest);
      reach = Math.min(raisedSum / den, largest);
    }
    const floors = perValue * valueSum[k] + floor;
    const size = Math.min(Math.abs(o) + centred, largest);
    row.outputRadius[k] += (centred + (1 + ofSum) * (ofEach * reach + floors) + ofSum * size) * slack;
    if (spread[k] > ownError) {
      varied = true;
      if (centred < widest) narrow = true;
    }
    inRange &&= kept * 1.01 * largest < charges.max && (1 + charges.inputU) * largest < charges.max;
  }
  chargeWeights(row, charges, den, own, ofSum);
  return { inRange, blind: varied && !narrow, den };
}

/** Fills `rise` and `raised`; returns what the sum of the perturbed weights is at least, over the true one. */
function perturbWeights(row: Row, charges: Charges): number {
  const { kept, keys, score, scoreError, dot, weight, growth, rise, raised, top, sum } = row;
  const { u, tiles, expRelative, expPerUnit, fusedExp2 } = charges;
  let errorMax = 0;
  let scoreMax = 0;
  let topKey = keys[0];
  for (let n = 0; n < kept; n++) {
    const j = keys[n];
    if (scoreError[j] > errorMax) errorMax = scoreError[j];
    if (Math.abs(score[j]) > scoreMax) scoreMax = Math.abs(score[j]);
    if (score[j] === top) topKey = j;
  }
  const inSum = charges.weightInSum;
  // What exp cuts off and what storing loses, relative to the sum of the weights.
  const floor = (charges.expCut + (inSum ? charges.weightTiny : 0)) / sum;
  const ofAll = fusedExp2 * u * (scoreMax + errorMax) - (inSum ? Math.log1p(-charges.weightU) : 0);
  const ofExp = Math.log1p(-Math.min(0.5, expRelative * tiles));
  // A wrong constant is common to all keys, and softmax does not see a common shift.
  const offScale = 1.01 * charges.scaleError * charges.scale;
  let den = -kept * floor;
  for (let n = 0; n < kept; n++) {
    const j = keys[n];
    const error = scoreError[j] + offScale * Math.abs(dot[j] - dot[topKey]);
    const far = top - score[j] + error + errorMax;
    const exp = expPerUnit > 0 ? Math.log1p(-Math.min(0.5, expRelative * tiles + expPerUnit * far)) : ofExp;
    const grown = Math.expm1(Math.min(LAMBDA_MAX, error + u * far + ofAll - exp));
    growth[j] = grown;
    rise[j] = weight[j] * grown + floor;
    raised[j] = weight[j] * (1 + grown) + floor;
    den += weight[j] / (1 + grown);
  }
  return den;
}

/** The weights are the output of values that are 1 for one key and 0 for the others, and no value is multiplied. */
function chargeWeights(row: Row, charges: Charges, den: number, own: number, ofSum: number): void {
  const { kept, keys, weight, rise, raised, weightRadius } = row;
  const { u, tiny, tiles, slack } = charges;
  let riseSum = 0;
  for (let n = 0; n < kept; n++) riseSum += rise[keys[n]];
  const ofEach = (1 + charges.returnedWeightU) * (1 + gamma(charges.divide, u)) * (1 + gamma(2 * (tiles - 1), u)) - 1;
  const floor = charges.returnedWeightTiny / (charges.weightNormalised ? 1 : row.sum) + tiny * (2 * tiles + 2);
  for (let n = 0; n < kept; n++) {
    const j = keys[n];
    const p = weight[j];
    const widest = (kept > 1 ? Math.max(1 - p, p) : 1 - p) + own;
    const moved = p * (riseSum - rise[j]) + rise[j] * (1 - p) + own * riseSum;
    const centred = den > 0 ? Math.min(moved / den, widest) : widest;
    const reach = den > 0 ? Math.min(raised[j] / den, 1) : 1;
    const size = Math.min(p + centred, 1);
    weightRadius[j] += (centred + (1 + ofSum) * (ofEach * reach + floor) + ofSum * size) * slack;
  }
}
