/** How far every score of a row may be off, and whether all of them are within range. Section 1 of docs/numerics.md. */
import type { Charges, StoreCharge } from './charges';
import type { Row } from './row';

/** What the rows of a case share. */
export interface ScoreTerms {
  readonly kvLen: number;
  readonly scale: number;
  readonly softcap: number | undefined;
  /** |key|_1 [batch, num_kv_heads, kv_len], after turning */
  readonly keyNorm: Float64Array;
  /** [batch, num_heads, q_len, kv_len]: 1 where the key is kept */
  readonly keep: Uint8Array;
  /** The finite number that the mask drops with; undefined where it is not additive. */
  readonly lowest: number | undefined;
}

/**
 * Fills `row.scoreError` for every key, kept or not; the row's keys and cells begin at `keyStart` and `cellStart`.
 * False where an intermediate may overflow: dropped keys count too, because inf + finfo.min is inf and inf - inf is
 * NaN. False also where finfo.min may not swallow a dropped score.
 */
export function chargeScores(
  row: Row,
  charges: Charges,
  terms: ScoreTerms,
  keyStart: number,
  cellStart: number,
): boolean {
  const { kvLen, keyNorm, keep, softcap, lowest } = terms;
  const { u, tiny, scale, one } = charges;
  const { dot, absDot, turnError, capped, cell, score, scoreError, queryNorm, top } = row;
  const relative = charges.score;
  // Underflow of products and sums; of the stored query (and key, where both are scaled); of inputs cut to fewer bits.
  const floor = tiny * one * (2 * charges.headDim + 2);
  const perNorm = tiny * one + 1.01 * scale * charges.inputTiny + (tiny + charges.storedTiny) * charges.rootScale;
  const stretch = fusedStretch(charges);
  let inRange = true;
  for (let j = 0; j < kvLen; j++) {
    const kept = keep[cellStart + j] === 1;
    const x = terms.scale * dot[j];
    const size = absDot[j] + turnError[j];
    let error = scale * (relative * size + turnError[j]) + floor + perNorm * (queryNorm + keyNorm[keyStart + j]);
    error += charges.storedTiny * keyNorm[keyStart + j];
    inRange &&= size * one * (1 + relative) < charges.max;
    for (const store of charges.scoreStores) {
      error = stored(x, error, store, one);
      inRange &&= Math.max(Math.abs(x), Math.abs(dot[j])) + unscaled(error, scale) < store.max;
    }
    if (softcap !== undefined) error = throughCap(x, capped[j], error, softcap, charges);
    if (kept && (cell[j] !== 0 || charges.maskedAlways)) {
      // Adding a bias of 0 is exact.
      error += charges.maskCast * Math.abs(cell[j]);
      error += charges.bias * (Math.abs(score[j]) + error) + charges.biasTiny;
    }
    const reach = kept ? Math.abs(score[j]) : 0;
    inRange &&= (reach + error) * stretch < charges.scoreMax && charges.fusedExp2 * u * reach < 40;
    if (!kept && top > -Infinity) {
      const fill = cell[j] === lowest ? lowest : charges.finfoFill;
      inRange &&= fill === undefined || top - (capped[j] + fill) > charges.swallow;
    }
    scoreError[j] = error;
  }
  return inRange;
}

/** Rounding to a stored type: |x^| <= |x| + E, so nothing of second order is left over. Before the scaling, underflow is scaled too. */
function stored(x: number, error: number, store: StoreCharge, one: number): number {
  return error + store.u * (Math.abs(x) + error) + store.tiny * one;
}

/** An error of scale x in units of x, or as it is: whichever is larger. */
function unscaled(error: number, scale: number): number {
  return scale > 0 ? Math.max(error, error / scale) : error;
}

/** The derivative of c tanh(x / c) is at most 1; the quotient moves the argument, tanh and the product move the result. */
export function throughCap(x: number, capped: number, before: number, softcap: number, charges: Charges): number {
  const { u, tiny, capQuotient, tanhRelative, tanhAbsolute, cappedStore } = charges;
  let error = before + capQuotient * (Math.abs(x) + before);
  error += (tanhRelative + 2 * u) * (Math.abs(capped) + error) + (tanhAbsolute + tiny) * softcap + 2 * tiny;
  if (cappedStore) {
    error += 2 * cappedStore.u * (Math.abs(capped) + error) + cappedStore.u * (Math.abs(x) + error);
    error += cappedStore.tiny * (2 + softcap);
  }
  return error;
}

/** A kernel with exp2 holds scores times log2(e). */
function fusedStretch(charges: Charges): number {
  return charges.fusedExp2 > 0 ? Math.LOG2E : 1;
}
