import { withMaskSaidAs } from '../../src/arbitraries/model/changes';
import { withinLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** A mask of four axes is the last word: made causal once more, inverted once more, or added as 0 and 1, it means something else. */
export default defineModelProperty({
  id: 'models/explicit-mask',
  statement:
    'A mask of [batch, seq_len] equals the explicit mask [batch, 1, seq_len, seq_len] of what it leaves to see, boolean or additive.',
  compares: 'declared',
  needs: {
    other: ({ masks, explicitMasks, positions, positionIds }) =>
      masks.length === 0 || explicitMasks.length === 0
        ? 'does not take masks both of two axes and of four'
        : positions === 'mask' && !positionIds
          ? 'counts positions by a mask of two axes, and takes no position_ids with one of four'
          : undefined,
  },
  // Position ids say where tokens stand under either mask; a model may count them by one and not by the other.
  cases: (domain) => ({
    ...domain,
    masks: domain.masks.filter((kind) => kind === 'boolean' || kind === 'integer' || kind === 'float'),
    ...(domain.positionIds === 'allow' && { positionIds: 'always' }),
  }),
  async check(context, c) {
    const kinds = context.model.explicitMasks;
    const others = kinds.map((form) => withMaskSaidAs(c, `explicit_${form}`));
    const [given, ...answers] = await context.forward([c, ...others]);
    return withinLogits(
      context,
      [c, given],
      others.map((other, n) => ({ side: [other, answers[n]], name: `those of its explicit ${kinds[n]} twin` })),
    );
  },
});
