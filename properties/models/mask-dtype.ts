import { withMaskSaidAs } from '../../src/arbitraries/model/changes';
import { maskKindOf } from '../../src/arbitraries/model/masks';
import { withinLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** `1 - mask`, `~mask` and `mask == 0` are three different things to bool, int and float. */
export default defineModelProperty({
  id: 'models/mask-dtype',
  statement: 'A mask of [batch, seq_len] means the same as booleans, as integers and as floating 0 and 1.',
  compares: 'declared',
  needs: { other: ({ masks }) => (masks.length > 1 ? undefined : 'takes masks of one dtype at the most') },
  cases: (domain) => ({
    ...domain,
    masks: (['boolean', 'integer', 'float'] as const).filter((kind) => domain.masks.includes(kind)),
  }),
  async check(context, c) {
    const kinds = context.model.masks.filter((kind) => kind !== maskKindOf(c));
    const others = kinds.map((kind) => withMaskSaidAs(c, kind));
    const [given, ...answers] = await context.forward([c, ...others]);
    return withinLogits(
      context,
      [c, given],
      others.map((other, n) => ({ side: [other, answers[n]], name: `those of its ${kinds[n]} twin` })),
    );
  },
});
