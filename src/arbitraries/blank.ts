import type { AttentionCase, FloatTensor, FloatType, Mask, Sizes } from '../../reference/case';

/** A case of these sizes with nothing in it: what masks and sizes on their own are judged and shrunk as. */
export function blankCase(s: Sizes, dtype: FloatType = 'float32', mask?: Mask): AttentionCase {
  const zeros = (...shape: number[]): FloatTensor => ({
    dtype,
    shape,
    data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
  });
  return {
    bridge: 'base',
    query: zeros(s.batch, s.numHeads, s.qLen, s.headDim),
    key: zeros(s.batch, s.numKvHeads, s.kvLen, s.headDim),
    value: zeros(s.batch, s.numKvHeads, s.kvLen, s.vHeadDim),
    mask,
    isCausal: false,
    scale: 1 / Math.sqrt(s.headDim),
    want: {},
  };
}
