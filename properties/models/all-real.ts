import { realTokens, maskOf } from '../../src/arbitraries/model/masks';
import { withinLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** Tokenizers always send a mask; whoever calls the model by hand sends none. */
export default defineModelProperty({
  id: 'models/all-real',
  statement: 'A mask in which every token is real is no mask at all.',
  compares: 'declared',
  needs: { other: ({ masks }) => (masks.length > 0 ? undefined : 'takes no mask of [batch, seq_len]') },
  cases: (domain) => ({ ...domain, masks: ['none'], paddings: ['none'] }),
  async check(context, c) {
    const kinds = context.model.masks;
    const others = kinds.map((kind) => ({ ...c, mask: maskOf(kind, realTokens(c), c.tokens.shape[0]) }));
    const [given, ...answers] = await context.forward([c, ...others]);
    return withinLogits(
      context,
      [c, given],
      others.map((other, n) => ({ side: [other, answers[n]], name: `those with a ${kinds[n]} mask of ones` })),
    );
  },
});
