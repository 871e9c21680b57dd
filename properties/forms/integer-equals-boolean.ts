import { withForm } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** Tokenizers make 0 and 1 as integers; a path that tests for a boolean dtype takes them for numbers to add, or turns them round. */
export default defineProperty({
  id: 'forms/integer-equals-boolean',
  statement: 'A 2D mask of integers 0 and 1 means what the boolean mask of the same keys means.',
  compares: 'radius',
  needs: { anyRank: [2], forms: ['integer', 'boolean'] },
  cases: (domain) => narrow(domain, { maskRanks: [2], maskForms: ['integer'] }),
  async check(context, c) {
    const twin = withForm(c, 'boolean');
    const [integer, boolean] = await context.attend([c, twin]);
    return within(context, [c, integer], [twin, boolean], { with: 'the answer to the boolean mask' });
  },
});
