/** Attention in flat float64 loops without a spare allocation: as cheap as a backend in process can be, so that what is measured is the suite. */
import type { AttentionCase, Backend, BackendAnswer } from '../src/backend';
import { defineBackend } from '../src/backend';

const finfoMin = -3.4028234663852886e38;
let scores = new Float64Array(256);

function attend({ query, key, value, mask, isCausal, scale }: AttentionCase): BackendAnswer {
  const [batch, numHeads, qLen, headDim] = query.shape;
  const kvLen = key.shape[2];
  const vHeadDim = value.shape[3];
  const data = new Float64Array(batch * numHeads * qLen * vHeadDim);
  if (scores.length < kvLen) scores = new Float64Array(kvLen);
  const additive = mask?.form === 'additive';
  const cells = mask?.tensor.data;
  const shape = mask?.tensor.shape ?? [];
  const causal = isCausal && mask?.rank !== 4;
  for (let row = 0; row < batch * numHeads * qLen; row++) {
    const i = row % qLen;
    const head = (row - i) / qLen;
    const b = Math.floor(head / numHeads);
    const h = head % numHeads;
    let at = 0;
    if (mask?.rank === 2) at = b * kvLen;
    else if (mask?.rank === 3) at = (b * qLen + i) * kvLen;
    else if (mask)
      at = (((shape[0] > 1 ? b : 0) * shape[1] + (shape[1] > 1 ? h : 0)) * shape[2] + (shape[2] > 1 ? i : 0)) * kvLen;
    let top = -Infinity;
    for (let j = 0; j < kvLen; j++) {
      const cell = cells ? cells[at + j] : 0;
      let score = -Infinity;
      if (
        !(causal && j > i + kvLen - qLen) &&
        (cells === undefined || (additive ? cell !== finfoMin && cell !== -Infinity : cell === 1))
      ) {
        score = additive ? cell : 0;
        let dot = 0;
        for (let d = 0; d < headDim; d++)
          dot += query.data[row * headDim + d] * key.data[(head * kvLen + j) * headDim + d];
        score += dot * scale;
      }
      scores[j] = score;
      if (score > top) top = score;
    }
    if (top === -Infinity) continue;
    let sum = 0;
    for (let j = 0; j < kvLen; j++) sum += scores[j] = Math.exp(scores[j] - top);
    for (let j = 0; j < kvLen; j++)
      if (scores[j] !== 0)
        for (let d = 0; d < vHeadDim; d++)
          data[row * vHeadDim + d] += (scores[j] / sum) * value.data[(head * kvLen + j) * vHeadDim + d];
  }
  return { output: { dtype: 'float32', shape: [batch, numHeads, qLen, vHeadDim], data } };
}

export const flatAttention: Backend = defineBackend({
  name: 'flat-attention',
  supports: {
    maskRanks: [2, 3, 4],
    maskForms: ['boolean', 'additive'],
    causal: 'bottom_right',
    bidirectional: true,
    cache: true,
    fullyMaskedRow: 'zeros',
  },
  open: () => ({ attend: (cases) => cases.map(attend) }),
});
