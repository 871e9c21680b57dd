/**
 * Roundings that a backend declares to happen are followed instead of charged. Section 5 of docs/numerics.md.
 *
 * Rounding is monotone, so what lies in [x - E, x + E] before it lies in [RN(x - E), RN(x + E)] after it: nearly always
 * one number, since the errors of float32 are far smaller than the steps of half precision. The row's scores become the
 * numbers that the backend must have stored, and what is due is computed again from there.
 */
import { gamma, isScaledFirst } from './charges';
import type { Charges } from './charges';
import { finfo, round } from './dtype';
import type { Precision, Store } from './precision';
import type { Row } from './row';
import { throughCap } from './score-error';
import type { ScoreTerms } from './score-error';

/** Whether there is anything to follow. With inputs cut to fewer bits nothing is sure enough. */
export function follows({ dot, scaled, masked, weights, inputs }: Precision): boolean {
  return inputs === undefined && [dot, scaled, masked, weights].some((store) => store?.sure === true);
}

/** A number that is known up to an error. One object, overwritten: `store` is called for every key. */
const known = { centre: 0, error: 0 };

/** Rounds to a stored type: followed where that is sure, charged where it is at most. */
function store(to: Store | undefined): void {
  if (to === undefined) return;
  const { centre, error } = known;
  const { u, tiny, min } = finfo[to.type];
  if (to.sure !== true) {
    known.error = error + u * (Math.abs(centre) + error) + (to.flush ? min : tiny);
    return;
  }
  const low = stored(centre - error, to, -1);
  const high = stored(centre + error, to, 1);
  known.centre = (low + high) / 2;
  known.error = (high - low) / 2;
}

/** One end of an interval, stored; `side` is where the interval ends. What is subnormal becomes zero, or not: both are let in. */
function stored(x: number, { type, flush }: Store, side: -1 | 1): number {
  const y = round(x, type);
  if (flush !== true || Math.abs(x) >= finfo[type].min) return y;
  return y * side > 0 ? y : 0;
}

/** Replaces score and scoreError of the kept keys by those of the stored scores. */
export function followScores(
  row: Row,
  precision: Precision,
  charges: Charges,
  terms: ScoreTerms,
  keyStart: number,
): void {
  const { kept, keys, dot, absDot, turnError, cell, queryNorm } = row;
  const { u, tiny, scale, one, rootScale } = charges;
  const scaledFirst = isScaledFirst(precision);
  const ofDot = gamma(charges.headDim, u);
  for (let n = 0; n < kept; n++) {
    const j = keys[n];
    const size = absDot[j] + turnError[j];
    const norms = queryNorm + terms.keyNorm[keyStart + j];
    const floor = tiny * (2 * charges.headDim + 2 + norms);
    if (precision.dot && !scaledFirst) {
      known.centre = dot[j];
      known.error = ofDot * size + turnError[j] + floor;
      store(precision.dot);
      // The constant and the product.
      known.error *= scale;
      known.centre *= terms.scale;
      known.error +=
        (gamma(2, u) + 1.01 * charges.scaleError) * (Math.abs(known.centre) + known.error) + 2 * tiny * one;
    } else {
      known.centre = terms.scale * dot[j];
      known.error = scale * (charges.score * size + turnError[j]) + floor * one + tiny * rootScale * norms;
      known.error += charges.storedTiny * (rootScale * norms + terms.keyNorm[keyStart + j]);
      known.error += 1.01 * charges.scaleError * Math.abs(known.centre);
      store(precision.dot);
    }
    store(precision.scaled);
    if (terms.softcap !== undefined) {
      const x = known.centre;
      known.centre = terms.softcap * Math.tanh(x / terms.softcap);
      known.error = throughCap(x, known.centre, known.error, terms.softcap, charges);
    }
    if (cell[j] !== 0) {
      known.centre += cell[j];
      known.error += charges.maskCast * Math.abs(cell[j]);
      known.error += u * (Math.abs(known.centre) + known.error) + tiny;
      store(precision.masked);
    } else if (charges.maskedAlways) {
      // Without a bias the sum may have been left out, and its rounding with it.
      known.error += charges.bias * (Math.abs(known.centre) + known.error) + charges.biasTiny;
    }
    row.score[j] = known.centre;
    row.scoreError[j] = known.error;
  }
}

