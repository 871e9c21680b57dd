import { defineModelProperty } from '../../src/property';
import { cannotSayBoth, differsFromExplicit, sayableInBoth } from './explicit';

/** A mask of four axes is the last word: made causal once more, inverted once more, or cut at the wrong end, it means something else. */
export default defineModelProperty({
  id: 'models/explicit-additive',
  statement:
    'A mask of [batch, seq_len] equals the explicit additive mask [batch, 1, seq_len, seq_len] of what it leaves to see.',
  compares: 'declared',
  needs: { other: (model) => cannotSayBoth(model, 'additive') },
  cases: sayableInBoth,
  check: (context, c) => differsFromExplicit(context, c, 'additive'),
});
