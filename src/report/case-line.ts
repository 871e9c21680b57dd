/** A case in the field's words, on one line. */
import { sizesOf, type AttentionCase, type FloatTensor, type Mask, type Tensor } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { isModelCase, modelSizesOf, type Case, type ModelCase } from '../../reference/model-case';

const shortTypes = {
  float64: 'f64',
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  bool: 'bool',
  int64: 'i64',
} as const;

/** `f32[2,1,4,4]` */
export function shortForm({ dtype, shape }: Tensor): string {
  return `${shortTypes[dtype]}[${shape.join(',')}]`;
}

/** 'batch 2, num_heads 1, q_len 2, kv_len 2, head_dim 1; boolean mask of rank 2', and whatever else is not the default. */
export function caseLine(c: Case): string {
  if (isModelCase(c)) return modelLine(c);
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const sizes = [
    `batch ${batch}`,
    `num_heads ${numHeads}`,
    ...(numKvHeads === numHeads ? [] : [`num_kv_heads ${numKvHeads}`]),
    `q_len ${qLen}`,
    `kv_len ${kvLen}`,
    `head_dim ${headDim}`,
    ...(vHeadDim === headDim ? [] : [`v_head_dim ${vHeadDim}`]),
  ];
  return [sizes.join(', '), ...factsOf(c)].join('; ');
}

/** 'batch 1, seq_len 3; tokens [0, 5, 1]; integer mask of rank 2, i64[1,3]; position_ids [0, 0, 1]; cached, in chunks of 2, 1' */
function modelLine(c: ModelCase): string {
  const { batch, seqLen } = modelSizesOf(c);
  const { tokens, dtype, mask, positionIds, chunks, want } = c;
  return [
    `batch ${batch}, seq_len ${seqLen}`,
    `tokens ${rows(tokens)}`,
    ...(dtype === 'float32' ? [] : [dtype]),
    mask === undefined ? 'no mask' : `${mask.form} mask of rank ${mask.rank}, ${shortForm(mask.tensor)}`,
    ...(mask?.rank === 2 ? [`mask ${rows(mask.tensor)}`] : []),
    ...(positionIds ? [`position_ids ${rows(positionIds)}`] : []),
    ...(chunks ? [`cached, in chunks of ${chunks.join(', ')}`] : []),
    ...(want.gradients ? ['asks for gradients'] : []),
  ].join('; ');
}

/** What is not a size: the mask, and everything that is not the default. */
function factsOf(c: AttentionCase): string[] {
  const { rotary, slidingWindow, softcap, segments, maskLayout, want } = c;
  const { headDim } = sizesOf(c);
  const wanted = Object.entries(want).flatMap(([name, value]) => (value === true ? [name] : []));
  return [
    ...(c.query.dtype === 'float32' ? [] : [c.query.dtype]),
    c.mask === undefined ? 'no mask' : maskFacts(c.mask, c.query),
    ...(c.isCausal ? ['is_causal'] : []),
    ...(c.scale === 1 / Math.sqrt(headDim) ? [] : [`scale ${c.scale}`]),
    ...(rotary
      ? [
          `rotary (rotary_dim ${rotary.rotaryDim}, base ${rotary.base}, ${rotary.layout}, position_ids ${rows(rotary.positionIds)})`,
        ]
      : []),
    ...(slidingWindow
      ? [`window (left ${slidingWindow.left ?? 'unbounded'}, right ${slidingWindow.right ?? 'unbounded'})`]
      : []),
    ...(softcap === undefined ? [] : [`softcap ${softcap}`]),
    ...(segments ? [`segments ${rows(segments)}`] : []),
    ...(maskLayout && maskLayout !== 'contiguous' ? [`mask laid out ${maskLayout}`] : []),
    ...(wanted.length > 0 ? [`asks for ${wanted.join(', ')}`] : []),
  ];
}

function maskFacts({ rank, form, tensor }: Mask, query: FloatTensor): string {
  const base = `${form} mask of rank ${rank}, ${shortForm(tensor)}`;
  if (form !== 'additive') return base;
  const numbers = [...new Set(tensor.data)];
  const biases = numbers.filter((x) => x !== 0 && Number.isFinite(x) && x !== finfo[tensor.dtype].lowest);
  return [
    base,
    ...(numbers.includes(-Infinity) ? ['drops with -inf'] : []),
    ...(numbers.includes(finfo[tensor.dtype].lowest) ? ['drops with finfo.min'] : []),
    ...(biases.length > 0 ? [`biases ${biases.slice(0, 4).join(', ')}${biases.length > 4 ? ', ...' : ''}`] : []),
    ...(tensor.dtype === query.dtype ? [] : [`dtype ${tensor.dtype}`]),
  ].join(', ');
}

/** [[0, 1], [0, 1]] of a small matrix. */
function rows({ shape: [count, length], data }: Tensor): string {
  const lines = Array.from(
    { length: count },
    (_, n) => `[${Array.from(data.slice(n * length, (n + 1) * length)).join(', ')}]`,
  );
  return lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
}
