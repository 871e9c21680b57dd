/**
 * The gradient of attention in float64, slow and obvious: the derivative of `attend` in oracle.ts, step by step backwards.
 * `gradient-expectation.ts` says how far a correct implementation may be from it.
 */
import { sizesOf } from './case';
import type { AttentionCase, Conventions } from './case';
import { attend, capped } from './oracle';
import { turnBack, turned } from './rotary';

/** Of loss = sum of grad_output * output, with respect to each input. */
export interface Gradients {
  /** [batch, num_heads, q_len, head_dim] */
  readonly query: Float64Array;
  /** [batch, num_kv_heads, kv_len, head_dim]: the sum over the query heads that share the key */
  readonly key: Float64Array;
  /** [batch, num_kv_heads, kv_len, v_head_dim] */
  readonly value: Float64Array;
}

/**
 * The gradient of a case that holds a `gradOutput`, unrounded.
 * A query that keeps no key adds nothing under `zeros`. Under `uniform` its answer is the mean of all values, whatever query
 * and keys are: each value takes its share, query and keys get nothing. Under other contracts all that it reaches is NaN.
 */
export function gradientsOf(c: AttentionCase, conventions: Conventions): Gradients {
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  if (c.gradOutput === undefined) throw new Error('A gradient is asked for, and the case has no gradOutput.');
  const gradOutput = c.gradOutput.data;
  const { weights, keep } = attend(c, conventions);
  const { query, key } = turned(c);
  const gradients: Gradients = {
    query: new Float64Array(batch * numHeads * qLen * headDim),
    key: new Float64Array(batch * numKvHeads * kvLen * headDim),
    value: new Float64Array(batch * numKvHeads * kvLen * vHeadDim),
  };

  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      const kvHead = Math.floor(h / (numHeads / numKvHeads));
      for (let i = 0; i < qLen; i++) {
        const row = (b * numHeads + h) * qLen + i;
        const keyRow = (j: number) => (b * numKvHeads + kvHead) * kvLen + j;
        const kept: number[] = [];
        for (let j = 0; j < kvLen; j++) if (keep[row * kvLen + j] === 1) kept.push(j);

        // output = sum of weight * value
        for (let j = 0; j < kvLen; j++) {
          const weight = weights[row * kvLen + j];
          if (weight === 0) continue;
          for (let d = 0; d < vHeadDim; d++) {
            gradients.value[keyRow(j) * vHeadDim + d] += weight * gradOutput[row * vHeadDim + d];
          }
        }
        if (kept.length === 0 && Number.isNaN(weights[row * kvLen])) {
          gradients.query.fill(NaN, row * headDim, (row + 1) * headDim);
          gradients.key.fill(NaN, keyRow(0) * headDim, keyRow(kvLen) * headDim);
        }

        const ofWeight = kept.map((j) => {
          let dot = 0;
          for (let d = 0; d < vHeadDim; d++) {
            dot += gradOutput[row * vHeadDim + d] * c.value.data[keyRow(j) * vHeadDim + d];
          }
          return dot;
        });

        // weight = exp(score) / sum of exp(score): a weight that rises takes from the others.
        let mean = 0;
        kept.forEach((j, n) => (mean += weights[row * kvLen + j] * ofWeight[n]));
        kept.forEach((j, n) => {
          const ofScore = weights[row * kvLen + j] * (ofWeight[n] - mean);

          // score = softcap(scale * query . key) + bias
          let dot = 0;
          for (let d = 0; d < headDim; d++) dot += query[row * headDim + d] * key[keyRow(j) * headDim + d];
          const ofDot = ofScore * slope(c.scale * dot, c.softcap) * c.scale;
          for (let d = 0; d < headDim; d++) {
            gradients.query[row * headDim + d] += ofDot * key[keyRow(j) * headDim + d];
            gradients.key[keyRow(j) * headDim + d] += ofDot * query[row * headDim + d];
          }
        });
      }
    }
  }
  turnBack(c, gradients);
  return gradients;
}

/** The derivative of c tanh(s / c), where there is a cap. */
export function slope(score: number, softcap: number | undefined): number {
  return softcap === undefined ? 1 : 1 - (capped(score, softcap) / softcap) ** 2;
}
