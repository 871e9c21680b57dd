import { isReal, modelSizesOf } from '../../reference/model-case';
import { paddedOn, rankOf, realIndices } from '../../src/arbitraries/model/changes';
import { withinLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';
import { countsTokens } from './positions';

/** Generation pads on the left, training on the right. Learned positions that are blind to padding make two models of one. */
export default defineModelProperty({
  id: 'models/padding-side',
  statement: 'Padding on the left, on the right, and one more column of it give the real tokens the same logits.',
  compares: 'declared',
  needs: {
    other: ({ positions, positionIds }) =>
      positions === 'index' && !positionIds ? 'takes no position_ids, and counts padding' : undefined,
  },
  cases: (domain) => ({
    ...domain,
    masks: domain.masks.filter((kind) => kind !== 'none'),
    maxLength: Math.max(1, domain.maxLength - 1),
  }),
  guard: (c, { model }) => model !== undefined && countsTokens(c, model) && countsTokens(paddedOn(c, 'left', 1), model),
  async check(context, c) {
    const { seqLen } = modelSizesOf(c);
    const others = [paddedOn(c, 'left'), paddedOn(c, 'right'), paddedOn(c, 'left', 1), paddedOn(c, 'right', 1)];
    const [given, ...answers] = await context.forward([c, ...others]);
    return withinLogits(
      context,
      [c, given],
      others.map((other, n) => {
        const length = modelSizesOf(other).seqLen;
        const isLeft = n % 2 === 0;
        return {
          side: [other, answers[n]],
          name: `those with the padding on the ${isLeft ? 'left' : 'right'}${length > seqLen ? ' and one more column of it' : ''}`,
          at: (b, i) => isReal(c, b, i),
          map: (b, i) => [b, rankOf(c, b, i) + (isLeft ? length - realIndices(c, b).length : 0)],
        };
      }),
    );
  },
});
