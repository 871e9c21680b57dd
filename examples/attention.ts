/** A small attention in plain loops: what the example backends share. Not the definition that they are judged by. */
import type { AttentionCase, FloatTensor } from 'maskproof/backend';

/** What is added to the score of query i and key j: a bias, or -Infinity to drop it. */
export type Bias = (b: number, h: number, i: number, j: number) => number;

/** softmax(query . key * scale + bias) . value, in float64 with one rounding to float32 at the end. */
export function attend({ query, key, value, scale }: AttentionCase, bias: Bias): FloatTensor {
  const [batch, numHeads, qLen, headDim] = query.shape;
  const [, , kvLen, vHeadDim] = value.shape;
  const data = new Float64Array(batch * numHeads * qLen * vHeadDim);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < numHeads; h++)
      for (let i = 0; i < qLen; i++) {
        const head = b * numHeads + h;
        const scores = Array.from({ length: kvLen }, (_, j) => {
          let dot = 0;
          for (let d = 0; d < headDim; d++)
            dot += query.data[(head * qLen + i) * headDim + d] * key.data[(head * kvLen + j) * headDim + d];
          return dot * scale + bias(b, h, i, j);
        });
        const top = Math.max(...scores);
        const exps = scores.map((score) => (top === -Infinity ? 0 : Math.exp(score - top)));
        const sum = exps.reduce((a, x) => a + x, 0);
        for (let j = 0; j < kvLen; j++)
          for (let d = 0; d < vHeadDim && sum > 0; d++)
            data[(head * qLen + i) * vHeadDim + d] += (exps[j] / sum) * value.data[(head * kvLen + j) * vHeadDim + d];
      }
  return { dtype: 'float32', shape: [batch, numHeads, qLen, vHeadDim], data: data.map(Math.fround) };
}

/** The mask's cell for a query and a key, whatever its rank and whichever axes broadcast; a rank-2 mask is [batch, kv_len], a rank-3 one [batch, q_len, kv_len]. */
export function cellOf({ mask }: AttentionCase, b: number, h: number, i: number, j: number): number {
  if (!mask) return 1;
  const { shape, data } = mask.tensor;
  const index = mask.rank === 2 ? [b, j] : mask.rank === 3 ? [b, i, j] : [b, h, i, j];
  return data[index.reduce((at, n, axis) => at * shape[axis] + (shape[axis] === 1 ? 0 : n), 0)];
}

const finfoMin = -3.4028234663852886e38;

/** What each cell of a case's mask, and its causal rule, add to a score. Throws where the mask has no column for some key. */
export function biasOf(c: AttentionCase): Bias {
  const kvLen = c.key.shape[2];
  const past = kvLen - c.query.shape[2];
  if (c.mask && c.mask.tensor.shape.at(-1) !== kvLen)
    throw new RangeError(`The mask has ${c.mask.tensor.shape.at(-1)} columns for ${kvLen} keys.`);
  return (b, h, i, j) => {
    if (c.isCausal && c.mask?.rank !== 4 && j > i + past) return -Infinity;
    const cell = cellOf(c, b, h, i, j);
    if (c.mask?.form === 'additive') return cell === finfoMin ? -Infinity : cell;
    return cell === 0 ? -Infinity : 0;
  };
}
