import { sizesOf } from './case';
import type { AttentionCase, Conventions, EmptyRow, FloatType, Sizes } from './case';
import { chargesOf, oraclePrecision } from './charges';
import type { Charges } from './charges';
import { finfo, halfUlp, round } from './dtype';
import { BackwardPass } from './gradient-radius';
import type { Charged, GradientExpectation } from './gradient-radius';
import { gradientsOf } from './gradients';
import { FollowedWeights, followAnswer, followedAnswer, follows, followScores, followWeights } from './followed';
import { intervalOf, lastRoundingOf, lastUlp, narrow, writeAnything, writeAround, writeExactly } from './interval';
import type { LastRounding } from './interval';
import { contractOf, keepGrid, maskRowStart } from './masks';
import { shownSentinel } from './oracle';
import type { Precision } from './precision';
import { chargeRow } from './radius';
import { turned } from './rotary';
import { chargeTurns, turnChargesOf } from './rotary-error';
import { answerRow, evenOut, rowFor, scoreRow, weighRow } from './row';
import type { Row, RowTerms } from './row';
import { chargeScores } from './score-error';
import type { ScoreTerms } from './score-error';

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
  /** Of a case that asks for gradients. A dropped key's is exactly 0; where nothing is known anything may come. */
  readonly gradients?: GradientExpectation;
}

/**
 * The definition's answer to a case under a backend's conventions, with what its precision allows: one pass for both.
 * Every number but the radii is bitwise that of `attend` in oracle.ts.
 */
export function expectationOf(c: AttentionCase, conventions: Conventions, precision: Precision): Expectation {
  const sizes = sizesOf(c);
  const { batch, numHeads, numKvHeads, qLen, kvLen, vHeadDim } = sizes;
  const rowCount = batch * numHeads * qLen;
  const result: Expectation = {
    output: intervalOf(rowCount * vHeadDim),
    weights: intervalOf(rowCount * kvLen),
    scores: intervalOf(rowCount * kvLen),
    rows: new Uint8Array(rowCount),
    blind: new Uint8Array(rowCount),
    keep: keepGrid(c, conventions),
  };
  const call = callOf(c, conventions, precision, sizes, result);
  const row = rowFor(kvLen, vHeadDim);
  // Whoever used the row before may have turned its vectors.
  row.turnError.fill(0, 0, kvLen);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      const kvHead = Math.floor(h / (numHeads / numKvHeads));
      const keyStart = (b * numKvHeads + kvHead) * kvLen;
      for (let i = 0; i < qLen; i++) {
        const at = (b * numHeads + h) * qLen + i;
        const maskStart = c.mask ? maskRowStart(c, c.mask, conventions, b, h, i) : 0;
        result.rows[at] = expectRow(call, row, at, b, i, keyStart, maskStart);
      }
    }
  }
  return call.backward ? { ...result, gradients: call.backward.expectation(gradientsOf(c, conventions)) } : result;
}

/** What the rows of one call share. */
interface Call extends ScoreTerms, RowTerms {
  readonly c: AttentionCase;
  readonly sizes: Sizes;
  readonly contract: EmptyRow;
  /** What a dropped cell shows; NaN where nothing is declared. */
  readonly shown: number;
  /** The last one is the backend's; before it, where float64 itself is under test, the oracle's own. */
  readonly charged: readonly Charged[];
  readonly rounding: LastRounding;
  readonly precision: Precision;
  /** Room for the weights, where a rounding is followed. */
  readonly followed: FollowedWeights | undefined;
  /** Adding finfo.min wipes out scores below this; filling with it wipes out all, but nobody declares which it is. */
  readonly wiped: number;
  /** The type that a dropped score is shown in. */
  readonly sumType: FloatType;
  /** Where gradients are asked for. */
  readonly backward: BackwardPass | undefined;
  readonly result: Expectation;
}

function callOf(
  c: AttentionCase,
  conventions: Conventions,
  precision: Precision,
  sizes: Sizes,
  result: Expectation,
): Call {
  const dtype = c.query.dtype;
  const mask = c.mask?.form === 'additive' ? c.mask.tensor : undefined;
  const maskType = mask?.dtype ?? dtype;
  const vectors = turned(c);
  const precisions = precision.accumulate.type === 'float64' ? [oraclePrecision, precision] : [precision];
  const charged = precisions.map((declared) => ({
    charges: chargesOf(declared, sizes, c.scale, dtype, mask?.dtype),
    turns: turnChargesOf(c, declared),
    precision: declared,
  }));
  const rounding = lastRoundingOf(precision, dtype);
  const gradOutput = c.want.gradients ? c.gradOutput?.data : undefined;
  return {
    c,
    sizes,
    keyNorm: normsOf(vectors.key, sizes.headDim),
    keep: result.keep,
    kvLen: sizes.kvLen,
    scale: c.scale,
    softcap: c.softcap,
    contract: contractOf(c, conventions),
    headDim: sizes.headDim,
    query: vectors.query,
    key: vectors.key,
    shown: shownSentinel(c, conventions),
    cells: mask?.data,
    lowest: mask && finfo[mask.dtype].lowest,
    charged,
    rounding,
    precision,
    followed: precisions.length === 1 && follows(precision) ? new FollowedWeights(sizes.kvLen) : undefined,
    wiped: halfUlp(finfo[maskType].lowest, maskType),
    sumType: precision.output ?? dtype,
    backward: gradOutput && new BackwardPass(c, gradOutput, vectors, charged, rounding),
    result,
  };
}

