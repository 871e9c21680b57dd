import type { AttentionCase, Conventions } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { biasAt, keeps } from '../../../reference/masks';

const row = 'unspecified';
export const conventions: Conventions = {
  causal: 'bottom_right',
  overlongKeys: 'refused',
  overlongRows: 'error',
  fullyMaskedRow: { boolean: row, finfo: row, inf: row },
};

/** What is added to the score of a pair; undefined leaves the key out. */
export type Addend = (c: AttentionCase, b: number, h: number, i: number, j: number) => number | undefined;

/** The definition: dropped keys are left out, biases are added. */
export const defined: Addend = (c, b, h, i, j) =>
  keeps(c, conventions, b, h, i, j) ? biasAt(c, conventions, b, h, i, j) : undefined;

/** The first bug of this project: a boolean mask is added to the scores as 0 and 1. */
export const booleanAdded: Addend = (c, b, h, i, j) => {
  if (c.mask?.form !== 'boolean') return defined(c, b, h, i, j);
  return keeps(c, conventions, b, h, i, j) ? 1 : 0;
};

/** Attention in float64, without rotary embedding and softcap, of the queries that keep a key; rows as in [batch, num_heads, q_len]. */
export function attend(c: AttentionCase, addend: Addend): (number[] | undefined)[] {
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const rows: (number[] | undefined)[] = [];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      const kv = b * numKvHeads + Math.floor((h * numKvHeads) / numHeads);
      for (let i = 0; i < qLen; i++) {
        const scores: (number | undefined)[] = [];
        for (let j = 0; j < kvLen; j++) {
          let dot = 0;
          for (let d = 0; d < headDim; d++)
            dot +=
              c.query.data[((b * numHeads + h) * qLen + i) * headDim + d] * c.key.data[(kv * kvLen + j) * headDim + d];
          const extra = addend(c, b, h, i, j);
          scores.push(extra === undefined ? undefined : c.scale * dot + extra);
        }
        const kept = scores.filter((score) => score !== undefined);
        if (kept.length === 0) {
          rows.push(undefined);
          continue;
        }
        const top = Math.max(...kept);
        const weights = scores.map((score) => (score === undefined ? 0 : Math.exp(score - top)));
        const sum = weights.reduce((x, y) => x + y, 0);
        rows.push(
          Array.from({ length: vHeadDim }, (_, d) =>
            weights.reduce((o, w, j) => o + (w / sum) * c.value.data[(kv * kvLen + j) * vHeadDim + d], 0),
          ),
        );
      }
    }
  }
  return rows;
}

/** Whether a mistake shows: in a query that keeps a key, an output is off by more than rounding. */
export function differs(c: AttentionCase, mistake: Addend): boolean {
  const wrong = attend(c, mistake);
  return attend(c, defined).some(
    (right, n) =>
      right?.some((x, d) => Math.abs(x - (wrong[n]?.[d] ?? NaN)) > 1e-9 * Math.max(1, Math.abs(x))) ?? false,
  );
}
