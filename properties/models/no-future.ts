import { isReal, modelSizesOf } from '../../reference/model-case';
import { withTokensChanged } from '../../src/arbitraries/model/changes';
import { identicalLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** A mask that says what is padding does not say what is causal: the model has to add that itself, at every layer and in every decoding step. */
export default defineModelProperty({
  id: 'models/no-future',
  statement:
    'No token sees a later one: other tokens in the second half of a text leave the logits of the first half as they were.',
  compares: 'bitwise',
  needs: {},
  cases: (domain) => ({ ...domain, minLength: 2 }),
  async check(context, c) {
    const { seqLen } = modelSizesOf(c);
    const cuts = [...new Set([1, seqLen >> 1, seqLen - 1])];
    const others = cuts.map((cut) => withTokensChanged(c, context.model.vocab, (_, i) => i >= cut));
    const [before, ...after] = await context.forward([c, ...others]);
    return identicalLogits(
      context,
      [c, before],
      cuts.map((cut, n) => ({
        side: [others[n], after[n]],
        name: `those with other tokens from ${cut} on`,
        // A query that keeps nothing may be a mean over all there is.
        at: (b, i) => i < cut && isReal(c, b, i),
      })),
    );
  },
});
