import { defineModelProperty } from '../../src/property';
import { cannotSayBoth, differsFromExplicit, sayableInBoth } from './explicit';

/** Added to the scores instead of chosen by, True is a 1 and False a 0: kept keys gain little and dropped keys stay. */
export default defineModelProperty({
  id: 'models/explicit-boolean',
  statement:
    'A mask of [batch, seq_len] equals the explicit boolean mask [batch, 1, seq_len, seq_len] of what it leaves to see.',
  compares: 'declared',
  needs: { other: (model) => cannotSayBoth(model, 'boolean') },
  cases: sayableInBoth,
  check: (context, c) => differsFromExplicit(context, c, 'boolean'),
});