/** The weights as they meet the values, known up to an error, and what the answer is divided by afterwards. */
export class FollowedWeights {
  /** By key. */
  readonly centre: Float64Array;
  readonly error: Float64Array;
  /** 1, or the sum of the weights where they are stored before the division; and its relative error, with that of dividing. */
  divisor = 1;
  division = 0;

  constructor(kvLen: number) {
    this.centre = new Float64Array(kvLen);
    this.error = new Float64Array(kvLen);
  }
}

/**
 * Fills `to` with the weights as stored; false where they are not followed. Expects `row` charged with the followed
 * scores: `weightRadius` holds how far a weight may be before it is stored.
 */
export function followWeights(row: Row, precision: Precision, charges: Charges, to: FollowedWeights): boolean {
  const { weights } = precision;
  if (weights?.sure !== true) return false;
  if (weights.normalised) {
    if (weights.inSum) return false;
    for (let n = 0; n < row.kept; n++) {
      const j = row.keys[n];
      storeBetween(to, j, row.weight[j] - row.weightRadius[j], row.weight[j] + row.weightRadius[j], weights);
    }
    to.divisor = 1;
    to.division = 0;
    return true;
  }
  return charges.tiles === 1 && followUnnormalised(row, weights, charges, to);
}

function storeBetween(to: FollowedWeights, j: number, low: number, high: number, weights: Store): void {
  const from = stored(Math.max(0, low), weights, -1);
  const until = stored(high, weights, 1);
  to.centre[j] = (from + until) / 2;
  to.error[j] = (until - from) / 2;
}

/** exp(score - top) is stored and the sum is divided by later: steps are not common to both, so centring is lost. */
function followUnnormalised(
  row: Row,
  weights: NonNullable<Precision['weights']>,
  charges: Charges,
  to: FollowedWeights,
): boolean {
  const { kept, keys, score, scoreError, top } = row;
  const { u } = charges;
  let errorMax = 0;
  let scoreMax = 0;
  for (let n = 0; n < kept; n++) {
    errorMax = Math.max(errorMax, scoreError[keys[n]]);
    scoreMax = Math.max(scoreMax, Math.abs(score[keys[n]]));
  }
  let centres = 0;
  let errors = 0;
  for (let n = 0; n < kept; n++) {
    const j = keys[n];
    const far = top - score[j] + scoreError[j] + errorMax;
    const ofExp = Math.min(0.5, charges.expRelative + charges.expPerUnit * far);
    const error =
      scoreError[j] + errorMax + u * far + charges.fusedExp2 * u * (scoreMax + errorMax) - Math.log1p(-ofExp);
    if (!(error < 1)) return false;
    const exact = Math.exp(score[j] - top);
    storeBetween(to, j, exact * Math.exp(-error) - charges.expCut, exact * Math.exp(error) + charges.expCut, weights);
    centres += weights.inSum ? to.centre[j] : exact;
    errors += weights.inSum ? to.error[j] : exact * Math.expm1(error) + charges.expCut;
  }
  const ofSum = errors / centres + gamma(kept, u) * (1 + errors / centres);
  if (!(ofSum < 1)) return false;
  to.divisor = centres;
  to.division = (1 / (1 - ofSum)) * (1 + gamma(charges.divide, u)) - 1;
  return true;
}

/** Feature k of an answer before its last rounding. One object, overwritten by `followAnswer`. */
export const followedAnswer = { centre: 0, radius: 0 };

/** Feature k of the weighted sum of the values, which begin at `valueStart`; the result is in `followedAnswer`. */
export function followAnswer(
  row: Row,
  charges: Charges,
  weights: FollowedWeights,
  values: Float64Array,
  valueStart: number,
  vHeadDim: number,
  k: number,
): void {
  const { kept, keys, valueMax } = row;
  let centre = 0;
  let error = 0;
  let size = 0;
  for (let n = 0; n < kept; n++) {
    const j = keys[n];
    const v = values[valueStart + j * vHeadDim + k];
    centre += weights.centre[j] * v;
    error += weights.error[j] * Math.abs(v);
    size += (weights.centre[j] + weights.error[j]) * Math.abs(v);
  }
  const own = (kept + 8) * 2 ** -53 * valueMax[k];
  error += gamma(kept, charges.u) * size + charges.tiny * (2 * kept + 4) + own * weights.divisor;
  followedAnswer.centre = centre / weights.divisor;
  followedAnswer.radius =
    ((error / weights.divisor) * (1 + weights.division) +
      Math.abs(followedAnswer.centre) * weights.division +
      charges.tiny) *
    charges.slack;
}