/** |vector|_1 of each vector of `length` numbers. */
function normsOf(data: Float64Array, length: number): Float64Array {
  const norms = new Float64Array(data.length / length);
  for (let n = 0, at = 0; n < norms.length; n++) {
    let norm = 0;
    for (const end = at + length; at < end; at++) norm += Math.abs(data[at]);
    norms[n] = norm;
  }
  return norms;
}

/** Query i of batch row b, the `at`-th row of all. */
function expectRow(
  call: Call,
  row: Row,
  at: number,
  b: number,
  i: number,
  keyStart: number,
  maskStart: number,
): RowState {
  const { kvLen, result, contract, rounding } = call;
  const { vHeadDim, qLen } = call.sizes;
  const values = call.c.value.data;
  const valueStart = keyStart * vHeadDim;
  const cellStart = at * kvLen;
  scoreRow(row, call, at, keyStart, maskStart);
  const empty = row.kept === 0;
  if (!empty) {
    weighRow(row);
    answerRow(row, values, valueStart, vHeadDim);
  }
  clearRadii(row, kvLen, vHeadDim);
  const place = { at, b, i, keyStart };
  let inRange = true;
  let backInRange = true;
  let blind = false;
  for (const [n, { charges, turns }] of call.charged.entries()) {
    if (turns) chargeTurns(row, turns, call.keyNorm, at, keyStart, b * kvLen, i + kvLen - qLen, kvLen);
    if (!chargeScores(row, charges, call, keyStart, cellStart)) inRange = false;
    addScoreErrors(row, charges, kvLen);
    if (empty) continue;
    const charge = chargeRow(row, charges, values, valueStart, vHeadDim);
    if (!charge.inRange) inRange = false;
    if (call.backward && !call.backward.add(n, row, charge.den, place, false)) backInRange = false;
    blind = charge.blind;
  }
  let state: RowState = empty ? RowState.empty : RowState.ok;
  if (empty && contract === 'uniform') {
    if (inRange) inRange = wipedOut(row, call);
    writeScores(call, row, cellStart, inRange);
    evenOut(row, kvLen);
    answerRow(row, values, valueStart, vHeadDim);
    for (const [n, { charges }] of call.charged.entries()) {
      const charge = chargeRow(row, charges, values, valueStart, vHeadDim);
      if (!charge.inRange) inRange = false;
      if (call.backward && !call.backward.add(n, row, charge.den, place, true)) backInRange = false;
    }
  } else {
    writeScores(call, row, cellStart, inRange);
  }
  for (let k = 0; k < vHeadDim; k++) {
    const size = Math.abs(row.output[k]) + row.outputRadius[k];
    if (row.kept > 0 && !(size + lastUlp(size, rounding) < rounding.max)) inRange = false;
  }
  if (!inRange) state = RowState.outOfRange;
  if (empty && contract === 'unspecified') state = RowState.unspecified;
  if (
    state === RowState.unspecified ||
    state === RowState.outOfRange ||
    !backInRange ||
    (empty && contract === 'nan')
  ) {
    call.backward?.lose(place);
  }
  if (state === RowState.unspecified || state === RowState.outOfRange) {
    writeNoClaim(call, row, at);
  } else if (row.kept > 0) {
    writeAnswer(call, row, at);
  } else {
    writeContract(call, at, contract === 'nan' ? NaN : 0);
  }
  result.blind[at] = blind && state === RowState.ok ? 1 : 0;
  if (call.followed && state === RowState.ok) followRow(call, call.followed, row, at, keyStart);
  return state;
}

/** Narrows the intervals of a row by the roundings that are sure to happen. */
function followRow(call: Call, weights: FollowedWeights, row: Row, at: number, keyStart: number): void {
  const { kvLen, result, rounding, precision } = call;
  const { vHeadDim } = call.sizes;
  const { charges } = call.charged[0];
  const values = call.c.value.data;
  const valueStart = keyStart * vHeadDim;
  followScores(row, precision, charges, call, keyStart);
  weighRow(row);
  answerRow(row, values, valueStart, vHeadDim);
  clearRadii(row, kvLen, vHeadDim);
  chargeRow(row, charges, values, valueStart, vHeadDim);
  for (let n = 0; n < row.kept; n++) {
    const j = row.keys[n];
    narrow(result.scores, at * kvLen + j, row.score[j], row.scoreError[j], rounding);
    narrow(result.weights, at * kvLen + j, row.weight[j], row.weightRadius[j], rounding);
  }
  const weighed = followWeights(row, precision, charges, weights);
  let narrowed = false;
  for (let k = 0; k < vHeadDim; k++) {
    const cell = at * vHeadDim + k;
    narrow(result.output, cell, row.output[k], row.outputRadius[k], rounding);
    if (weighed) {
      followAnswer(row, charges, weights, values, valueStart, vHeadDim, k);
      narrow(result.output, cell, followedAnswer.centre, followedAnswer.radius, rounding);
    }
    const reach = Math.max(result.output.high[cell] - row.output[k], row.output[k] - result.output.low[cell]);
    if (row.spread[k] > reach) narrowed = true;
  }
  if (narrowed) result.blind[at] = 0;
}

