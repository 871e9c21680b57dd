/** The floating formats of queries, keys, values, additive masks and answers. */
export type FloatType = 'float64' | 'float32' | 'float16' | 'bfloat16';
export type DType = FloatType | 'bool' | 'int64';

/** Row-major numbers, each exactly representable in `dtype`, whatever the width of the array that carries them. */
export interface FloatTensor {
  readonly dtype: FloatType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
/** Row-major bytes, 0 or 1. */
export interface BoolTensor {
  readonly dtype: 'bool';
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}
/** Row-major whole numbers. */
export interface IntTensor {
  readonly dtype: 'int64';
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
export type Tensor = FloatTensor | BoolTensor | IntTensor;

export type MaskRank = 2 | 3 | 4;
export type MaskForm = 'boolean' | 'additive' | 'integer';

/**
 * What a caller says about which keys count.
 * Rank 2 is [batch, kv_len], rank 3 [batch, q_len, kv_len], rank 4 [batch or 1, num_heads or 1, q_len or 1, kv_len].
 * Boolean: 1 keeps. Additive: exactly finfo(dtype).min or -inf drops, any other number keeps and is added to the score.
 * Integer (rank 2 only): 1 keeps. A mask may have more columns than keys, or more rows than queries ("over-long").
 */
export type Mask =
  | { readonly rank: MaskRank; readonly form: 'boolean'; readonly tensor: BoolTensor }
  | { readonly rank: MaskRank; readonly form: 'additive'; readonly tensor: FloatTensor }
  | { readonly rank: 2; readonly form: 'integer'; readonly tensor: IntTensor };

export type Bridge = 'base' | 'rotary';

/** Rotary embedding: the first `rotaryDim` features of a head are turned by position; `half` is GPT-NeoX and Llama, `interleaved` GPT-J. */
export interface Rotary {
  readonly rotaryDim: number;
  readonly base: number;
  readonly layout: 'half' | 'interleaved';
  /** [batch, kv_len]; query i uses positionIds[b, i + kv_len - q_len]. */
  readonly positionIds: IntTensor;
}

/** How many neighbours of the token itself may be seen on each side; absent is unbounded. */
export interface SlidingWindow {
  readonly left?: number;
  readonly right?: number;
}

/** What a backend is asked to return beside the output. */
export interface Want {
  readonly weights?: boolean;
  readonly scores?: boolean;
  readonly gradients?: boolean;
}

/** How a tensor lies in memory, for backends that take views: the values are the same, the strides are not. */
export type Layout = 'contiguous' | 'transposed' | 'strided' | 'expanded' | 'offset';

/** One attention call: every word that is used anywhere, with its shape. */
export interface AttentionCase {
  readonly bridge: Bridge;
  /** [batch, num_heads, q_len, head_dim] */
  readonly query: FloatTensor;
  /** [batch, num_kv_heads, kv_len, head_dim], not rotated */
  readonly key: FloatTensor;
  /** [batch, num_kv_heads, kv_len, v_head_dim] */
  readonly value: FloatTensor;
  readonly mask?: Mask;
  /** Ignored under a rank-4 mask, which is authoritative. */
  readonly isCausal: boolean;
  /** What query . key is multiplied by; 1 / sqrt(head_dim) unless the backend declares `scale`. */
  readonly scale: number;
  readonly rotary?: Rotary;
  readonly slidingWindow?: SlidingWindow;
  /** c in c tanh(score / c) */
  readonly softcap?: number;
  /** [batch, kv_len]: which document a token belongs to. */
  readonly segments?: IntTensor;
  /** How the mask's tensor is to be laid out, where the backend declares `layouts`. */
  readonly maskLayout?: Layout;
  readonly want: Want;
  /** [batch, num_heads, q_len, v_head_dim]: the gradient of the loss with respect to the output. */
  readonly gradOutput?: FloatTensor;
}

/** The sizes of a case, in the field's words. */
export interface Sizes {
  readonly batch: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly qLen: number;
  readonly kvLen: number;
  readonly headDim: number;
  readonly vHeadDim: number;
}

/** The sizes of a case, read off its query [batch, num_heads, q_len, head_dim], key and value. */
export function sizesOf(c: Pick<AttentionCase, 'query' | 'key' | 'value'>): Sizes {
  const [batch, numHeads, qLen, headDim] = c.query.shape;
  const [, numKvHeads, kvLen] = c.key.shape;
  return { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim: c.value.shape[3] };
}

/** The place of a row of the output, out of its number in [batch, num_heads, q_len]. */
export function rowAt(
  c: Pick<AttentionCase, 'query'>,
  row: number,
): { readonly b: number; readonly h: number; readonly i: number } {
  const [, numHeads, qLen] = c.query.shape;
  return { b: Math.floor(row / (numHeads * qLen)), h: Math.floor(row / qLen) % numHeads, i: row % qLen };
}

export type EmptyRow = 'zeros' | 'uniform' | 'nan' | 'unspecified';

/** Where libraries legitimately differ in what a mask means; a backend declares which it follows. */
export interface Conventions {
  /** Where query i stands among the keys: i + kv_len - q_len, or i. `none`: isCausal is never set. */
  readonly causal: 'bottom_right' | 'top_left' | 'none';
  /** What a query that keeps no key answers, by the form of the mask (integer and no mask count as boolean). */
  readonly fullyMaskedRow: Readonly<Record<'boolean' | 'finfo' | 'inf', EmptyRow>>;
  readonly overlongKeys: 'refused' | 'trimmed';
  readonly overlongRows: 'error' | 'first' | 'last' | 'position';
  /** What a dropped cell shows in the scores. */
  readonly scoreSentinel?: 'finfo_min' | '-inf';
}
