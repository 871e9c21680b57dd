import type { CaseConstraints } from '../../../src/arbitraries/constraints';

/** Everything that the reference takes: all but float64. */
export const everyCase: CaseConstraints = {
  dtypes: ['float32', 'float16', 'bfloat16'],
  causal: 'bottom_right',
  emptyRows: 'allow',
  overlongKeys: 'allow',
  want: { weights: true, scores: true },
};
