import { isReal } from '../../reference/model-case';
import { withTokensChanged } from '../../src/arbitraries/model/changes';
import { identicalLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** Padding is a token like any other to everything but the mask: whatever reads it without asking the mask leaks it. */
export default defineModelProperty({
  id: 'models/padding-content',
  statement:
    'What stands in padding does not matter: other tokens there leave the logits of every real token as they were.',
  compares: 'bitwise',
  needs: {
    other: ({ masks, explicitMasks }) => (masks.length + explicitMasks.length > 0 ? undefined : 'takes no mask'),
  },
  cases: (domain) => ({
    ...domain,
    masks: domain.masks.filter((kind) => kind !== 'none'),
    paddings: domain.paddings.filter((padding) => padding !== 'none'),
  }),
  async check(context, c) {
    const other = withTokensChanged(c, context.model.vocab, (b, i) => !isReal(c, b, i));
    const [before, after] = await context.forward([c, other]);
    return identicalLogits(
      context,
      [c, before],
      [{ side: [other, after], name: 'those with other tokens in padding' }],
    );
  },
});
