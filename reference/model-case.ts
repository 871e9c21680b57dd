/** A call of a whole model: token ids and what goes with them, in the words of HuggingFace. Beside it, what its mask means. */
import type { AttentionCase, BoolTensor, FloatTensor, FloatType, IntTensor } from './case';

/**
 * What a caller says about which tokens count.
 * Rank 2 is [batch, seq_len], 1 a token and 0 padding, whatever the dtype; causality is the model's own affair.
 * Rank 4 is [batch, 1, seq_len, seq_len] and authoritative: boolean, 1 keeps; additive, finfo(dtype).min or -inf drops.
 */
export type ModelMask =
  | { readonly rank: 2; readonly form: 'boolean'; readonly tensor: BoolTensor }
  | { readonly rank: 2; readonly form: 'integer'; readonly tensor: IntTensor }
  | { readonly rank: 2; readonly form: 'float'; readonly tensor: FloatTensor }
  | { readonly rank: 4; readonly form: 'boolean'; readonly tensor: BoolTensor }
  | { readonly rank: 4; readonly form: 'additive'; readonly tensor: FloatTensor };

/** What a model is asked to return beside the logits. */
export interface ModelWant {
  /** Of the mean cross entropy of the next token, where it and the token before it are real, with respect to what the embedding gives. */
  readonly gradients?: boolean;
}

/** One call of a causal language model, or, cut into chunks, several with a cache between them. */
export interface ModelCase {
  /** [batch, seq_len], padding included */
  readonly tokens: IntTensor;
  /** In which precision the model computes. Its weights are those of float32 in every one. */
  readonly dtype: FloatType;
  readonly mask?: ModelMask;
  /** [batch, seq_len]; absent: the model's own. */
  readonly positionIds?: IntTensor;
  /** Cached decoding: the lengths of the pieces, the prompt first; they sum up to seq_len. Absent: one shot. */
  readonly chunks?: readonly number[];
  readonly want: ModelWant;
}

/** A call of anything that is checked: one attention, or a whole model. */
export type Case = AttentionCase | ModelCase;

export function isModelCase(c: Case): c is ModelCase {
  return 'tokens' in c;
}

export interface ModelSizes {
  readonly batch: number;
  readonly seqLen: number;
}

export function modelSizesOf({ tokens }: ModelCase): ModelSizes {
  const [batch, seqLen] = tokens.shape;
  return { batch, seqLen };
}

/** Whether token i may see token j, both of batch row b. */
export function sees({ mask, tokens }: ModelCase, b: number, i: number, j: number): boolean {
  const seqLen = tokens.shape[1];
  if (mask === undefined) return j <= i;
  if (mask.rank === 2) return j <= i && mask.tensor.data[b * seqLen + j] !== 0;
  const cell = mask.tensor.data[(b * seqLen + i) * seqLen + j];
  return mask.form === 'boolean' ? cell !== 0 : cell === 0;
}

/** Whether a position holds a token and not padding. Under an explicit mask padding is what does not see itself. */
export function isReal(c: ModelCase, b: number, i: number): boolean {
  return sees(c, b, i, i);
}

/** Positions as counted from the mask: the real tokens of a row are 0, 1, 2, ...; padding has the position of the token before it, or 0. */
export function countedPositions(c: ModelCase): IntTensor {
  const { batch, seqLen } = modelSizesOf(c);
  const data = new Float64Array(batch * seqLen);
  for (let b = 0; b < batch; b++) {
    let real = 0;
    for (let i = 0; i < seqLen; i++) {
      if (isReal(c, b, i)) real++;
      data[b * seqLen + i] = Math.max(0, real - 1);
    }
  }
  return { dtype: 'int64', shape: [batch, seqLen], data };
}

/** What is wrong with a case that cannot be sent, in one sentence; undefined where nothing is. */
export function modelProblemOf(c: ModelCase): string | undefined {
  const { batch, seqLen } = modelSizesOf(c);
  if (batch < 1 || seqLen < 1) return `tokens is [${batch}, ${seqLen}]; a batch has a row and a row has a token.`;
  if (c.tokens.data.some((id) => id < 0)) return 'tokens holds a negative id.';
  if (c.positionIds !== undefined) {
    if (String(c.positionIds.shape) !== String(c.tokens.shape))
      return `position_ids is [${c.positionIds.shape.join(', ')}]; tokens is [${batch}, ${seqLen}].`;
    if (c.positionIds.data.some((position) => position < 0)) return 'position_ids holds a negative position.';
  }
  if (c.mask !== undefined) {
    const due = c.mask.rank === 2 ? [batch, seqLen] : [batch, 1, seqLen, seqLen];
    if (String(c.mask.tensor.shape) !== String(due))
      return `mask is [${c.mask.tensor.shape.join(', ')}]; a mask of rank ${c.mask.rank} is [${due.join(', ')}] here.`;
    if (c.mask.rank === 2 && c.mask.tensor.data.some((x: number) => x !== 0 && x !== 1))
      return 'mask holds a number that is neither 0 nor 1.';
  }
  if (c.chunks !== undefined) {
    const sum = c.chunks.reduce((a, n) => a + n, 0);
    if (sum !== seqLen || c.chunks.some((n) => n < 1))
      return `chunks is [${c.chunks.join(', ')}]; they are 1 or more and sum up to seq_len=${seqLen}.`;
  }
  return undefined;
}
