/** How far rotary embeddings may move a dot product. Section 1 of docs/numerics.md. */
import { sizesOf } from './case';
import type { AttentionCase } from './case';
import { gamma } from './charges';
import { finfo } from './dtype';
import { defaultPrecision } from './precision';
import type { Precision, Store } from './precision';
import { frequencyOf, pairOf } from './rotary';
import type { Row } from './row';

/** What does not depend on the pair of query and key. A rotation preserves the norm of each pair of features. */
export interface TurnCharges {
  readonly pairs: number;
  /** [batch, num_heads, q_len, pairs] and [batch, num_kv_heads, kv_len, pairs]: norms of the pairs */
  readonly queryPair: Float64Array;
  readonly keyPair: Float64Array;
  /** [batch, kv_len, pairs]: relative error of a turned pair */
  readonly side: Float64Array;
  /** [pairs]: relative error for each unit of distance between the two positions */
  readonly common: Float64Array;
  /** [batch, kv_len] */
  readonly positions: Float64Array;
  /** What underflow may take from each feature of a turned vector. */
  readonly tiny: number;
  /** What turned vectors are stored in. */
  readonly stored: Store;
}

/** undefined for a case without rotary embedding. */
export function turnChargesOf(c: AttentionCase, precision: Precision): TurnCharges | undefined {
  const { rotary } = c;
  if (c.bridge !== 'rotary' || rotary === undefined) return undefined;
  const { batch, kvLen, headDim } = sizesOf(c);
  const declared = precision.rotary ?? defaultPrecision(c.query.dtype).rotary!;
  const { angle, trig, pow } = declared;
  const type = declared.rotated ?? precision.accumulate.type;
  const turnedIn = finfo[type];
  const tableU = declared.table ? finfo[declared.table].u : 0;
  const pairs = rotary.rotaryDim / 2;
  const side = new Float64Array(batch * kvLen * pairs);
  const common = new Float64Array(pairs);
  // The three operations of a rotation, and the storage of its two factors.
  const turn = Math.SQRT2 * (trig * angle + tableU + Math.SQRT2 * gamma(2, turnedIn.u));
  for (let n = 0; n < pairs; n++) {
    const frequency = frequencyOf(rotary, n);
    for (let at = 0; at < batch * kvLen; at++) {
      // The product of position and frequency is rounded.
      side[at * pairs + n] = angle * Math.abs(rotary.positionIds.data[at] * frequency) + turn;
    }
    // The frequency is computed once for both, so that only the angle between them feels it.
    common[n] = (Math.log(rotary.base) + 2 * pow + 2) * angle * frequency;
  }
  return {
    pairs,
    queryPair: pairNorms(c.query.data, headDim, c),
    keyPair: pairNorms(c.key.data, headDim, c),
    side,
    common,
    positions: rotary.positionIds.data,
    tiny: 3 * turnedIn.tiny,
    stored: { type },
  };
}

function pairNorms(data: Float64Array, headDim: number, c: AttentionCase): Float64Array {
  const rotary = c.rotary!;
  const pairs = rotary.rotaryDim / 2;
  const vectors = data.length / headDim;
  const norms = new Float64Array(vectors * pairs);
  for (let n = 0; n < pairs; n++) {
    const [first, second] = pairOf(rotary, n);
    for (let v = 0; v < vectors; v++) {
      const x = data[v * headDim + first];
      const y = data[v * headDim + second];
      const square = x * x + y * y;
      // Squares of float64 may underflow.
      norms[v * pairs + n] = square > 2 ** -960 ? Math.sqrt(square) : Math.abs(x) + Math.abs(y);
    }
  }
  return norms;
}

/** Fills `row.turnError` of query vector `query` at [b, position `at`] with the keys from vector `keyStart` on. */
export function chargeTurns(
  row: Row,
  charges: TurnCharges,
  keyNorm: Float64Array,
  query: number,
  keyStart: number,
  batchStart: number,
  at: number,
  kvLen: number,
): void {
  const { pairs, queryPair, keyPair, side, common, positions } = charges;
  for (let j = 0; j < kvLen; j++) {
    const distance = Math.abs(positions[batchStart + at] - positions[batchStart + j]);
    let error = charges.tiny * (row.queryNorm + keyNorm[keyStart + j]);
    for (let n = 0; n < pairs; n++) {
      const grown =
        (1 + side[(batchStart + at) * pairs + n]) *
        (1 + side[(batchStart + j) * pairs + n]) *
        (1 + common[n] * distance);
      error += queryPair[query * pairs + n] * keyPair[(keyStart + j) * pairs + n] * (grown - 1);
    }
    row.turnError[j] = error;
  }
}
