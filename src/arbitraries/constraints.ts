import type { AttentionCase, Bridge, Conventions, FloatType, MaskForm, MaskRank } from '../../reference/case';

/** Kinds of mask that are drawn; the first are the simplest. */
export const maskKinds = [
  'all',
  'causal',
  'window',
  'left_padding',
  'right_padding',
  'interior_padding',
  'all_padding',
  'documents',
  'prefix',
  'random',
  'one_flipped',
  'empty_rows',
] as const;
export type MaskKind = (typeof maskKinds)[number];

/** Kinds of contents; `exact` are quarters small enough that every sum is exact in float16. */
export const contentKinds = ['exact', 'normal', 'ties', 'large', 'denormal'] as const;
export type ContentKind = (typeof contentKinds)[number];

export type Sentinel = 'finfo' | 'inf';
/** never: not drawn and not allowed; allow: in a share of cases; always: in every case. */
export type Presence = 'never' | 'allow' | 'always';

/**
 * Which attention cases. Every field may be left out; what is left out is as wide as `attentionCase` documents.
 * The same object draws cases, says whether a foreign case belongs (`admits`), and keeps shrinking inside.
 */
export interface CaseConstraints {
  readonly dtypes?: readonly FloatType[];
  readonly bridges?: readonly Bridge[];
  /** 'none' is no mask. */
  readonly maskRanks?: readonly (MaskRank | 'none')[];
  readonly maskForms?: readonly MaskForm[];
  readonly sentinels?: readonly Sentinel[];
  /** Finite biases in additive masks other than 0. */
  readonly bias?: Presence;
  readonly kinds?: readonly MaskKind[];
  readonly contents?: readonly ContentKind[];
  readonly isCausal?: readonly boolean[];
  /** Where isCausal is read from: decides what an `empty row` is. */
  readonly causal?: Conventions['causal'];
  /** Queries that keep no key. */
  readonly emptyRows?: Presence;
  readonly groupedHeads?: Presence;
  /** q_len < kv_len */
  readonly cache?: Presence;
  /** q_len > kv_len */
  readonly crossLength?: Presence;
  readonly valueDim?: Presence;
  readonly scale?: Presence;
  readonly slidingWindow?: Presence;
  readonly segments?: Presence;
  readonly softcap?: Presence;
  readonly broadcast?: Presence;
  readonly overlongKeys?: Presence;
  readonly overlongRows?: Presence;
  readonly maxBatch?: number;
  readonly maxHeads?: number;
  readonly maxQLen?: number;
  readonly maxKvLen?: number;
  readonly minKvLen?: number;
  readonly maxHeadDim?: number;
  /** What every case asks for. */
  readonly want?: AttentionCase['want'];
}
