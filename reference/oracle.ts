/**
 * Scaled dot-product attention in float64, slow and obvious: what every answer is compared with.
 * Dropped keys are left out, never pushed away by an infinity: the definition must not use the trick under test.
 * `expectation.ts` holds a faster twin that also knows the radius; a test ties them bit for bit.
 */
import { sizesOf } from './case';
import type { AttentionCase, Conventions } from './case';
import { finfo } from './dtype';
import { biasAt, contractOf, keepGrid } from './masks';
import { turned } from './rotary';

export interface OracleAnswer {
  /** [batch, num_heads, q_len, v_head_dim] */
  readonly output: Float64Array;
  /** [batch, num_heads, q_len, kv_len]; dropped cells are 0 */
  readonly weights: Float64Array;
  /** [batch, num_heads, q_len, kv_len]; dropped cells show the declared sentinel, NaN where none is declared */
  readonly scores: Float64Array;
  /** [batch, num_heads, q_len, kv_len]: 1 where the key is kept */
  readonly keep: Uint8Array;
}

/** The answer to one case, unrounded. */
export function attend(c: AttentionCase, conventions: Conventions): OracleAnswer {
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const output = new Float64Array(batch * numHeads * qLen * vHeadDim);
  const weights = new Float64Array(batch * numHeads * qLen * kvLen);
  const scores = new Float64Array(batch * numHeads * qLen * kvLen).fill(shownSentinel(c, conventions));
  const keep = keepGrid(c, conventions);
  const { query, key } = turned(c);
  const contract = contractOf(c, conventions);

  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      const kvHead = Math.floor(h / (numHeads / numKvHeads));
      for (let i = 0; i < qLen; i++) {
        const row = (b * numHeads + h) * qLen + i;
        const keyRow = (j: number) => (b * numKvHeads + kvHead) * kvLen + j;
        const kept: number[] = [];
        for (let j = 0; j < kvLen; j++) if (keep[row * kvLen + j] === 1) kept.push(j);

        for (const j of kept) {
          let dot = 0;
          for (let d = 0; d < headDim; d++) dot += query[row * headDim + d] * key[keyRow(j) * headDim + d];
          scores[row * kvLen + j] = capped(c.scale * dot, c.softcap) + biasAt(c, conventions, b, h, i, j);
        }

        if (kept.length > 0) {
          const top = Math.max(...kept.map((j) => scores[row * kvLen + j]));
          let sum = 0;
          for (const j of kept) sum += Math.exp(scores[row * kvLen + j] - top);
          for (const j of kept) weights[row * kvLen + j] = Math.exp(scores[row * kvLen + j] - top) / sum;
        } else if (contract === 'uniform') {
          for (let j = 0; j < kvLen; j++) kept.push(j);
          for (const j of kept) weights[row * kvLen + j] = 1 / kvLen;
        } else if (contract !== 'zeros') {
          weights.fill(NaN, row * kvLen, (row + 1) * kvLen);
          output.fill(NaN, row * vHeadDim, (row + 1) * vHeadDim);
        }

        for (const j of kept) {
          for (let d = 0; d < vHeadDim; d++) {
            output[row * vHeadDim + d] += weights[row * kvLen + j] * c.value.data[keyRow(j) * vHeadDim + d];
          }
        }
      }
    }
  }
  return { output, weights, scores, keep };
}

/** c tanh(s / c), where there is a cap. */
export function capped(score: number, softcap: number | undefined): number {
  return softcap === undefined ? score : softcap * Math.tanh(score / softcap);
}

/** What a dropped cell shows in the scores; NaN where the backend declares nothing. */
export function shownSentinel(c: AttentionCase, conventions: Conventions): number {
  switch (conventions.scoreSentinel) {
    case 'finfo_min':
      return finfo[c.query.dtype].lowest;
    case '-inf':
      return -Infinity;
    case undefined:
      return NaN;
  }
}
