import { contractOf } from '../../reference/masks';
import { narrow } from '../../src/arbitraries/narrow';
import { agrees } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** A softmax over nothing: 0/0, a mean over the keys that are not causal, or the row as if there were no mask, depending on the kernel that was picked. */
export default defineProperty({
  id: 'rows/fully-masked',
  statement: 'A query that keeps no key answers as declared: zeros, NaN, or the mean of all values.',
  compares: 'declared',
  needs: {
    other: ({ fullyMaskedRow }) =>
      Object.values(fullyMaskedRow).some((contract) => contract !== 'unspecified')
        ? undefined
        : 'does not declare what a query that keeps no key answers',
  },
  cases: (domain) => narrow(domain, { emptyRows: 'always' }),
  guard: (c, supports) => contractOf(c, supports) !== 'unspecified',
  async check(context, c) {
    const [answer] = await context.attend([c]);
    return agrees(context, c, answer, context.expect(c), {
      states: 'empty',
      with: `the declared contract for rows without a key (${contractOf(c, context.supports)})`,
    });
  },
});