function clearRadii(row: Row, kvLen: number, vHeadDim: number): void {
  for (let j = 0; j < kvLen; j++) row.scoreRadius[j] = row.weightRadius[j] = 0;
  for (let k = 0; k < vHeadDim; k++) row.outputRadius[k] = 0;
}

/** A shown score is off by the whole error of the scale's constant; softmax feels only its difference between keys. */
function addScoreErrors(row: Row, charges: Charges, kvLen: number): void {
  const offScale = 1.01 * charges.scaleError * charges.scale;
  for (let j = 0; j < kvLen; j++) row.scoreRadius[j] += row.scoreError[j] + offScale * Math.abs(row.dot[j]);
}

/** Whether adding finfo.min leaves nothing of any score, so that the softmax is that of equal scores. */
function wipedOut(row: Row, call: Call): boolean {
  for (let j = 0; j < call.kvLen; j++) {
    if (!(Math.abs(row.capped[j]) + row.scoreRadius[j] < call.wiped)) return false;
  }
  return true;
}

function writeAnswer(call: Call, row: Row, at: number): void {
  const { kvLen, result, rounding } = call;
  const { vHeadDim } = call.sizes;
  for (let k = 0; k < vHeadDim; k++) {
    writeAround(result.output, at * vHeadDim + k, row.output[k], row.outputRadius[k], rounding);
  }
  const { weights } = result;
  for (let n = 0; n < row.kept; n++) {
    const j = row.keys[n];
    const cell = at * kvLen + j;
    writeAround(weights, cell, row.weight[j], row.weightRadius[j], rounding);
    // No exponential is negative.
    if (weights.low[cell] < 0) weights.low[cell] = 0;
  }
}

/** Zeros or NaN in a query that keeps no key. */
function writeContract(call: Call, at: number, due: number): void {
  const { kvLen, result } = call;
  const { vHeadDim } = call.sizes;
  for (let k = 0; k < vHeadDim; k++) writeExactly(result.output, at * vHeadDim + k, due);
  for (let j = 0; j < kvLen; j++) writeExactly(result.weights, at * kvLen + j, due);
}

function writeNoClaim(call: Call, row: Row, at: number): void {
  const { kvLen, result } = call;
  const { vHeadDim } = call.sizes;
  const known = row.kept > 0;
  for (let k = 0; k < vHeadDim; k++) {
    writeAnything(result.output, at * vHeadDim + k, known ? row.output[k] : NaN);
  }
  for (let n = 0; n < row.kept; n++) {
    writeAnything(result.weights, at * kvLen + row.keys[n], row.weight[row.keys[n]]);
  }
  if (known) return;
  for (let j = 0; j < kvLen; j++) writeAnything(result.weights, at * kvLen + j, NaN);
}

function writeScores(call: Call, row: Row, cellStart: number, inRange: boolean): void {
  const { kvLen, keep, rounding, result } = call;
  const { scores } = result;
  for (let j = 0; j < kvLen; j++) {
    const at = cellStart + j;
    if (keep[at] === 0) writeDropped(call, row, j, at);
    else if (inRange) writeAround(scores, at, row.score[j], row.scoreRadius[j], rounding);
    else writeAnything(scores, at, row.score[j]);
  }
}

/** A boolean mask shows the declared sentinel; an additive one may also show its own, with what is left of the score. */
function writeDropped(call: Call, row: Row, j: number, at: number): void {
  const { shown, cells, lowest, result } = call;
  const { scores } = result;
  writeExactly(scores, at, shown);
  const cell = row.cell[j];
  if (cells === undefined || Number.isNaN(shown) || !(cell === lowest || cell === -Infinity)) return;
  const type = call.sumType;
  scores.low[at] = Math.min(shown, round(cell + row.capped[j] - row.scoreRadius[j], type));
  scores.high[at] = Math.max(shown, round(cell + row.capped[j] + row.scoreRadius[j], type));
  if (scores.low[at] < scores.high[at]) {
    scores.radius[at] = Math.max(scores.high[at] - shown, shown - scores.low[at]);
  } else if (!(scores.low[at] === scores.high[at])) {
    writeAnything(scores, at, shown);
  }
}
