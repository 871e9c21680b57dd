/** Calls of whole models of every kind that there is: what tests draw from, or narrow. */
import { modelMasks, paddings, type ModelConstraints } from '../../src/arbitraries/model/constraints';

export const everyModelCall: ModelConstraints = {
  vocab: 12,
  dtypes: ['float32', 'float64', 'float16', 'bfloat16'],
  masks: modelMasks,
  paddings,
  positionIds: 'allow',
  explicitIsPlaced: false,
  chunks: 'allow',
  minBatch: 1,
  maxBatch: 3,
  minLength: 1,
  maxLength: 8,
  want: {},
};
