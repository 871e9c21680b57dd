import { places } from '../../src/arbitraries/model/describe';
import { logitsAt } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** 0 times the infinite derivative of a softmax without a key is NaN, and training ends there. */
export default defineModelProperty({
  id: 'models/gradients-finite',
  statement: 'The gradients of the loss over real tokens are finite, with any padding.',
  compares: 'exact',
  needs: { abilities: ['gradients'] },
  cases: (domain) => ({ ...domain, chunks: 'never', want: { gradients: true } }),
  async check(context, c) {
    const [{ gradients }] = await context.forward([c]);
    const odd = places(c).filter((place) => !logitsAt(gradients!.embedding, place).every(Number.isFinite));
    context.tally('compared', places(c).length - odd.length);
    if (odd.length === 0) return undefined;
    const [[b, i]] = odd;
    return {
      summary: `The gradient at token ${i} of row ${b} is not finite${odd.length > 1 ? `; at ${odd.length} tokens it is not` : ''}.`,
      rows: odd.map(([row, token]) => ({ b: row, h: 0, i: token })),
      cells: [],
    };
  },
});
