import type { FloatType } from '../../../reference/case';
import type { ModelWant } from '../../../reference/model-case';
import type { Presence } from '../constraints';

/** Where padding stands; the first are the simplest. `rows`: some rows of the batch are nothing but padding. */
export const paddings = ['none', 'right', 'left', 'interior', 'rows'] as const;
export type Padding = (typeof paddings)[number];

/** How a mask is given: not at all, as [batch, seq_len] of a dtype, or explicitly, as [batch, 1, seq_len, seq_len]. */
export const modelMasks = ['none', 'boolean', 'integer', 'float', 'explicit_boolean', 'explicit_additive'] as const;
export type ModelMaskKind = (typeof modelMasks)[number];

/** Which model cases. The same object draws cases, says whether a foreign one belongs, and keeps shrinking inside. */
export interface ModelConstraints {
  /** Ids are 0 .. vocab - 1. */
  readonly vocab: number;
  readonly dtypes: readonly FloatType[];
  readonly masks: readonly ModelMaskKind[];
  readonly paddings: readonly Padding[];
  /** Position ids counted from the mask: no others are drawn. */
  readonly positionIds: Presence;
  /** Whether an explicit mask comes with position ids: a model that counts by masks of two axes cannot count by it. */
  readonly explicitIsPlaced: boolean;
  /** Cached decoding. */
  readonly chunks: Presence;
  readonly minBatch: number;
  readonly maxBatch: number;
  readonly minLength: number;
  readonly maxLength: number;
  readonly want: ModelWant;
}
