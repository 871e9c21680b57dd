import { capped } from './oracle';

/**
 * One query's numbers on their way from scores to output, in buffers that every row reuses: no row allocates.
 * Arrays of length kv_len are indexed by key, those of length v_head_dim by feature.
 */
export class Row {
  /** sum over d of query . key, and of |query key| */
  readonly dot: Float64Array;
  readonly absDot: Float64Array;
  /** how far a rotary embedding may move `dot` */
  readonly turnError: Float64Array;
  /** the score that meets the mask: softcap(scale dot) */
  readonly capped: Float64Array;
  /** the mask's cell: a bias, or the sentinel; 0 without an additive mask */
  readonly cell: Float64Array;
  /** what enters the softmax, of kept keys */
  readonly score: Float64Array;
  /** exp(score - top) / sum, of kept keys */
  readonly weight: Float64Array;
  /** E: how far a computed score may be off; what is common to all keys is left out */
  readonly scoreError: Float64Array;
  /** expm1(lambda), of kept keys: by what share a weight may rise before the weights are normalised */
  readonly growth: Float64Array;
  /** p expm1(lambda) + f and p e^lambda + f, of kept keys: by how much a weight may rise, and to what */
  readonly rise: Float64Array;
  readonly raised: Float64Array;
  /** the kept keys, ascending, in the first `kept` entries */
  readonly keys: Int32Array;
  kept = 0;
  /** |query|_1 */
  queryNorm = 0;
  /** the largest score, and the sum of exp(score - top) */
  top = -Infinity;
  sum = 0;
  /** the answer, max |v|, sum |v| and max |v - answer|, per feature */
  readonly output: Float64Array;
  readonly valueMax: Float64Array;
  readonly valueSum: Float64Array;
  readonly spread: Float64Array;
  /** the radii before the last rounding, per feature and per key */
  readonly outputRadius: Float64Array;
  readonly weightRadius: Float64Array;
  readonly scoreRadius: Float64Array;

  constructor(kvLen: number, vHeadDim: number) {
    const perKey = () => new Float64Array(kvLen);
    const perFeature = () => new Float64Array(vHeadDim);
    this.dot = perKey();
    this.absDot = perKey();
    this.turnError = perKey();
    this.capped = perKey();
    this.cell = perKey();
    this.score = perKey();
    this.weight = perKey();
    this.scoreError = perKey();
    this.growth = perKey();
    this.rise = perKey();
    this.raised = perKey();
    this.weightRadius = perKey();
    this.scoreRadius = perKey();
    this.keys = new Int32Array(kvLen);
    this.output = perFeature();
    this.valueMax = perFeature();
    this.valueSum = perFeature();
    this.spread = perFeature();
    this.outputRadius = perFeature();
  }
}

let spare = new Row(0, 0);

/** A row with room for these sizes; the same one again and again, so its holder must be done before the next is asked for. */
export function rowFor(kvLen: number, vHeadDim: number): Row {
  if (spare.keys.length < kvLen || spare.output.length < vHeadDim) {
    spare = new Row(Math.max(kvLen, spare.keys.length), Math.max(vHeadDim, spare.output.length));
  }
  return spare;
}

/** What the rows of a case are made of. */
export interface RowTerms {
  readonly kvLen: number;
  readonly headDim: number;
  readonly scale: number;
  readonly softcap: number | undefined;
  /** [batch, num_heads, q_len, head_dim] and [batch, num_kv_heads, kv_len, head_dim], turned */
  readonly query: Float64Array;
  readonly key: Float64Array;
  /** [batch, num_heads, q_len, kv_len]: 1 where the key is kept */
  readonly keep: Uint8Array;
  /** The cells of an additive mask. */
  readonly cells: Float64Array | undefined;
}

/** The scores of the `at`-th query with the keys from vector `keyStart` on, under the mask's cells from `maskStart` on. */
export function scoreRow(row: Row, terms: RowTerms, at: number, keyStart: number, maskStart: number): void {
  const { kvLen, headDim, scale, softcap, query, key, keep, cells } = terms;
  const { dot, absDot, score, cell, keys } = row;
  const from = at * headDim;
  let kept = 0;
  let norm = 0;
  for (let d = 0; d < headDim; d++) norm += Math.abs(query[from + d]);
  for (let j = 0, k = keyStart * headDim; j < kvLen; j++) {
    let sum = 0;
    let size = 0;
    for (let d = 0; d < headDim; d++, k++) {
      const product = query[from + d] * key[k];
      sum += product;
      size += Math.abs(product);
    }
    dot[j] = sum;
    absDot[j] = size;
    const x = capped(scale * sum, softcap);
    row.capped[j] = x;
    const bias = cells === undefined ? 0 : cells[maskStart + j];
    cell[j] = bias;
    if (keep[at * kvLen + j] === 1) {
      score[j] = x + bias;
      keys[kept++] = j;
    }
  }
  row.queryNorm = norm;
  row.kept = kept;
  row.top = -Infinity;
}

/** The softmax over the kept keys. */
export function weighRow(row: Row): void {
  const { kept, keys, score, weight } = row;
  let top = -Infinity;
  for (let n = 0; n < kept; n++) top = Math.max(top, score[keys[n]]);
  let sum = 0;
  for (let n = 0; n < kept; n++) {
    const j = keys[n];
    weight[j] = Math.exp(score[j] - top);
    sum += weight[j];
  }
  for (let n = 0; n < kept; n++) weight[keys[n]] /= sum;
  row.top = top;
  row.sum = sum;
}

/** Keeps every key alike: what is due where a query keeps none, and the sentinel is a number. */
export function evenOut(row: Row, kvLen: number): void {
  for (let j = 0; j < kvLen; j++) {
    row.keys[j] = j;
    row.weight[j] = 1 / kvLen;
    row.dot[j] = row.score[j] = row.scoreError[j] = 0;
  }
  row.kept = kvLen;
  row.top = 0;
  row.sum = kvLen;
}

/** The weighted sum of the values, whose rows begin at `valueStart`, and what the radius wants to know of them. */
export function answerRow(row: Row, values: Float64Array, valueStart: number, vHeadDim: number): void {
  const { kept, keys, weight, output, valueMax, valueSum, spread } = row;
  for (let k = 0; k < vHeadDim; k++) output[k] = valueMax[k] = valueSum[k] = spread[k] = 0;
  for (let n = 0; n < kept; n++) {
    const p = weight[keys[n]];
    for (let k = 0, v = valueStart + keys[n] * vHeadDim; k < vHeadDim; k++, v++) {
      const size = Math.abs(values[v]);
      output[k] += p * values[v];
      valueSum[k] += size;
      if (size > valueMax[k]) valueMax[k] = size;
    }
  }
  for (let n = 0; n < kept; n++) {
    for (let k = 0, v = valueStart + keys[n] * vHeadDim; k < vHeadDim; k++, v++) {
      const away = Math.abs(values[v] - output[k]);
      if (away > spread[k]) spread[k] = away;
    }
  }
}
